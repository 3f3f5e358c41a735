#!/usr/bin/env python3
"""Tests dashboards and alert rules with a real Prometheus that scrapes a real, loaded server.

Checks the files with promtool; starts a server and Prometheus; has people talk through bad networks, log in wrongly and send
nonsense; evaluates every query of every dashboard and the expression of every alert. Each has to answer with numbers, and every
metric and label that is named has to be exported. With --pictures FOLDER the panels are drawn, too, and none may be empty.
"""

import argparse
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GRAFANA = ROOT / "grafana"
sys.path.insert(0, str(GRAFANA))
import evaluate  # noqa: E402
import render  # noqa: E402

# What is given out, with `alerting:` in comments.
CONFIGURATIONS = [GRAFANA / "prometheus/prometheus.yml", *sorted((ROOT / "config").glob("*/prometheus.yml"))]
PATIENCE = 120
# How long people talk before anything is evaluated.
TALK = 30
# What this server does not have, and why.
ABSENT = {"hubbub_tls_certificate_expiry_timestamp_seconds": "only a server with a certificate of its own exports it"}
SCENARIO = """
name = "Monitoring"
duration = "10m"
speakers = 2
listeners = 4
[rooms]
count = 2
[impairment.up]
loss_percent = 3
[impairment.down]
loss_percent = 3
"""


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def ask(url, body=None):
    """Status and text; 0 when nobody answers."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(errors="replace")
    except OSError:
        return 0, ""


def wait_for(what, holds):
    until = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > until:
            raise TimeoutError(f"{what}: not within {PATIENCE} s")
        time.sleep(0.2)


def promtool():
    commands = [
        ["promtool", "check", "config", GRAFANA / "prometheus/prometheus.yml"],
        ["promtool", "check", "rules", GRAFANA / "prometheus/rules.yml"],
        ["promtool", "test", "rules", GRAFANA / "prometheus/rules_test.yml"],
        [sys.executable, GRAFANA / "make.py", "--check"],
    ]
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(GRAFANA / "prometheus/rules.yml", folder)
        for number, path in enumerate(CONFIGURATIONS):
            # As for somebody who has an Alertmanager.
            text, lines = re.subn(r"^#(?=alerting:|  )", "", path.read_text(), flags=re.MULTILINE)
            # Debian's Prometheus is built without a client for Kubernetes.
            text = re.sub(r"kubernetes_sd_configs:\n( +)- role: pod\n +namespaces: .*\n", r'static_configs:\n\1- targets: ["192.0.2.1:9464"]\n', text)
            (Path(folder) / f"{number}.yml").write_text(text)
            commands.append(["promtool", "check", "config", f"{folder}/{number}.yml"])
            if lines != 4:
                return [f"{path} does not show how alerts get to somebody"]
        return [wrong for command in commands for wrong in complaints(command)]


def complaints(command):
    done = subprocess.run(command, capture_output=True, text=True)
    return [f"{' '.join(map(str, command))}: {done.stdout}{done.stderr}"] if done.returncode != 0 else []


def alerts_have_runbooks(rules):
    """Every alert has a chapter, and no chapter is left of one that is gone."""
    text = (ROOT / "docs/RUNBOOK.md").read_text()
    chapters = {line[3:].strip() for line in text.splitlines() if line.startswith("## Hubbub")}
    names = {rule["name"] for rule in rules}
    return [f"docs/RUNBOOK.md and rules.yml differ: {', '.join(sorted(chapters ^ names))}"] if chapters != names else []


class World:
    """A server, a Prometheus and people, in a folder that goes away."""

    def __init__(self, folder, programs):
        self.folder, self.programs, self.children = folder, programs, []
        self.http, self.metrics, self.prometheus = free_port(), free_port(), free_port()
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("HUBBUB")} | {
            # The configuration of a server that is installed on this machine does not count.
            "HUBBUB_CONFIG": os.devnull,
            "HUBBUB__HTTP__BIND": f"127.0.0.1:{self.http}",
            "HUBBUB__METRICS__BIND": f"127.0.0.1:{self.metrics}",
            "HUBBUB__MEDIA__BIND": "127.0.0.1",
            "HUBBUB__MEDIA__FIRST_PORT": "0",
            "HUBBUB__MEDIA__WORKERS": "1",
            # However busy the machine is that runs the tests, nobody is refused for it.
            "HUBBUB__MEDIA__MAX_BUSY_PERCENT": "100",
            "HUBBUB__DATA__DIR": str(folder / "data"),
            "HUBBUB__LIMITS__LOGIN": "20/1m",
        }

    def start(self, name, command):
        log = (self.folder / f"{name}.log").open("w")
        child = subprocess.Popen(
            command, cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
        )
        self.children.append(child)
        return child

    def log(self, name):
        return (self.folder / f"{name}.log").read_text()[-3000:]

    def stop(self):
        for child in reversed(self.children):
            if child.poll() is None:
                child.terminate()
        for child in self.children:
            try:
                child.wait(20)
            except subprocess.TimeoutExpired:
                child.kill()

    def start_server(self):
        self.start("hubbub", [self.programs / "hubbub"])
        wait_for("the server is ready", lambda: ask(f"http://127.0.0.1:{self.http}/readyz")[0] == 200)

    def start_prometheus(self):
        text = (GRAFANA / "prometheus/prometheus.yml").read_text()
        text = text.replace("15s", "1s").replace("127.0.0.1:9464", f"127.0.0.1:{self.metrics}")
        (self.folder / "prometheus.yml").write_text(text.replace("rules.yml", str(GRAFANA / "prometheus/rules.yml")))
        self.start("prometheus", [
            "prometheus", "--config.file=prometheus.yml", f"--web.listen-address=127.0.0.1:{self.prometheus}",
            "--storage.tsdb.path=tsdb", "--log.level=warn",
        ])
        url = f"http://127.0.0.1:{self.prometheus}"
        wait_for("Prometheus is ready", lambda: ask(f"{url}/-/ready")[0] == 200)
        return evaluate.Prometheus(url)

    def start_people(self):
        accounts = self.folder / "accounts.json"
        command = [self.programs / "hubbub", "admin", "users", "create", "--count", "12", "--prefix", "load", "--json", accounts]
        made = subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, text=True)
        if made.returncode != 0:
            raise RuntimeError(f"accounts: {made.stdout}{made.stderr}")
        (self.folder / "scenario.toml").write_text(SCENARIO)
        return self.start("loadtest", [
            self.programs / "hubbub-loadtest", "run", "scenario.toml", "--accounts", accounts,
            "--url", f"http://127.0.0.1:{self.http}", "--metrics-url", f"http://127.0.0.1:{self.metrics}/metrics",
        ])

    def misbehave(self):
        """Logs in wrongly until that is refused, registers, so that there is mail, and asks for what is not there."""
        api = f"http://127.0.0.1:{self.http}/api"
        wrong = {"email": "nobody@example.org", "password": "not the right one"}
        statuses = {ask(f"{api}/auth/login", wrong)[0] for _ in range(30)}
        if not {401, 429} <= statuses:
            raise RuntimeError(f"wrong logins were answered with {statuses}")
        person = {"email": "ada@example.org", "username": "ada", "password": "a quiet harbour at 7"}
        if ask(f"{api}/auth/register", person)[0] >= 400:
            raise RuntimeError("nobody could register")
        ask(f"{api}/nothing")

    def delay_server(self):
        """Keeps the server from running for longer than a packet, so that several wait at once and leave in one send."""
        server = self.children[0]
        server.send_signal(signal.SIGSTOP)
        time.sleep(0.04)
        server.send_signal(signal.SIGCONT)

    def hammer(self, done, answers):
        """A Prometheus that scrapes a hundred times a second, and a visitor beside it.

        A rate needs a series that grows after its first scrape: on a quick machine everybody else has logged in within one scrape.
        """
        while not done.is_set():
            ask(f"http://127.0.0.1:{self.http}/api/nothing")
            status, text = ask(f"http://127.0.0.1:{self.metrics}/metrics")
            answers.append(status == 200 and "hubbub_sfu_peers" in text)
            time.sleep(0.01)


def exported(world):
    """{metric: its labels} of what a server exports, histograms by the names of their series."""
    labels = {}
    for path in ("metrics", "metrics/rooms"):
        _, text = ask(f"http://127.0.0.1:{world.metrics}/{path}")
        for line in text.splitlines():
            if line and not line.startswith("#"):
                name = line.split("{")[0].split(" ")[0]
                inside = line[line.index("{") : line.rindex("}")] if "{" in line else ""
                labels.setdefault(name, set()).update(label for label, _ in evaluate.LABEL.findall(inside))
    return labels


def check_names(expressions, labels):
    """Metrics and labels that are named and not exported."""
    ours = {"job", "instance"}
    of_prometheus = {"up", "scrape_duration_seconds", "scrape_samples_scraped"}
    wrong = []
    for where, text in expressions:
        for name, chosen in evaluate.selectors(text):
            if name in of_prometheus or name in ABSENT:
                continue
            if name not in labels:
                wrong.append(f"{where}: {name} is not exported")
            elif chosen - labels[name] - ours:
                wrong.append(f"{where}: {name} has no label {', '.join(chosen - labels[name] - ours)}")
        there = set().union(ours, *(labels.get(name, set()) for name, _ in evaluate.selectors(text)))
        if evaluate.grouped_by(text) - there:
            wrong.append(f"{where}: groups by {', '.join(evaluate.grouped_by(text) - there)}, which nothing in it has")
    return wrong


def check_panels(prometheus, back):
    """(queries, what is wrong)"""
    count, wrong = 0, []
    for file, dashboard in evaluate.dashboards():
        chosen = evaluate.variables(prometheus, dashboard)
        for panel in evaluate.panels(dashboard):
            for target in panel["targets"]:
                count += 1
                where = f"{file}, {panel['title']}, {target['refId']}"
                try:
                    series = evaluate.evaluate(prometheus, target, chosen, seconds=back)
                except ValueError as error:
                    wrong.append(f"{where}: {error}")
                    continue
                if not evaluate.has_data(series):
                    wrong.append(f"{where}: no data for {target['expr']}")
                for label in evaluate.wanted_labels(target):
                    if any(not labels.get(label) for labels, _ in series):
                        wrong.append(f"{where}: series without the label {label}")
    return count, wrong


def check_pictures(prometheus, folder, back):
    """Draws every dashboard: a panel without data, and a dashboard without a picture, are wrong."""
    drawn = {path.stem: folder / f"{path.stem}.png" for path in (GRAFANA / "dashboards").glob("*.json")}
    for picture in drawn.values():
        picture.unlink(missing_ok=True)
    empty = render.render(prometheus, folder, seconds=back)
    wrong = [f"{name}: nothing is drawn in {', '.join(titles)}" for name, titles in empty.items()]
    return wrong + [f"{name}: no picture was drawn; is there a Chromium?" for name, picture in drawn.items() if not picture.exists()]


def check_rules(prometheus, rules):
    """Whether each answers, with the labels that its expression groups by and its texts name."""
    wrong = []
    for rule in rules:
        if rule["health"] != "ok":
            wrong.append(f"{rule['name']}: {rule['health']} {rule.get('lastError', '')}")
        if not any(name in rule["query"] for name in ABSENT):
            # No request fails here, so that others stand in for those.
            text = evaluate.answering(rule["query"]).replace('status=~"5.."', 'status=~"[2-5].."')
            series = prometheus.instant(text)
            if not evaluate.has_data(series):
                wrong.append(f"{rule['name']}: no data for {text}")
            for label in sorted(evaluate.grouped_by(rule["query"]) | evaluate.told_labels(rule["annotations"])):
                if any(not labels.get(label) for labels, _ in series):
                    wrong.append(f"{rule['name']}: series without the label {label}")
        elif evaluate.told_labels(rule["annotations"]) - {"job", "instance"}:
            wrong.append(f"{rule['name']}: its texts name labels that cannot be looked at here")
    return wrong


def run(world, pictures):
    world.start_server()
    prometheus = world.start_prometheus()
    # What happens before the first scrape is in no rate.
    for job in "hubbub", "hubbub-rooms":
        wait_for(f"{job} is scraped", lambda: prometheus.instant(f'up{{job="{job}"}} == 1'))
    started = time.monotonic()
    people = world.start_people()
    wait_for("people talk", lambda: any(
        name.startswith("hubbub_room_hears") for name in exported(world)) or people.poll() is not None)
    world.misbehave()
    done, answers = threading.Event(), []
    hammering = threading.Thread(target=world.hammer, args=(done, answers))
    hammering.start()
    try:
        for _ in range(TALK):
            time.sleep(1)
            world.delay_server()
        # Losses in both directions have been reported by then, unless the machine is very slow.
        for name in "hubbub_sfu_lost_uplink_total", "hubbub_sfu_lost_downlink_total":
            wait_for(f"{name} grows", lambda: sum(v[0][1] for _, v in prometheus.instant(f"sum({name})")) > 0)
        labels = exported(world)
        rules = [rule for group in prometheus.get("rules")["groups"] for rule in group["rules"]]
        expressions = [(rule["name"], rule["query"]) for rule in rules]
        for file, dashboard in evaluate.dashboards():
            panels = evaluate.panels(dashboard)
            expressions += [(f"{file}, {panel['title']}", t["expr"]) for panel in panels for t in panel["targets"]]
        # Until before people came.
        back = round(time.monotonic() - started) + 10
        count, wrong = check_panels(prometheus, back)
        wrong += check_names(expressions, labels) + check_rules(prometheus, rules) + alerts_have_runbooks(rules)
        if pictures:
            wrong += check_pictures(prometheus, pictures, back)
    finally:
        done.set()
        hammering.join()
    if not answers or not all(answers):
        wrong.append(f"{answers.count(False)} of {len(answers)} scrapes in quick succession failed")
    # Everybody leaves, and the report is written.
    people.send_signal(signal.SIGINT)
    if people.wait(PATIENCE) != 0:
        wrong.append(f"talking failed while metrics were scraped often:\n{world.log('loadtest')}")
    print(f"{count} queries of dashboards, {len(rules)} alerts, {len(labels)} series names, {len(answers)} scrapes in quick succession")
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", type=Path, default=ROOT / "target/debug", help="the folder of hubbub and hubbub-loadtest")
    parser.add_argument("--pictures", type=Path, help="a folder to draw the dashboards into")
    given = parser.parse_args()
    missing = [name for name in ("prometheus", "promtool") if not shutil.which(name)]
    if missing:
        sys.exit(f"missing: {', '.join(missing)}; run scripts/prepare-tests.sh")
    wrong = promtool()
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), given.programs.resolve())
        try:
            wrong += run(world, given.pictures)
        except (RuntimeError, TimeoutError, ValueError) as error:
            wrong.append(f"{error}\n" + "\n".join(world.log(path.stem) for path in sorted(Path(folder).glob("*.log"))))
        finally:
            world.stop()
    for problem in wrong:
        print(problem, file=sys.stderr)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
