#!/usr/bin/env python3
"""Fuzzes with libFuzzer, on the stable toolchain: all targets one after the other, or those named.

What makes new code run is kept in fuzz/corpus, minimised at the end; what crashes in fuzz/artifacts. The first build instruments
all dependencies and takes minutes. Needs a C++ compiler.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

FUZZ = Path(__file__).resolve().parent.parent / "fuzz"
TARGETS = sorted(path.stem for path in (FUZZ / "fuzz_targets").glob("*.rs"))
# What cargo-fuzz sets, without the sanitizers, which need a nightly compiler; nothing here is unsafe but the socket calls.
FLAGS = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=1",
    "--cfg=fuzzing",
]
# Larger inputs are found by none of the formats' limits but the offer's.
LONGEST = {"sdp": 20_000, "message": 20_000}


def build(target_dir):
    host = subprocess.run(["rustc", "-vV"], capture_output=True, text=True, check=True).stdout
    host = next(line.split()[1] for line in host.splitlines() if line.startswith("host:"))
    # With --target the flags leave build scripts alone.
    command = ["cargo", "build", "--release", "--target", host, "--target-dir", str(target_dir)]
    subprocess.run(command, cwd=FUZZ, env={**os.environ, "RUSTFLAGS": " ".join(FLAGS)}, check=True)
    return target_dir / host / "release"


def fuzz(binary, seconds, options):
    """Returns whether nothing was found."""
    name = binary.name
    corpus, artifacts = FUZZ / "corpus" / name, FUZZ / "artifacts" / name
    artifacts.mkdir(parents=True, exist_ok=True)
    longest = f"-max_len={LONGEST.get(name, 4096)}"
    with tempfile.TemporaryDirectory() as found:
        run = [binary, found, corpus, f"-max_total_time={seconds}", longest, f"-artifact_prefix={artifacts}/", *options]
        code = subprocess.run(run).returncode
        if any(Path(found).iterdir()) and code == 0:
            with tempfile.TemporaryDirectory() as least:
                # The committed inputs come first: of the new ones only those stay that add something.
                merge = [binary, "-merge=1", longest, least, corpus, found]
                subprocess.run(merge, check=True, capture_output=True)
                known = {path.read_bytes() for path in corpus.iterdir()}
                for path in Path(least).iterdir():
                    if path.read_bytes() not in known:
                        shutil.copy(path, corpus / path.name[:16])
    return code == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*", help=f"some of: {', '.join(TARGETS)}")
    parser.add_argument("--seconds", type=int, default=60, help="how long each target runs (60)")
    parser.add_argument("--target-dir", type=Path, default=FUZZ / "target", help="where the instrumented build goes")
    arguments, options = parser.parse_known_args()
    unknown = [target for target in arguments.targets if target not in TARGETS]
    if unknown:
        parser.error(f"no such target: {', '.join(unknown)}; there are {', '.join(TARGETS)}")
    binaries = build(arguments.target_dir)
    failed = [t for t in arguments.targets or TARGETS if not fuzz(binaries / t, arguments.seconds, options)]
    if failed:
        sys.exit(f"found something: {', '.join(failed)}; see fuzz/artifacts")


if __name__ == "__main__":
    main()
