"""docker-compose.yml and what it is told by .env."""

import json
import re
import tempfile
from pathlib import Path

import yaml

from .common import ROOT, TOOLS, check, config_is_valid, run

# What somebody would write into config/docker/server.env.
FILLED = {
    "HUBBUB_URL": "https://talk.example.org",
    "HUBBUB_ADDRESS": "203.0.113.7",
    "HUBBUB_SMTP_HOST": "smtp.example.org",
    "HUBBUB_SMTP_USERNAME": "hubbub@example.org",
    "HUBBUB_SMTP_PASSWORD": "a password",
    "HUBBUB_MAIL_FROM": "Hubbub <hubbub@example.org>",
}


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


@check
def compose_files_fit_the_compose_specification():
    with tempfile.TemporaryDirectory() as folder:
        for name in ["docker-compose.yml", "docker-compose.dev.yml"]:
            path = Path(folder) / f"{name}.json"
            path.write_text(json.dumps(yaml.load((ROOT / name).read_text(), Tagged)))
            run(TOOLS / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", path)


@check
def compose_demands_what_has_no_sane_default():
    for missing in ["HUBBUB_URL", "HUBBUB_ADDRESS", "HUBBUB_SMTP_HOST", "HUBBUB_MAIL_FROM"]:
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
def compose_takes_audio_on_the_port_of_the_pages_where_that_is_hubbubs_own():
    for name, variables in settings().items():
        hubbub = compose(variables)["services"]["hubbub"]
        environment = hubbub["environment"]
        on = environment["HUBBUB__MEDIA__TCP_ON_HTTP_PORT"] == "true"
        assert on == (name == "server"), f"{name}: {environment}"
        inside = int(environment["HUBBUB__HTTP__BIND"].rpartition(":")[2])
        outside = int(environment["HUBBUB__MEDIA__ANNOUNCED_HTTP_PORT"])
        assert not on or (outside, inside) in ports(hubbub, "tcp"), f"{name}: {outside} is announced and not published"


@check
def compose_gives_each_service_no_more_capabilities_than_it_needs():
    """coturn's image sets cap_net_bind_service+ep on the program: the kernel refuses to start it where the bounding set lacks that."""
    given = {name: service.get("cap_add", []) for name, service in compose(settings()["server"])["services"].items()}
    needed = {"postgres": ["CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"], "coturn": ["NET_BIND_SERVICE"]}
    assert {name: added for name, added in given.items() if added} == needed, f"capabilities: {given}"


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


@check
def compose_backups_name_what_there_is():
    """The commands of docs/OPERATIONS.md fit the names, volumes, user and database of docker-compose.yml."""
    text = (ROOT / "docs/OPERATIONS.md").read_text().split("\n### Docker Compose\n")[1].split("\n## ")[0]
    everything = compose(settings()["server"])
    services, postgres = everything["services"], everything["services"]["postgres"]
    for volume in re.findall(r"--volume (\S+?):(\S+?)(?::ro)? ", text):
        name, path = volume[0].removeprefix(f"{everything['name']}_"), volume[1]
        assert name in everything["volumes"] and f"{name}:{path}" in services["hubbub"]["volumes"], f"{volume} is no volume of hubbub"
    assert set(re.findall(r"docker compose (?:exec -T|stop|start) (\w+)", text)) <= set(services)
    assert set(re.findall(r"--username=(\w+)", text)) == {postgres["environment"]["POSTGRES_USER"]}
    databases = re.findall(r"(?:dropdb|createdb) \S+ (\w+)|--dbname=(\w+)|--no-owner (\w+) >", text)
    assert {name for found in databases for name in found if name} == {postgres["environment"]["POSTGRES_DB"]}, f"{databases}"
    assert set(re.findall(r"(busybox:\S+)", text)) == {services["secrets"]["image"]}, "an image that is there already"
    owner = re.search(r"^USER (\S+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE).group(1)
    assert f"chown {owner} /data/secret.key" in text, f"the image runs as {owner}"
