"""The service for systemd, and the recipe that installs it."""

import re
import tempfile
from pathlib import Path

from .common import HUBBUB, ROOT, check, config_is_valid, run


@check
def systemd_understands_the_unit_and_finds_it_hardened():
    unit = (ROOT / "config/systemd/hubbub.service").read_text()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "hubbub.service"
        path.write_text(unit.replace("/usr/local/bin/hubbub", str(HUBBUB.resolve())))
        said = run("systemd-analyze", "verify", "--man=no", path)
        assert "hubbub.service" not in said, said
        run("systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", path)


@check
def memory_of_passwords_is_given_back():
    """What docs/CAPACITY.md says of memory was measured with it."""
    for name in ["config/systemd/hubbub.service", "Dockerfile", "crates/loadtest/tests/small_machine.rs"]:
        assert re.search(r"MALLOC_MMAP_THRESHOLD_\W+1048576", (ROOT / name).read_text()), f"{name} does not set it"


@check
def systemd_example_is_a_valid_configuration():
    with tempfile.TemporaryDirectory() as folder:
        config_is_valid({}, folder, ROOT / "config/systemd/hubbub.toml")
        config_is_valid({}, folder, ROOT / "config/small.toml")
