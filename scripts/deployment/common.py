"""What the checks of deployment share."""

import os
import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
HUBBUB = Path(os.environ.get("HUBBUB_BIN", ROOT / "target/debug/hubbub"))
TOOLS = Path(sys.executable).parent

CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


def run(*command, env=None, **options):
    """Runs a command; its output, which is the error when it fails."""
    command = [str(part) for part in command]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=120, **options)
    assert done.returncode == 0, f"{' '.join(command)}:\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def config_is_valid(environment, folder, file=None):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("HUBBUB")}
    run(HUBBUB, "config", "check", "--config", file or os.devnull, env={**clean, **environment}, cwd=folder)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
