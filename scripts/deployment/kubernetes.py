"""The examples for Kubernetes."""

import re
import tempfile
import tomllib
from pathlib import Path

import kubernetes_validate
import yaml

from .common import ROOT, check, config_is_valid

# Kubernetes' oldest and newest versions that are looked at.
KUBERNETES = ["1.28", "1.33"]


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
def kubernetes_is_scraped_as_the_jobs_that_the_dashboards_want():
    read = lambda name: yaml.safe_load((ROOT / name).read_text())
    jobs = lambda config: {job["job_name"]: job.get("metrics_path", "/metrics") for job in config["scrape_configs"]}
    wanted = jobs(read("grafana/prometheus/prometheus.yml"))
    prometheus, monitor = read("config/kubernetes/prometheus.yml"), read("config/kubernetes/podmonitor.yml")
    assert jobs(prometheus) == wanted, f"prometheus.yml: {jobs(prometheus)}"
    endpoints = monitor["spec"]["podMetricsEndpoints"]
    named = {point["relabelings"][0]["replacement"]: point.get("path", "/metrics") for point in endpoints}
    assert named == wanted and all(point["relabelings"][0]["targetLabel"] == "job" for point in endpoints), f"podmonitor.yml: {named}"
    for name, documents in kubernetes():
        pod = documents["StatefulSet"]["spec"]["template"]
        labels, ports = pod["metadata"]["labels"], pod["spec"]["containers"][0]["ports"]
        bind = tomllib.loads(documents["ConfigMap"]["data"]["hubbub.toml"])["metrics"]["bind"]
        metrics = [port["containerPort"] for port in ports if port["name"] == "metrics"]
        assert metrics == [int(bind.rpartition(":")[2])], f"{name}: {metrics}, the server listens on {bind}"
        assert monitor["spec"]["selector"]["matchLabels"] == labels and {point["port"] for point in endpoints} == {"metrics"}
        assert "annotations" not in pod["metadata"], f"{name}: scraped by its annotations it has another job"
        for job in prometheus["scrape_configs"]:
            keep = job["relabel_configs"][0]
            seen = {
                "__meta_kubernetes_pod_label_app_kubernetes_io_name": lambda _: labels["app.kubernetes.io/name"],
                "__meta_kubernetes_pod_container_port_name": lambda port: port["name"],
            }
            kept = [port for port in ports if re.fullmatch(keep["regex"], ";".join(seen[label](port) for label in keep["source_labels"]))]
            assert keep["action"] == "keep" and [port["name"] for port in kept] == ["metrics"], f"{name}: {kept} are scraped"
            assert job["kubernetes_sd_configs"][0]["namespaces"]["names"] == [documents["StatefulSet"]["metadata"]["namespace"]]


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
