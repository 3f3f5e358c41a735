#!/usr/bin/env python3
"""Checks everything that Hubbub is deployed with, without a container engine: Dockerfile, Compose, Kubernetes, systemd.

Runs in the virtual environment of scripts/deployment-requirements.txt. HUBBUB_BIN is a built server. The last line says how
many checks passed and failed.
"""

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

import kubernetes_validate
import yaml

ROOT = Path(__file__).resolve().parent.parent
HUBBUB = Path(os.environ.get("HUBBUB_BIN", ROOT / "target/debug/hubbub"))
TOOLS = Path(sys.executable).parent
# Libraries in the base image gcr.io/distroless/cc-debian12, and its C library (packages libc6 and libgcc-s1 of Debian 12).
BASE_LIBRARIES = {"libc.so.6", "libm.so.6", "libgcc_s.so.1", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1", "linux-vdso.so.1"}
BASE_GLIBC = (2, 36)
# What somebody would write into config/docker/server.env.
FILLED = {
    "HUBBUB_URL": "https://talk.example.org",
    "HUBBUB_ADDRESS": "203.0.113.7",
    "HUBBUB_SMTP_HOST": "smtp.example.org",
    "HUBBUB_SMTP_USERNAME": "hubbub@example.org",
    "HUBBUB_SMTP_PASSWORD": "a password",
    "HUBBUB_MAIL_FROM": "Hubbub <hubbub@example.org>",
}
# Kubernetes' oldest and newest versions that are looked at.
KUBERNETES = ["1.28", "1.33"]

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


# --- Reading -----------------------------------------------------------------------------------------------------------------


class Tagged(yaml.SafeLoader):
    """YAML with Compose's own tags, !reset and !override, which say how files are merged."""


def construct(loader, _tag, node):
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_scalar(node) or None


Tagged.add_multi_constructor("!", construct)


def environment_file(path):
    lines = (line.strip() for line in path.read_text().splitlines())
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def interpolate(text, variables):
    """Compose's interpolation, as far as it is used here: ${A}, ${A:-default}, ${A:?message}."""

    def value(match):
        name, operator, rest = match.groups()
        found = variables.get(name, "")
        if operator == ":?" and not found:
            raise KeyError(f"{name} {rest}")
        return found or (rest if operator == ":-" else "")

    return re.sub(r"\$\{(\w+)(?:(:-|:\?)([^}]*))?\}", value, text)


def compose(variables):
    """docker-compose.yml with its variables filled in, which Compose does after reading the YAML."""

    def filled(value):
        if isinstance(value, dict):
            return {key: filled(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [filled(inner) for inner in value]
        return interpolate(value, variables) if isinstance(value, str) else value

    return filled(yaml.load((ROOT / "docker-compose.yml").read_text(), Tagged))


def settings():
    """Both ways to fill .env, by name."""
    server = environment_file(ROOT / "config/docker/server.env")
    assert set(FILLED) <= set(server) and all(not server[name] for name in FILLED), "config/docker/server.env leaves these empty"
    return {"trying out": environment_file(ROOT / ".env"), "server": {**server, **FILLED}}


def ports(service, protocol):
    """Published ports of a service: (outside, inside)."""
    found = []
    for port in service.get("ports", []):
        port, _, kind = port.partition("/")
        outside, inside = port.rsplit(":", 1)
        if (kind or "tcp") == protocol:
            first, _, last = inside.partition("-")
            inside = list(range(int(first), int(last or first) + 1))
            first, _, last = outside.rsplit(":", 1)[-1].partition("-")
            found += zip(range(int(first), int(last or first) + 1), inside, strict=True)
    return found


def secrets(folder):
    run("sh", ROOT / "config/docker/make-secrets.sh", folder, ROOT / "config/coturn/turnserver.conf", "172.28.77.10")
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def config_is_valid(environment, folder, file=None):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("HUBBUB")}
    arguments = ["--config", file] if file else []
    run(HUBBUB, "config", "check", *arguments, env={**clean, **environment}, cwd=folder)


# --- Docker ------------------------------------------------------------------------------------------------------------------


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
    libraries = re.findall(r"(/\S+) \(0x", run("ldd", HUBBUB))
    with tempfile.TemporaryDirectory() as folder:
        root, data = Path(folder) / "root", Path(folder) / "data"
        for path in ["usr/local/bin", "proc", "data", "tmp"]:
            (root / path).mkdir(parents=True)
        (root / "usr/local/bin/hubbub").touch()
        data.mkdir(mode=0o700)
        os.chown(data, 65532, 65532)
        for library in libraries:
            (root / library[1:]).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(library, root / library[1:])
        inside = f"""set -e
            mount --bind {HUBBUB.resolve()} {root}/usr/local/bin/hubbub
            mount --rbind {root} {root} && mount -o remount,ro,bind {root}
            mount --bind {data} {root}/data && mount -t proc proc {root}/proc
            exec chroot --userspec=65532:65532 {root} /usr/local/bin/hubbub "$@" """
        environment = {
            "HUBBUB__DATA__DIR": "/data",
            "HUBBUB__HTTP__BIND": "127.0.0.1:0",
            "HUBBUB__METRICS__BIND": f"127.0.0.1:{free_port()}",
            "HUBBUB__MEDIA__FIRST_PORT": "0",
            "HUBBUB__MEDIA__BIND": "127.0.0.1",
        }
        start = lambda *arguments, **options: subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", inside, "sh", *arguments], env={**os.environ, **environment}, **options
        )
        server = start("serve", stderr=subprocess.PIPE, text=True)
        try:
            deadline = time.monotonic() + 60
            while start("healthcheck", stderr=subprocess.DEVNULL).wait() != 0:
                assert server.poll() is None and time.monotonic() < deadline, f"the server is not well: {server.poll()}"
                time.sleep(0.2)
            assert start("healthcheck", "--ready").wait() == 0, "the server is ready"
            assert {path.name for path in data.iterdir()} >= {"hubbub.db", "secret.key"}
        finally:
            server.send_signal(signal.SIGTERM)
            _, log = server.communicate(timeout=60)
        assert server.returncode == 0, f"the server ends with {server.returncode}:\n{log}"


def free_port():
    import socket

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


# --- Compose -----------------------------------------------------------------------------------------------------------------


@check
def compose_files_fit_the_compose_specification():
    with tempfile.TemporaryDirectory() as folder:
        for name in ["docker-compose.yml", "docker-compose.dev.yml"]:
            path = Path(folder) / f"{name}.json"
            path.write_text(json.dumps(yaml.load((ROOT / name).read_text(), Tagged)))
            run(TOOLS / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", path)


@check
def compose_demands_what_has_no_sane_default():
    for missing in ["HUBBUB_URL", "HUBBUB_ADDRESS", "HUBBUB_SMTP_HOST"]:
        try:
            compose({**settings()["server"], missing: ""})
        except KeyError as error:
            assert missing in str(error)
        else:
            raise AssertionError(f"{missing} is not demanded")


@check
def compose_has_no_secret_in_it():
    text = (ROOT / "docker-compose.yml").read_text() + (ROOT / ".env").read_text()
    for line in text.splitlines():
        name, _, value = line.strip().partition(":" if ": " in line else "=")
        if re.search(r"PASSWORD|SECRET|TOKEN", name) and not name.startswith("#"):
            value = value.strip()
            assert value.startswith("/run/secrets") or re.fullmatch(r"\$\{\w+:-\}", value), f"a secret with a value: {line}"


@check
def compose_secrets_are_made_once_and_differ():
    with tempfile.TemporaryDirectory() as folder:
        first = secrets(Path(folder))
        made = [first[name] for name in ["postgres/password", "grafana/admin-password", "hubbub/turn-secret"]]
        assert len(set(made)) == 3 and all(re.fullmatch("[0-9a-f]{64}", secret) for secret in made), "32 random bytes each"
        assert secrets(Path(folder)) == first, "a second start changes nothing"
        assert first["hubbub/storage-url"] == f"postgres://hubbub:{made[0]}@postgres:5432/hubbub"
        assert f"\nstatic-auth-secret={made[2]}\nallowed-peer-ip=172.28.77.10\n" in first["coturn/turnserver.conf"]
    with tempfile.TemporaryDirectory() as folder:
        assert secrets(Path(folder))["postgres/password"] != made[0], "another installation has others"


@check
def compose_gives_hubbub_a_valid_configuration():
    for variables in settings().values():
        with tempfile.TemporaryDirectory() as folder:
            secrets(Path(folder))
            environment = compose(variables)["services"]["hubbub"]["environment"]
            there = {k: str(v).replace("/run/secrets-hubbub", f"{folder}/hubbub") for k, v in environment.items()}
            config_is_valid(there, folder)


@check
def compose_publishes_the_ports_that_are_announced():
    for variables in settings().values():
        services = compose(variables)["services"]
        hubbub, coturn = services["hubbub"], services["coturn"]
        environment = hubbub["environment"]
        first, workers = int(environment["HUBBUB__MEDIA__FIRST_PORT"]), int(environment["HUBBUB__MEDIA__WORKERS"])
        media = [(port, port) for port in range(first, first + workers)]
        assert ports(hubbub, "udp") == media, "a UDP port for each worker, under the same number"
        assert all(port in ports(hubbub, "tcp") for port in media), "and by TCP"
        address = hubbub["networks"]["inside"]["ipv4_address"]
        announced = environment["HUBBUB__MEDIA__ANNOUNCED_ADDRESSES"].split(",")
        assert announced == [variables["HUBBUB_ADDRESS"], address], "the machine's address, and the container's for coturn"
        assert services["secrets"]["command"][-1] == address, "coturn may relay to the container"
        for url in environment["HUBBUB__ICE__TURN_URLS"].split(","):
            protocol = "tcp" if url.endswith("transport=tcp") else "udp"
            port = int(re.search(r":(\d+)", url.removeprefix("turn:")).group(1))
            assert (port, port) in ports(coturn, protocol), f"{url} is not published"


@check
def compose_mounts_what_there_is_and_names_versions():
    services = compose(settings()["trying out"])["services"]
    named = compose(settings()["trying out"])["volumes"]
    for name, service in services.items():
        image = service["image"]
        assert image == "hubbub" or re.search(r":v?\d", image), f"{name}: {image} names no version"
        assert name == "secrets" or service["read_only"] and service["cap_drop"] == ["ALL"], f"{name} is not hardened"
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source in named or (ROOT / source).exists(), f"{name} mounts {source}, which is not there"


@check
def compose_scrapes_what_the_dashboards_want():
    shipped, own = (yaml.safe_load((ROOT / name).read_text()) for name in ["grafana/prometheus/prometheus.yml", "config/docker/prometheus.yml"])
    jobs = lambda config: [(job["job_name"], job.get("metrics_path")) for job in config["scrape_configs"]]
    assert jobs(own) == jobs(shipped), "config/docker/prometheus.yml has the jobs of grafana/prometheus/prometheus.yml"
    port = compose(settings()["trying out"])["services"]["hubbub"]["environment"]["HUBBUB__METRICS__BIND"].rpartition(":")[2]
    for job in own["scrape_configs"]:
        assert job["static_configs"] == [{"targets": [f"hubbub:{port}"]}]
    provisioned = "".join(path.read_text() for path in (ROOT / "grafana/provisioning").rglob("*.yml"))
    assert "${PROMETHEUS_URL}" in provisioned and "/etc/grafana/dashboards" in provisioned


# --- Kubernetes --------------------------------------------------------------------------------------------------------------


def kubernetes():
    for file in sorted((ROOT / "config/kubernetes").glob("*.yaml")):
        yield file.name, {document["kind"]: document for document in yaml.safe_load_all(file.read_text())}


@check
def kubernetes_files_fit_its_schemas():
    for name, documents in kubernetes():
        for kind, document in documents.items():
            for version in KUBERNETES:
                try:
                    kubernetes_validate.validate(document, version, strict=True)
                except kubernetes_validate.ValidationError as error:
                    raise AssertionError(f"{name}, {kind}, {version}: {error.message}") from error


@check
def kubernetes_gives_hubbub_a_valid_configuration():
    for _, documents in kubernetes():
        container = documents["StatefulSet"]["spec"]["template"]["spec"]["containers"][0]
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "hubbub.toml"
            file.write_text(documents["ConfigMap"]["data"]["hubbub.toml"])
            environment = {}
            for variable in container["env"]:
                value = variable.get("value", "192.0.2.1")
                if variable["name"].endswith("_FILE"):
                    held = Path(folder) / Path(value).name
                    held.write_text("postgres://hubbub:x@db:5432/hubbub" if "URL" in variable["name"] else "a secret of 16 signs".replace(" ", "-"))
                    value = str(held)
                environment[variable["name"]] = value
            environment.pop("HUBBUB_CONFIG")
            config_is_valid(environment, folder, file)


@check
def kubernetes_has_a_port_a_worker_and_time_to_end():
    for name, documents in kubernetes():
        pod = documents["StatefulSet"]["spec"]["template"]["spec"]
        text = documents["ConfigMap"]["data"]["hubbub.toml"]
        number = lambda key: int(re.search(rf"^{key} = (\d+)", text, re.MULTILINE).group(1))
        udp = [port for port in pod["containers"][0]["ports"] if port["protocol"] == "UDP"]
        assert len(udp) == number("workers"), f"{name}: a UDP port a worker"
        assert pod.get("hostNetwork") or all(port.get("hostPort") == port["containerPort"] for port in udp), f"{name}: nobody gets to the media ports"
        assert pod["terminationGracePeriodSeconds"] >= number("drain_seconds") + 45, f"{name}: ended before it has drained"


# --- systemd -----------------------------------------------------------------------------------------------------------------


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
