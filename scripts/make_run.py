#!/usr/bin/env python3
"""Checks `make run`: it builds what is missing, starts, and ends by SIGTERM with 0; the second time it builds nothing.

It builds with the profile and features that the tests use, so that a build of its own is not needed.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MAKE = ["make", "run", "PROFILE=dev", "PACKAGES=--workspace --all-targets"]

# Said by cargo when it compiles, by npm when it installs or runs a script.
BUILDING = ["Compiling", "added ", "> hubbub", "vite "]

FIRST_SECONDS = 1800
SECOND_SECONDS = 30


def free_ports(count):
    """Ports free for TCP and UDP, below those that the system gives to connections."""
    found = []
    port = 20_000 + os.getpid() * 20 % 10_000
    while len(found) < count:
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            try:
                tcp.bind(("0.0.0.0", port))
                udp.bind(("0.0.0.0", port))
                found.append(port)
            except OSError:
                pass
        port = port + 1 if port < 30_000 else 20_000
    return found


def is_ready(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False


def server_of(make):
    """The process that make started last; `exec` in the recipe makes it the server itself."""
    children = Path(f"/proc/{make.pid}/task/{make.pid}/children").read_text().split()
    return int(children[-1])


def start_and_stop(env, port, log, patience):
    """One `make run`; how many seconds it took to be ready, and what was said."""
    with open(log, "wb") as output:
        started = time.monotonic()
        make = subprocess.Popen(
            MAKE, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
        try:
            while not is_ready(port):
                if make.poll() is not None:
                    raise RuntimeError(f"make run ended with {make.returncode}")
                if time.monotonic() - started > patience:
                    raise RuntimeError(f"not ready within {patience} s")
                time.sleep(0.05)
            took = time.monotonic() - started
            os.kill(server_of(make), signal.SIGTERM)
            code = make.wait(timeout=30)
            if code != 0:
                raise RuntimeError(f"make run ended with {code} after SIGTERM")
        except (RuntimeError, subprocess.TimeoutExpired):
            print(Path(log).read_text(errors="replace"))
            raise
        finally:
            if make.poll() is None:
                os.killpg(make.pid, signal.SIGKILL)
                make.wait()
    return took, Path(log).read_text(errors="replace")


def main():
    http, metrics, media = free_ports(3)
    with tempfile.TemporaryDirectory(prefix="hubbub-run-") as folder:
        # Variables of a make above this one would change what this one does.
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("HUBBUB", "MAKE", "MFLAGS"))}
        env = {
            **inherited,
            "CARGO_TERM_QUIET": "false",
            "HUBBUB__HTTP__BIND": f"127.0.0.1:{http}",
            "HUBBUB__METRICS__BIND": f"127.0.0.1:{metrics}",
            "HUBBUB__MEDIA__FIRST_PORT": str(media),
            "HUBBUB__MEDIA__WORKERS": "1",
            "HUBBUB__DATA__DIR": f"{folder}/data",
        }
        try:
            first, _ = start_and_stop(env, http, f"{folder}/first.log", FIRST_SECONDS)
            second, said = start_and_stop(env, http, f"{folder}/second.log", SECOND_SECONDS)
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            print(error)
            return 1
    print(f"make run: ready after {first:.1f} s, the second time after {second:.1f} s")
    built = [line for line in said.splitlines() if any(line.strip().startswith(word) for word in BUILDING)]
    if built:
        print("the second make run built something again:", *built, sep="\n  ")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
