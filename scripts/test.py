#!/usr/bin/env python3
"""Runs every test there is and ends with one line: N passed, N failed.

A step that fails for another reason than a failing test (a compiler error, say) counts as one failure. All steps run,
so that one run shows everything.
"""

import argparse
import filecmp
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WEB = ROOT / "web"
E2E = WEB / "e2e"
PYTHON_CLIENT = ROOT / "examples" / "python-client"
ANSI = re.compile(r"\x1b\[[0-9;]*m")


class Result:
    """What a step's command did."""

    def __init__(self, code, output):
        self.code = code
        self.output = ANSI.sub("", output)

    @property
    def ok(self):
        return self.code == 0


def run(command, cwd=ROOT, minutes=20, env=None):
    """Runs a command, shows and keeps its output, and ends it with all its children when it takes too long."""
    print(f"$ {' '.join(map(str, command))}", flush=True)
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    os.set_blocking(process.stdout.fileno(), False)
    deadline = time.monotonic() + minutes * 60
    chunks = []
    try:
        while True:
            chunk = process.stdout.read()
            if chunk:
                chunks.append(chunk)
                sys.stdout.buffer.write(chunk)
                sys.stdout.flush()
            elif process.poll() is not None:
                break
            elif time.monotonic() > deadline:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                print(f"\nstopped after {minutes} minutes", flush=True)
                return Result(124, b"".join(chunks).decode(errors="replace"))
            else:
                time.sleep(0.05)
    except KeyboardInterrupt:
        os.killpg(process.pid, signal.SIGTERM)
        raise
    return Result(process.returncode, b"".join(chunks).decode(errors="replace"))


def check(command, **options):
    """A step that either passes or fails as a whole."""
    return (1, 0) if run(command, **options).ok else (0, 1)


def counted(result, passed, failed):
    """The counts a tool reported; never without a failure when the tool says that it failed."""
    if not result.ok and failed == 0:
        failed = 1
    if result.ok and passed == 0 and failed == 0:
        print("the tests ran, but none were counted", flush=True)
        failed = 1
    return passed, failed


def cargo_tests(result):
    found = re.findall(r"^test result: \w+\. (\d+) passed; (\d+) failed", result.output, re.MULTILINE)
    return sum(int(p) for p, _ in found), sum(int(f) for _, f in found)


def rust_tests():
    if shutil.which("cargo-nextest"):
        profile = ["--profile", "ci"] if os.environ.get("CI") and (ROOT / ".config/nextest.toml").exists() else []
        result = run(
            ["cargo", "nextest", "run", "--workspace", "--locked", "--no-fail-fast", *profile], minutes=25
        )
        summary = re.search(r"Summary \[.*?\] .*?run: (\d+) passed(.*)", result.output)
        passed = int(summary.group(1)) if summary else 0
        # With CI's one more try a flaky test counts as passed; nextest names it.
        rest = summary.group(2) if summary else ""
        failed = sum(int(n) for n in re.findall(r"(\d+) (?:failed|timed out|exec failed)", rest))
        passed, failed = counted(result, passed, failed)
        examples = run(["cargo", "test", "--workspace", "--locked", "--doc"], minutes=10)
        doc_passed, doc_failed = cargo_tests(examples)
        return passed + doc_passed, failed + max(doc_failed, 0 if examples.ok else 1)
    result = run(["cargo", "test", "--workspace", "--locked", "--no-fail-fast"], minutes=30)
    return counted(result, *cargo_tests(result))


def npm_ci(folder):
    """Installs a package's dependencies unless they are those of the lock file already."""
    lock, done = folder / "package-lock.json", folder / "node_modules" / ".package-lock.json"
    if done.exists() and done.stat().st_mtime >= lock.stat().st_mtime:
        return (1, 0)
    passed, failed = check(["npm", "ci", "--no-audit", "--no-fund"], cwd=folder, minutes=10)
    if passed:
        done.touch()
    return passed, failed


def web_units():
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "vitest.json"
        command = ["npx", "vitest", "run", "--reporter=default", "--reporter=json", f"--outputFile.json={report}"]
        result = run(command, cwd=WEB, minutes=10)
        counts = json.loads(report.read_text()) if report.exists() else {}
    return counted(result, counts.get("numPassedTests", 0), counts.get("numFailedTests", 0))


def web_generated():
    """The client's types must be those of crates/api/openapi.json."""
    schema = WEB / "src/api/schema.d.ts"
    with tempfile.TemporaryDirectory() as folder:
        before = Path(folder) / "schema.d.ts"
        shutil.copy2(schema, before)
        result = run(["npm", "run", "generate"], cwd=WEB, minutes=5)
        fresh = result.ok and filecmp.cmp(before, schema, shallow=False)
        if result.ok and not fresh:
            print("web/src/api/schema.d.ts is stale; run make generate and commit it", flush=True)
        shutil.copy2(before, schema)
    return (1, 0) if fresh else (0, 1)


def python_with(name, requirements):
    """A virtual environment in target/ with these requirements; none when it cannot be made."""
    venv = ROOT / "target" / name
    stamp = venv / "requirements.txt"
    if not stamp.exists() or stamp.read_text() != requirements.read_text():
        shutil.rmtree(venv, ignore_errors=True)
        if not run([sys.executable, "-m", "venv", venv], minutes=3).ok:
            return None
        if not run([venv / "bin/pip", "install", "--quiet", "-r", requirements], minutes=10).ok:
            return None
        shutil.copy(requirements, stamp)
    return venv


def deployment():
    """Dockerfile, Compose, Kubernetes, systemd: as much of them as runs without an engine."""
    venv = python_with("deployment-venv", ROOT / "scripts/deployment-requirements.txt")
    if venv is None:
        return 0, 1
    env = {"HUBBUB_BIN": str(ROOT / "target/debug/hubbub")}
    result = run([venv / "bin/python", ROOT / "scripts/check_deployment.py"], minutes=10, env=env)
    found = re.search(r"^(\d+) checks passed, (\d+) failed", result.output, re.MULTILINE)
    return counted(result, *(map(int, found.groups()) if found else (0, 1)))


def python_client():
    venv = python_with("python-client-venv", PYTHON_CLIENT / "requirements.txt")
    if venv is None:
        return 0, 1
    env = {"HUBBUB_BIN": str(ROOT / "target/debug/hubbub")}
    return check([venv / "bin/python", PYTHON_CLIENT / "test_client.py"], minutes=5, env=env)


def browsers():
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "playwright.json"
        env = {"PLAYWRIGHT_JSON_OUTPUT_NAME": str(report), "HUBBUB_BIN": str(ROOT / "target/debug/hubbub")}
        result = run(["npx", "playwright", "test", "--reporter=list,json"], cwd=E2E, minutes=20, env=env)
        stats = json.loads(report.read_text()).get("stats", {}) if report.exists() else {}
    flaky = stats.get("flaky", 0)
    if flaky:
        print(f"{flaky} browser test(s) passed only the second time; find out why", flush=True)
    return counted(result, stats.get("expected", 0) + flaky, stats.get("unexpected", 0))


def steps():
    yield "web", "web: dependencies", lambda: npm_ci(WEB)
    yield "web", "web: lint", lambda: check(["npm", "run", "lint"], cwd=WEB)
    yield "web", "web: unit tests", web_units
    yield "web", "web: build, types and size", lambda: check(["npm", "run", "build"], cwd=WEB)
    yield "web", "web: generated types are fresh", web_generated
    yield "rust", "format", lambda: check(["cargo", "fmt", "--all", "--check"])
    yield "rust", "build", lambda: check(["cargo", "build", "--workspace", "--all-targets", "--locked"], minutes=30)
    clippy = ["cargo", "clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]
    yield "rust", "lint", lambda: check(clippy, minutes=20)
    yield "rust", "tests", rust_tests
    # Private items are documented too, so links to them lead somewhere.
    rustdoc = {"RUSTDOCFLAGS": "-D warnings -A rustdoc::private_intra_doc_links"}
    doc = ["cargo", "doc", "--workspace", "--no-deps", "--locked", "--document-private-items"]
    yield "rust", "documentation", lambda: check(doc, minutes=15, env=rustdoc)
    server = ["cargo", "build", "--workspace", "--all-targets", "--locked"]
    yield "e2e", "server for the browsers", lambda: check(server, minutes=30)
    yield "e2e", "deployment: Docker, Kubernetes, systemd", deployment
    if PYTHON_CLIENT.exists():
        yield "e2e", "a client written from the documents (Python)", python_client
    yield "e2e", "dashboards and alerts with Prometheus", lambda: check(
        [sys.executable, ROOT / "scripts/monitoring.py", "--pictures", ROOT / "target/dashboards"], minutes=10
    )
    yield "e2e", "make run, twice", lambda: check([sys.executable, ROOT / "scripts/make_run.py"], minutes=40)
    yield "e2e", "browser tests: dependencies", lambda: npm_ci(E2E)
    yield "e2e", "browser tests: types", lambda: check(["npm", "run", "typecheck"], cwd=E2E)
    yield "e2e", "browser tests", browsers


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=["rust", "web", "e2e"], help="one part only")
    only = parser.parse_args().only
    table, passed, failed = [], 0, 0
    for part, name, step in steps():
        if only and part != only:
            continue
        print(f"\n=== {name}", flush=True)
        started = time.monotonic()
        try:
            step_passed, step_failed = step()
        except (OSError, ValueError) as error:
            print(error, flush=True)
            step_passed, step_failed = 0, 1
        passed, failed = passed + step_passed, failed + step_failed
        table.append((name, step_passed, step_failed, time.monotonic() - started))
    print()
    for name, step_passed, step_failed, seconds in table:
        print(f"{'ok    ' if step_failed == 0 else 'FAILED'} {name}: {step_passed} passed, {step_failed} failed, {seconds:.0f} s")
    print(f"{passed} passed, {failed} failed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
