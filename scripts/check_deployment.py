#!/usr/bin/env python3
"""Checks everything that Hubbub is deployed with, without a container engine: Dockerfile, Compose, Kubernetes, systemd.

Runs in the virtual environment of scripts/deployment-requirements.txt. HUBBUB_BIN is a built server. The last line says how
many checks passed and failed.
"""

import subprocess
import sys

from deployment import compose, docker, documents, kubernetes, systemd  # noqa: F401
from deployment.common import CHECKS


def main():
    failed = 0
    for function in CHECKS:
        try:
            function()
            print(f"ok      {function.__name__}", flush=True)
        except (AssertionError, KeyError, OSError, ValueError, subprocess.TimeoutExpired) as error:
            failed += 1
            print(f"FAILED  {function.__name__}: {error}", flush=True)
    print(f"{len(CHECKS) - failed} checks passed, {failed} failed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
