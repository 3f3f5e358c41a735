#!/usr/bin/env python3
"""Runs the server and the web client for development: the server is built and started again when a Rust file changes,
the web client reloads by itself (Vite). Ctrl-C ends both."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WATCHED = ["crates", "config", "Cargo.toml", "Cargo.lock"]
SUFFIXES = {".rs", ".toml", ".sql", ".lock", ".json", ".html", ".txt", ".j2"}


def newest_change():
    """The time of the last change to a file that the server is built from or reads at start."""
    newest = 0.0
    for name in WATCHED:
        path = ROOT / name
        files = [path] if path.is_file() else path.rglob("*")
        for file in files:
            if file.suffix in SUFFIXES and file.is_file():
                newest = max(newest, file.stat().st_mtime)
    return newest


def start(command, cwd=ROOT):
    return subprocess.Popen(command, cwd=cwd, start_new_session=True)


def stop(process):
    if process and process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(timeout=12)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def main():
    web = start(["npm", "run", "dev"], cwd=ROOT / "web")
    server, seen = None, 0.0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        while web.poll() is None:
            changed = newest_change()
            if changed > seen:
                seen = changed
                built = subprocess.run(["cargo", "build", "--locked", "--workspace", "--bins"], cwd=ROOT, check=False)
                if built.returncode == 0:
                    stop(server)
                    server = start([str(ROOT / "target/debug/hubbub")])
                    print("\nOpen http://127.0.0.1:5173\n", flush=True)
            time.sleep(0.7)
    except KeyboardInterrupt:
        pass
    finally:
        stop(server)
        stop(web)


if __name__ == "__main__":
    main()
