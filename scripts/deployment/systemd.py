"""The service for systemd, and the recipe that installs it."""

import os
import re
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

from .common import HUBBUB, ROOT, check, config_is_valid, run
from .docker import copy_libraries


@check
def systemd_understands_the_unit_and_finds_it_hardened():
    unit = (ROOT / "config/systemd/hubbub.service").read_text()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "hubbub.service"
        path.write_text(unit.replace("/usr/local/bin/hubbub", str(HUBBUB.resolve())))
        said = run("systemd-analyze", "verify", "--man=no", path)
        assert "hubbub.service" not in said, said
        run("systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", path)


def recipe(path, heading):
    """The commands of a document's chapter up to the start of the service, without comments."""
    chapter = (ROOT / path).read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = "".join(re.findall(r"```sh\n(.*?)```", chapter, re.DOTALL)).splitlines()
    commands = [re.sub(r"\s+#.*", "", line) for line in lines]
    commands = commands[commands.index("make build") :]
    return commands[: commands.index("journalctl -fu hubbub") + 1]


@check
def systemd_recipe_is_the_same_in_both_documents_and_installs_all_of_it():
    commands = recipe("README.md", "On a server with TLS")
    assert commands == recipe("docs/DEPLOYMENT.md", "A binary and systemd"), "README.md and docs/DEPLOYMENT.md show other commands"
    with tempfile.TemporaryDirectory() as folder:
        # What Debian 12 has.
        for there in ["etc/systemd/system", "usr/local/bin"]:
            (Path(folder) / there).mkdir(parents=True)
        for command in commands:
            if not command.startswith("sudo install "):
                continue
            words = shlex.split(command)[1:]
            assert "&&" not in words, f"a line of its own each: {command}"
            # Owner and group are not there yet.
            for option in {"-o", "-g"} & set(words):
                del words[words.index(option) : words.index(option) + 2]
            words = [f"{folder}{word}" if word.startswith("/") else word for word in words]
            run(*(HUBBUB.resolve() if word == "target/release/hubbub" else word for word in words), cwd=ROOT)
        made = {str(path.relative_to(folder)) for path in Path(folder).rglob("*") if path.is_file()}
        unit = (ROOT / "config/systemd/hubbub.service").read_text()
        wanted = re.findall(r"^(?:ExecStart=|Environment=HUBBUB_CONFIG=)/([^\s]+)", unit, re.MULTILINE)
        wanted += ["etc/systemd/system/hubbub.service", "etc/sysusers.d/hubbub.conf", "etc/sysctl.d/60-hubbub.conf"]
        assert made == set(wanted), f"the recipe installs {sorted(made)}, the service needs {sorted(wanted)}"


@check
def commands_find_the_configuration_of_an_installed_server():
    """As the recipe has its owner and mode; typed in somebody's closed home by the server's user, by another one and by root."""
    if os.geteuid() != 0:
        print("  (not run: needs root)")
        return
    with tempfile.TemporaryDirectory() as folder:
        root, server, other = Path(folder), 65532, 65533
        copy_libraries(root)
        shutil.copy(HUBBUB, root / "hubbub")
        root.chmod(0o755)
        (root / "home").mkdir(mode=0o700)
        etc = root / "etc/hubbub"
        etc.mkdir(mode=0o750, parents=True)
        file = etc / "hubbub.toml"
        shutil.copy(ROOT / "config/systemd/hubbub.toml", file)
        file.chmod(0o640)
        for path in [etc, file]:
            os.chown(path, 0, server)

        def said_to(user):
            def become():
                os.chroot(root)
                os.chdir("/home")
                os.setgroups([])
                os.setgid(user)
                os.setuid(user)

            return subprocess.run(["/hubbub", "config", "check"], env={}, capture_output=True, text=True, preexec_fn=become)

        for user in [server, 0]:
            done = said_to(user)
            assert done.stdout == "The configuration in /etc/hubbub/hubbub.toml is valid.\n", f"{user}: {done.stdout}{done.stderr}"
        done = said_to(other)
        assert done.returncode == 1 and "cannot read the configuration file /etc/hubbub/hubbub.toml" in done.stderr, f"{done}"
        assert "sudo -u hubbub" in done.stderr, f"what would be right is said: {done.stderr}"


@check
def system_gives_the_buffers_that_media_asks_for():
    code = (ROOT / "crates/sfu/src/worker/socket.rs").read_text()
    number, shift = re.search(r"const BUFFER: usize = (\d+) << (\d+);", code).groups()
    lines = (ROOT / "config/systemd/60-hubbub.conf").read_text().splitlines()
    given = dict(line.split(" = ") for line in lines if not line.startswith("#"))
    wanted = str(int(number) << int(shift))
    assert given == {"net.core.rmem_max": wanted, "net.core.wmem_max": wanted}, f"{given}, and {wanted} bytes are asked for"


@check
def systemd_example_is_a_valid_configuration():
    with tempfile.TemporaryDirectory() as folder:
        config_is_valid({}, folder, ROOT / "config/systemd/hubbub.toml")
        config_is_valid({}, folder, ROOT / "config/small.toml")
