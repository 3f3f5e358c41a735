"""Asks a Prometheus what the panels of the dashboards ask it, as Grafana would."""

import json
import math
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
# A comparison with a number, as alerts have it; with `bool` it answers 0 or 1 in place of nothing.
COMPARISON = re.compile(r" (==|!=|>=|<=|>|<) (?!bool )(?=[\d.])")
SELECTOR = re.compile(r"\b([a-zA-Z_:][a-zA-Z0-9_:]*)\{([^{}]*)\}")
LABEL = re.compile(r"([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)")


class Prometheus:
    """Its HTTP API."""

    def __init__(self, url):
        self.url = url.rstrip("/")

    def get(self, path, **parameters):
        """The `data` of an answer; raises ValueError with Prometheus' words when it refuses."""
        url = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters, doseq=True)}"
        try:
            with urllib.request.urlopen(url, timeout=30) as response:
                return json.load(response)["data"]
        except urllib.error.HTTPError as error:
            raise ValueError(f"{error.code}: {error.read().decode(errors='replace')}") from None

    def instant(self, expression):
        """[(labels, [(time, value)])] of now."""
        result = self.get("query", query=expression)
        if result["resultType"] == "scalar":
            return [({}, [sample(result["result"])])]
        return [(series["metric"], [sample(series["value"])]) for series in result["result"]]

    def range(self, expression, seconds, step):
        """[(labels, [(time, value), …])] of the last seconds."""
        end = time.time()
        result = self.get("query_range", query=expression, start=end - seconds, end=end, step=step)
        return [(series["metric"], [sample(value) for value in series["values"]]) for series in result["result"]]


def sample(pair):
    return float(pair[0]), float(pair[1])


def has_data(series):
    """Whether there is a number: the quotient of nothing and nothing is none."""
    return any(math.isfinite(value) for _, values in series for _, value in values)


def dashboards():
    """[(file name, dashboard)]"""
    return [(path.name, json.loads(path.read_text())) for path in sorted((FOLDER / "dashboards").glob("*.json"))]


def panels(dashboard):
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def variables(prometheus, dashboard):
    """What a person would have chosen: all servers, and the first of everything else. Raises ValueError when there is nothing."""
    chosen = {}
    for variable in dashboard["templating"]["list"]:
        name = variable["name"]
        if variable.get("includeAll"):
            chosen[name] = variable["allValue"]
            continue
        match = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["definition"])
        values = prometheus.get(f"label/{match[2]}/values", **{"match[]": match[1]})
        if not values:
            raise ValueError(f"{variable['definition']} has no values")
        chosen[name] = values[0]
    return chosen


def expression(target, chosen, rate_interval):
    """The query with variables put in."""
    text = target["expr"].replace("$__rate_interval", rate_interval)
    for name, value in chosen.items():
        text = text.replace(f"${name}", value)
    return text


def evaluate(prometheus, target, chosen, rate_interval="15s", seconds=60, step=1):
    """The series of one query of a panel."""
    text = expression(target, chosen, rate_interval)
    return prometheus.instant(text) if target["instant"] else prometheus.range(text, seconds, step)


def grouped_by(text):
    """The labels that an expression groups series by."""
    return {name for group in re.findall(r"\bby\s*\(([^)]*)\)", text) for name in re.split(r",\s*", group.strip()) if name}


def told_labels(annotations):
    """The labels that the texts of an alert name."""
    return {name for text in annotations.values() for name in re.findall(r"\$labels\.(\w+)", text)}


def wanted_labels(target):
    """Labels that a panel shows of each series: in its legend, or as the columns of a table."""
    shown = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
    if target.get("format") == "table":
        shown |= grouped_by(target["expr"])
    return shown


def selectors(text):
    """Every metric of an expression with the labels it is chosen by: [(name, {label, …})]"""
    return [(name, {label for label, _ in LABEL.findall(inside)}) for name, inside in SELECTOR.findall(text)]


def answering(text):
    """An alert's expression as one that has an answer also while all is well."""
    return COMPARISON.sub(r" \1 bool ", text)
