"""The Dockerfile, and what the image is at run time."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from .common import HUBBUB, ROOT, TOOLS, check, free_port, run

# Libraries in the base image gcr.io/distroless/cc-debian12, and its C library (packages libc6 and libgcc-s1 of Debian 12).
BASE_LIBRARIES = {"libc.so.6", "libm.so.6", "libgcc_s.so.1", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1", "linux-vdso.so.1"}
BASE_GLIBC = (2, 36)


@check
def dockerfile_is_well_written():
    run(TOOLS / "hadolint", "--failure-threshold", "info", ROOT / "Dockerfile")


@check
def dockerfile_builds_as_make_does():
    plan = run("make", "--dry-run", "--always-make", "build", cwd=ROOT)
    text = re.sub(r"\s*\\\n\s*", " ", (ROOT / "Dockerfile").read_text())
    for command in ["npm ci --no-audit --no-fund", "run build", "build --profile release --locked --package hubbub-server"]:
        assert command in plan and command in text, f"make build and Dockerfile differ in: {command}"


@check
def dockerfile_copies_what_there_is_and_all_that_is_embedded():
    text = (ROOT / "Dockerfile").read_text()
    sources = re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE)
    copied = [ROOT / source.rstrip("/") for line in sources for source in line.split()]
    ignore = (ROOT / ".dockerignore").read_text().splitlines()
    for source in copied:
        assert source.exists(), f"{source} is copied and is not there"
        name = str(source.relative_to(ROOT))
        assert any(name == line[1:] or name.startswith(f"{line[1:]}/") for line in ignore if line.startswith("!")), f".dockerignore leaves out {name}"
    for file in ROOT.glob("crates/*/src/**/*.rs"):
        if "test" in file.name or "tests" in file.parts or "fuzz" in file.parts:
            continue
        for path in re.findall(r"include_(?:str|bytes)!\(\"(\.\./[^\"]+)\"\)", file.read_text()):
            embedded = (file.parent / path).resolve()
            assert any(embedded.is_relative_to(source) for source in copied), f"{file} embeds {embedded}, which the Dockerfile does not copy"


@check
def dockerfile_uses_one_debian_and_new_enough_tools():
    text = (ROOT / "Dockerfile").read_text()
    arguments = dict(re.findall(r"^ARG (\w+)=(\S+)$", text, re.MULTILINE))
    assert arguments["RUST"].endswith("-bookworm") and "debian12" in arguments["BASE"], "Debian 12 is called bookworm"
    wanted = re.search(r'rust-version = "([\d.]+)"', (ROOT / "Cargo.toml").read_text()).group(1)
    version = lambda text: [int(part) for part in text.split("-")[0].split(".")]
    assert version(arguments["RUST"]) >= version(wanted), f"Cargo.toml wants Rust {wanted}"
    node = json.loads((ROOT / "web/package.json").read_text())["engines"]["node"].lstrip(">=")
    assert version(arguments["NODE"]) >= version(node)[:1], f"package.json wants Node.js {node}"


@check
def binary_needs_nothing_that_the_base_image_lacks():
    needed = re.findall(r"^\s*(\S+)", run("ldd", HUBBUB), re.MULTILINE)
    names = {Path(name).name for name in needed}
    assert names <= BASE_LIBRARIES, f"the base image has no {names - BASE_LIBRARIES}"
    symbols = run("readelf", "--dyn-syms", "--wide", HUBBUB)
    newest = max(tuple(map(int, version.split("."))) for version in re.findall(r"@GLIBC_([\d.]+)", symbols))
    assert newest[:2] <= BASE_GLIBC, f"the binary needs glibc {newest}, the base image has {BASE_GLIBC}"


@check
def server_runs_in_an_empty_read_only_root():
    """What the image is at run time: binary and libraries, nothing else, not root, only /data writable."""
    assert os.geteuid() == 0 or os.environ.get("CI") is None, "needs root for a root of its own"
    if os.geteuid() != 0:
        print("  (not run: needs root)")
        return
    for owner, group, mode in [(65532, 65532, 0o700), (0, 65532, 0o2770)]:
        with in_an_empty_root(owner, group, mode) as (start, data, log):
            deadline = time.monotonic() + 60
            server = start("serve", stderr=log)
            try:
                while start("healthcheck", stderr=subprocess.DEVNULL).wait() != 0:
                    assert server.poll() is None and time.monotonic() < deadline, f"the server is not well:\n{said(log)}"
                    time.sleep(0.2)
                assert start("healthcheck", "--ready").wait() == 0, "the server is ready"
                files = {path.name: path.stat().st_mode & 0o777 for path in data.iterdir()}
                assert files["secret.key"] == 0o600 and "hubbub.db" in files, f"{files}"
            finally:
                server.send_signal(signal.SIGTERM)
                server.wait(timeout=60)
            assert server.returncode == 0, f"the server ends with {server.returncode}:\n{said(log)}"
            # A volume of Kubernetes with fsGroup belongs to root and the pod's group; nobody but root may close it.
            warnings = said(log).count("the data folder belongs to another user")
            assert warnings == (owner == 0), f"{warnings} warnings of a folder of user {owner}:\n{said(log)}"


def said(log):
    return Path(log.name).read_text()


def copy_libraries(root):
    for library in re.findall(r"(/\S+) \(0x", run("ldd", HUBBUB)):
        (root / library[1:]).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library, root / library[1:])


@contextlib.contextmanager
def in_an_empty_root(owner, group, mode):
    """A way to start the program as user 65532 in a root of its own, the data folder as seen from outside, and a file for its log."""
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "log").open("w") as log:
        root, data = Path(folder) / "root", Path(folder) / "data"
        for path in ["usr/local/bin", "proc", "data", "tmp"]:
            (root / path).mkdir(parents=True)
        (root / "usr/local/bin/hubbub").touch()
        data.mkdir()
        os.chown(data, owner, group)
        data.chmod(mode)
        copy_libraries(root)
        inside = f"""set -e
            mount --bind {HUBBUB.resolve()} {root}/usr/local/bin/hubbub
            mount --rbind {root} {root} && mount -o remount,ro,bind {root}
            mount --bind {data} {root}/data && mount -t proc proc {root}/proc
            exec chroot --userspec=65532:65532 {root} /usr/local/bin/hubbub "$@" """
        clean = {name: value for name, value in os.environ.items() if not name.startswith("HUBBUB")}
        environment = {
            "HUBBUB__DATA__DIR": "/data",
            "HUBBUB__HTTP__BIND": "127.0.0.1:0",
            "HUBBUB__METRICS__BIND": f"127.0.0.1:{free_port()}",
            "HUBBUB__MEDIA__FIRST_PORT": "0",
            "HUBBUB__MEDIA__BIND": "127.0.0.1",
        }

        def start(*arguments, **options):
            return subprocess.Popen(["unshare", "--mount", "sh", "-c", inside, "sh", *arguments], env={**clean, **environment}, **options)

        yield start, data, log
