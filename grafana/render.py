#!/usr/bin/env python3
"""Draws every panel of the dashboards from what a Prometheus answers: an HTML page a dashboard, and a picture of each when
there is a Chromium. To look at the dashboards without Grafana; Grafana draws them more beautifully.
"""

import argparse
import html
import math
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import evaluate  # noqa: E402

COLOURS = ["#73bf69", "#5794f2", "#ff9830", "#f2495c", "#b877d9", "#fade2a", "#8ab8ff", "#ffa6b0", "#96d98d", "#ca95e5"]
STYLE = """
body { background: #111217; color: #ccccdc; font: 12px system-ui, sans-serif; margin: 12px; }
h1 { font-size: 18px; margin: 4px 8px 12px; } .grid { position: relative; }
.panel { position: absolute; box-sizing: border-box; border: 1px solid #2a2c33; border-radius: 3px; background: #181b1f; overflow: hidden;
  padding: 6px 8px; } .panel h2 { font-size: 12px; margin: 0 0 4px; font-weight: 600; }
.row { font-size: 14px; font-weight: 600; border: 0; background: none; }
.value { font-size: 26px; text-align: center; padding: 8px 0; border-radius: 3px; } .none { color: #f2495c; font-weight: 700; }
.legend { font-size: 10px; line-height: 14px; height: 28px; overflow: hidden; } .legend i { font-style: normal; padding-right: 3px; }
.legend span { padding-right: 10px; } table { border-collapse: collapse; font-size: 10px; width: 100%; }
td, th { text-align: left; padding: 2px 6px; border-bottom: 1px solid #2a2c33; } text { fill: #8e8e9a; font-size: 9px; }
"""
CELL_WIDTH, CELL_HEIGHT = 55, 36


def shown(value, unit):
    """A number with its unit, short."""
    if not math.isfinite(value):
        return "–"
    if unit == "percentunit":
        return f"{value * 100:.3g} %"
    if unit == "s":
        if value >= 120:
            return f"{value / 60:.3g} min"
        return f"{value:.3g} s" if value >= 1 or value == 0 else f"{value * 1000:.3g} ms"
    scale, names = (1024, ["", "Ki", "Mi", "Gi", "Ti"]) if unit == "bytes" else (1000, ["", "k", "M", "G", "T"])
    ending = {"bytes": "B", "bps": "b/s", "pps": "p/s", "ops": "/s", "reqps": "req/s"}.get(unit, "")
    size = 0
    while abs(value) >= scale and size < 4:
        value, size = value / scale, size + 1
    return f"{value:.3g} {names[size]}{ending}".strip()


def legend(target, labels):
    text = target["legendFormat"]
    if text == "__auto":
        return ", ".join(f"{name}={value}" for name, value in labels.items() if name not in ("job", "__name__")) or "value"
    for name, value in labels.items():
        text = text.replace("{{" + name + "}}", value)
    return text


def stat(panel, results):
    values = [value for _, series in results for _, samples in series for _, value in samples if math.isfinite(value)]
    if not values:
        return '<div class="value none">no data</div>'
    text = shown(values[0], panel["fieldConfig"]["defaults"]["unit"])
    if panel["options"]["textMode"] == "name":
        text = ", ".join(html.escape(legend(target, labels)) for target, series in results for labels, _ in series)
    colour = "#73bf69"
    for step in panel["fieldConfig"]["defaults"].get("thresholds", {}).get("steps", []):
        if step["value"] is None or values[0] >= step["value"]:
            colour = {"green": "#37872d", "yellow": "#b58105", "red": "#c4162a"}[step["color"]]
    return f'<div class="value" style="background:{colour};color:#fff">{text}</div>'


def table(results):
    rows, columns = [], []
    for _, series in results:
        for labels, _ in series:
            columns += [name for name in labels if name not in columns]
            rows.append(labels)
    if not rows:
        return '<div class="none">no data</div>'
    head = "".join(f"<th>{html.escape(name)}</th>" for name in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(labels.get(name, ''))}</td>" for name in columns) + "</tr>" for labels in rows
    )
    return f"<table><tr>{head}</tr>{body}</table>"


def graph(panel, results, width, height):
    defaults = panel["fieldConfig"]["defaults"]
    lines = [
        (legend(target, labels), [(at, value) for at, value in samples if math.isfinite(value)])
        for target, series in results
        for labels, samples in series
    ]
    lines = [(name, samples) for name, samples in lines if samples]
    if not lines:
        return '<div class="none">no data</div>'
    times = [at for _, samples in lines for at, _ in samples]
    low, high = min(times), max(max(times), min(times) + 1)
    if defaults["custom"].get("stacking", {}).get("mode") == "normal":
        below, stacked = {}, []
        for name, samples in lines:
            for at, value in samples:
                below[at] = below.get(at, 0) + value
            stacked.append((name, [(at, below[at]) for at, _ in samples]))
        lines = stacked
    top = max(value for _, samples in lines for _, value in samples) or 1
    plot = height - 14
    x = lambda at: 42 + (at - low) / (high - low) * (width - 48)
    y = lambda value: 4 + (1 - value / top) * (plot - 8)
    drawn = [f'<line x1="42" x2="{width - 6}" y1="{y(v):.1f}" y2="{y(v):.1f}" stroke="#2a2c33"/>'
             f'<text x="2" y="{y(v) + 3:.1f}">{html.escape(shown(v, defaults["unit"]))}</text>' for v in (0, top / 2, top)]
    names = []
    for number, (name, samples) in enumerate(lines):
        colour = COLOURS[number % len(COLOURS)]
        points = " ".join(f"{x(at):.1f},{y(value):.1f}" for at, value in samples)
        drawn.append(f'<polyline fill="none" stroke="{colour}" stroke-width="1.3" points="{points}"/>')
        names.append(f'<span><i style="color:{colour}">●</i>{html.escape(name)}</span>')
    return f'<svg width="{width}" height="{plot}">{"".join(drawn)}</svg><div class="legend">{"".join(names)}</div>'


def page(prometheus, dashboard, seconds, rate_interval):
    """(HTML, its height in pixels, titles of panels without data)"""
    chosen = evaluate.variables(prometheus, dashboard)
    parts, bottom, empty = [], 0, []
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        left, top = place["x"] * CELL_WIDTH, place["y"] * CELL_HEIGHT
        width, height = place["w"] * CELL_WIDTH - 6, place["h"] * CELL_HEIGHT - 6
        bottom = max(bottom, top + height)
        box = f"left:{left}px;top:{top}px;width:{width}px;height:{height}px"
        if panel["type"] == "row":
            parts.append(f'<div class="panel row" style="{box}">{html.escape(panel["title"])}</div>')
            continue
        step = max(1, seconds // 240)
        results = [(t, evaluate.evaluate(prometheus, t, chosen, rate_interval, seconds, step)) for t in panel["targets"]]
        if not any(evaluate.has_data(series) for _, series in results):
            empty.append(panel["title"])
        inside = {"stat": lambda: stat(panel, results), "table": lambda: table(results)}.get(
            panel["type"], lambda: graph(panel, results, width - 18, height - 48)
        )()
        parts.append(f'<div class="panel" style="{box}"><h2>{html.escape(panel["title"])}</h2>{inside}</div>')
    title = html.escape(dashboard["title"])
    text = (f'<!doctype html><meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>'
            f'<h1>{title}</h1><div class="grid" style="height:{bottom}px">{"".join(parts)}</div>')
    return text, bottom + 70, empty


def screenshot(source, picture, height):
    """`False` where there is no Chromium."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if not chromium:
        return False
    subprocess.run(
        [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--window-size=1350,{height}",
         f"--screenshot={picture}", source.as_uri()],
        check=True, timeout=120, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    return True


def render(prometheus, folder, seconds=60, rate_interval="15s"):
    """Writes all pages and pictures into a folder; returns {dashboard: titles of panels without data}."""
    folder.mkdir(parents=True, exist_ok=True)
    empty = {}
    for name, dashboard in evaluate.dashboards():
        text, height, without = page(prometheus, dashboard, seconds, rate_interval)
        source = (folder / name).with_suffix(".html").resolve()
        source.write_text(text)
        screenshot(source, source.with_suffix(".png"), height)
        if without:
            empty[name] = without
    return empty


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--prometheus", default="http://127.0.0.1:9090", help="its address (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("dashboards-rendered"), help="the folder (default: %(default)s)")
    parser.add_argument("--seconds", type=int, default=3600, help="how far back (default: %(default)s)")
    parser.add_argument("--rate-interval", default="1m", help="for $__rate_interval (default: %(default)s)")
    given = parser.parse_args()
    empty = render(evaluate.Prometheus(given.prometheus), given.out, given.seconds, given.rate_interval)
    for name, titles in empty.items():
        print(f"{name}: no data in {', '.join(titles)}")
    print(f"drawn into {given.out}")


if __name__ == "__main__":
    main()
