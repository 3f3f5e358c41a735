#!/usr/bin/env python3
"""Writes dashboards/*.json. With --check it only says whether they are fresh.

A panel is one call here; its place follows from the order and the widths.
"""

import argparse
import json
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "dashboards"
SOURCE = {"type": "prometheus", "uid": "hubbub-prometheus"}
WIDTH = 24
# Metrics of a server, or of all of them.
JOB = 'job="hubbub",instance=~"$instance"'
ROOMS = 'job="hubbub-rooms",instance=~"$instance"'
RATE = "$__rate_interval"

GREEN, YELLOW, RED = "green", "yellow", "red"


def query(expression, legend=""):
    """A PromQL expression; JOB and ROOMS stand for the labels of its metrics."""
    expression = expression.replace("{JOB}", "{" + JOB + "}").replace("JOB,", JOB + ",")
    expression = expression.replace("{ROOMS}", "{" + ROOMS + "}").replace("ROOMS,", ROOMS + ",")
    return expression.replace("RATE", RATE), legend


def thresholds(*steps):
    """(from, colour), the first from None."""
    return {"mode": "absolute", "steps": [{"value": value, "color": colour} for value, colour in steps]}


def target(index, expression, legend, instant=False):
    text, legend = query(expression, legend)
    return {
        "refId": "ABCDEFGHIJ"[index],
        "datasource": SOURCE,
        "expr": text,
        "legendFormat": legend or "__auto",
        "instant": instant,
        "range": not instant,
        **({"format": "table"} if instant == "table" else {}),
    }


def panel(kind, title, about, queries, unit="short", width=8, height=7, steps=None, options=None, custom=None, **more):
    instant = kind in ("stat", "table", "bargauge")
    defaults = {"unit": unit, "custom": custom or {}}
    if steps:
        defaults["thresholds"] = thresholds(*steps)
    defaults.update(more)
    return {
        "type": kind,
        "title": title,
        "description": about,
        "datasource": SOURCE,
        "targets": [
            target(index, expression, legend, "table" if kind == "table" else instant)
            for index, (expression, legend) in enumerate(queries)
        ],
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": options or {},
        "size": (width, height),
    }


def stat(title, about, expression, unit="short", steps=((None, GREEN),), width=4, **more):
    options = {
        "colorMode": "background" if len(steps) > 1 else "value",
        "graphMode": "none",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "textMode": "value",
    }
    return panel("stat", title, about, [(expression, "")], unit, width, 4, steps, options, **more)


def name(title, about, expression, label):
    """The value of a label."""
    made = stat(title, about, expression)
    made["options"]["textMode"] = "name"
    made["targets"][0]["legendFormat"] = "{{" + label + "}}"
    return made


def graph(title, about, *queries, unit="short", width=8, stacked=False, **more):
    custom = {
        "drawStyle": "line",
        "lineWidth": 1,
        "fillOpacity": 20 if stacked else 8,
        "showPoints": "never",
        "stacking": {"mode": "normal" if stacked else "none", "group": "A"},
    }
    options = {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    return panel("timeseries", title, about, queries, unit, width, 7, None, options, custom, min=0, **more)


def table(title, about, *queries, width=24, height=8, unit="short", **more):
    """A line a series, with its labels; the value, which is 1 in all of them, is not shown."""
    made = panel("table", title, about, queries, unit, width, height, None, {"showHeader": True}, **more)
    hidden = {"Time": True, "job": True, "instance": True, "__name__": True, "Value": True}
    made["transformations"] = [
        {"id": "merge", "options": {}},
        {"id": "organize", "options": {"excludeByName": hidden}},
    ]
    return made


def row(title):
    return {"type": "row", "title": title, "collapsed": False, "panels": [], "size": (WIDTH, 1)}


def percentiles(metric, by=""):
    """Half, 95 and 99 of 100."""
    label = f"{{{{{by}}}}} " if by else ""
    group = f"le, {by}" if by else "le"
    quantile = lambda share: f"histogram_quantile({share}, sum by ({group}) (rate({metric}_bucket{{JOB}}[RATE])))"
    shares = ((0.5, "half"), (0.95, "95 %"), (0.99, "99 %")) if not by else ((0.95, "95 %"),)
    return [(quantile(share), f"{label}{name}".strip()) for share, name in shares]


def per_second(metric, by="", labels=""):
    inside = f"{{JOB,{labels}}}" if labels else "{JOB}"
    total = f"sum by ({by})" if by else "sum"
    return f"{total} (rate({metric}{inside}[RATE]))"


def variable(name, label, expression, multi=False, everything=True):
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": SOURCE,
        "query": {"query": expression, "refId": name},
        "definition": expression,
        "refresh": 2,
        "sort": 1,
        "includeAll": everything,
        "multi": multi,
        **({"allValue": ".*", "current": {"text": "All", "value": "$__all"}} if everything else {}),
    }


INSTANCE = variable("instance", "Server", 'label_values(hubbub_build_info{job="hubbub"}, instance)')


def dashboard(uid, title, about, panels, variables=(INSTANCE,), refresh="15s"):
    x = y = tallest = 0
    placed = []
    for number, item in enumerate(panels, start=1):
        width, height = item.pop("size")
        if x + width > WIDTH or item["type"] == "row":
            x, y, tallest = 0, y + tallest, 0
        placed.append({"id": number, **item, "gridPos": {"x": x, "y": y, "w": width, "h": height}})
        x, tallest = x + width, max(tallest, height)
    return {
        "uid": uid,
        "title": title,
        "description": about,
        "tags": ["hubbub"],
        "schemaVersion": 39,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,
        "refresh": refresh,
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": list(variables)},
        "annotations": {"list": []},
        "links": [
            {"type": "dashboards", "tags": ["hubbub"], "title": "Hubbub", "asDropdown": True, "includeVars": True,
             "keepTime": True, "targetBlank": False, "icon": "external link", "tooltip": "", "url": ""},
        ],
        "panels": placed,
    }


BAD_LOSS = ((None, GREEN), (0.02, YELLOW), (0.05, RED))
FAILED_JOINS = (
    "sum(rate(hubbub_sfu_setup_failures_total{JOB}[RATE])) / "
    "clamp_min(sum(rate(hubbub_sfu_setup_failures_total{JOB}[RATE])) + sum(rate(hubbub_sfu_join_seconds_count{JOB}[RATE])), 1e-9)"
)


def loss(direction):
    of = f'{{JOB,direction="{direction}"}}'
    return (
        f"sum(rate(hubbub_sfu_loss_ratio_sum{of}[RATE])) / "
        f"clamp_min(sum(rate(hubbub_sfu_loss_ratio_count{of}[RATE])), 1e-9)"
    )


def overview():
    some = ((None, GREEN), (0.001, RED))
    return dashboard("hubbub-overview", "Hubbub: overview", "Is it well?", [
        stat("Servers", "Servers that Prometheus reaches.", 'sum(up{JOB})', steps=((None, RED), (1, GREEN)), width=3),
        stat("People in rooms", "Taken seats.", "sum(hubbub_signaling_participants{JOB})", width=3),
        stat("Rooms", "Rooms with somebody in them.", "sum(hubbub_signaling_rooms{JOB})", width=3),
        stat("Audio connected", "Participants whose audio is connected.", "sum(hubbub_sfu_peers_connected{JOB})", width=3),
        stat("Joins that fail", "Connections that never came to be, of all that began.", FAILED_JOINS, "percentunit",
             ((None, GREEN), (0.02, YELLOW), (0.05, RED)), width=3),
        stat("Loss to listeners", "Packets that did not reach listeners, as they report.", loss("downlink"), "percentunit",
             BAD_LOSS, width=3),
        stat("Busiest worker", "Share of the last second; near media.max_busy_percent nobody new gets in.",
             "max(hubbub_sfu_busy_ratio{JOB})", "percentunit", ((None, GREEN), (0.6, YELLOW), (0.8, RED)), width=3),
        stat("Disk left", "Of the disk of the data folder.",
             "min(hubbub_data_free_bytes{JOB} / hubbub_data_size_bytes{JOB})", "percentunit",
             ((None, RED), (0.1, YELLOW), (0.2, GREEN)), width=3),
        stat("Server errors", "Requests answered with 5xx a second.",
             '(sum(rate(hubbub_http_requests_total{JOB,status=~"5.."}[RATE])) or vector(0))', "reqps", some, width=4),
        stat("Database errors", "Queries that failed a second.", per_second("hubbub_storage_errors_total"), "ops", some),
        stat("Mails not sent", "Given up or not taken, a second.",
             per_second("hubbub_mails_total", labels='outcome=~"dropped|refused"'), "ops", some),
        stat("Late ticks", "Turns of a worker that came more than 20 ms late, a second.",
             per_second("hubbub_sfu_late_ticks_total"), "ops", ((None, GREEN), (1, YELLOW), (10, RED))),
        stat("Receive drops", "Packets lost in this machine, for want of room in a socket's buffer, a second.",
             per_second("hubbub_sfu_receive_drops_total"), "pps", some),
        stat("Refused for load", "Joins refused because no worker has room, a second.",
             per_second("hubbub_sfu_joins_refused_total"), "ops", some),
        graph("People", "Seats taken, and those of them with audio.",
              ("sum(hubbub_signaling_participants{JOB})", "in rooms"),
              ("sum(hubbub_sfu_peers_connected{JOB})", "audio connected"),
              ("sum(hubbub_sfu_publishers{JOB})", "microphone on")),
        graph("Packets", "RTP.", (per_second("hubbub_sfu_rtp_in_total"), "in"), (per_second("hubbub_sfu_rtp_out_total"), "out"),
              unit="pps"),
        graph("Loss", "Mean of what was reported.", (loss("uplink"), "from people"), (loss("downlink"), "to people"),
              unit="percentunit"),
        graph("Joins", "Connections a second that came to be, and that did not.",
              (per_second("hubbub_sfu_join_seconds_count"), "connected"),
              (per_second("hubbub_sfu_setup_failures_total"), "failed"),
              (per_second("hubbub_sfu_joins_refused_total"), "refused"), unit="ops"),
        graph("Time to join", "From the offer to audio.", *percentiles("hubbub_sfu_join_seconds"), unit="s"),
        graph("Workers", "Share of the last second: by the clock and in CPU time.",
              ("max(hubbub_sfu_busy_ratio{JOB})", "busiest, by the clock"),
              ("max(hubbub_sfu_cpu_ratio{JOB})", "busiest, CPU"), unit="percentunit", max=1),
        graph("Requests", "By status.", (per_second("hubbub_http_requests_total", "status"), "{{status}}"), unit="reqps"),
        graph("Memory", "Resident.", ("process_resident_memory_bytes{JOB}", "{{instance}}"), unit="bytes"),
        graph("Processor", "Cores that the process uses.",
              ("rate(process_cpu_seconds_total{JOB}[RATE])", "{{instance}}")),
    ])


def media():
    return dashboard("hubbub-media", "Hubbub: media", "Audio: connections, packets, loss and repair, workers.", [
        row("Connections"),
        graph("Peers", "Known, connected, speaking rights with a microphone, and able to hear.",
              ("sum(hubbub_sfu_peers{JOB})", "known"), ("sum(hubbub_sfu_peers_connected{JOB})", "connected"),
              ("sum(hubbub_sfu_publishers{JOB})", "publishers"), ("sum(hubbub_sfu_listeners{JOB})", "listeners")),
        graph("Calls", "With at least one peer; a call on several workers counts on each.",
              ("sum(hubbub_sfu_calls{JOB})", "calls")),
        graph("How packets come and go", "Connected peers. A relay that the client does not name is not seen.",
              ('sum by (protocol, family) (hubbub_sfu_routes{JOB,relayed="false"})', "{{protocol}} {{family}}"),
              ('sum by (protocol, family) (hubbub_sfu_routes{JOB,relayed="true"})', "{{protocol}} {{family}}, relayed"),
              stacked=True),
        row("Joins"),
        graph("Parts of a join", "95 of 100 take at most so long.",
              *percentiles("hubbub_sfu_join_phase_seconds", "phase"),
              ("histogram_quantile(0.95, sum by (le) (rate(hubbub_signaling_join_seconds_bucket{JOB}[RATE])))", "signaling 95 %"),
              unit="s"),
        graph("Failed by how far they got", "no_check is a firewall or a wrong announced address.",
              (per_second("hubbub_sfu_setup_failures_total", "cause"), "{{cause}}"), unit="ops", stacked=True),
        graph("Connections lost", "By reason.", (per_second("hubbub_sfu_connections_lost_total", "reason"), "{{reason}}"),
              unit="ops", stacked=True),
        graph("Offers refused, addresses changed", "Refused offers are bad SDP; a change of address is a phone that changed networks.",
              (per_second("hubbub_sfu_offers_rejected_total"), "offers refused"),
              (per_second("hubbub_sfu_migrations_total"), "addresses changed"), unit="ops"),
        graph("Joins refused", "No worker has room, by reason.",
              (per_second("hubbub_sfu_joins_refused_total", "reason"), "{{reason}}"), unit="ops"),
        graph("Connections over TCP", "Open ones.", ("sum(hubbub_sfu_tcp_connections{JOB})", "open")),
        row("Packets"),
        graph("Datagrams", "Everything: STUN, DTLS, RTP, RTCP.",
              (per_second("hubbub_sfu_packets_in_total"), "in"), (per_second("hubbub_sfu_packets_out_total"), "out"), unit="pps"),
        graph("Bandwidth", "Without UDP, TCP and IP headers.",
              (per_second("hubbub_sfu_bytes_in_total") + " * 8", "in"),
              (per_second("hubbub_sfu_bytes_out_total") + " * 8", "out"), unit="bps"),
        graph("Between workers", "RTP that crosses.", (per_second("hubbub_sfu_relayed_out_total"), "out"),
              (per_second("hubbub_sfu_relayed_in_total"), "in"), unit="pps"),
        graph("Not passed on", "By reason; silence and not_selected are as it should be.",
              (per_second("hubbub_sfu_dropped_total", "reason"), "{{reason}}"),
              unit="pps", width=12),
        graph("The system did not take", "Datagrams for sending, by kind.",
              (per_second("hubbub_sfu_send_errors_total", "kind"), "{{kind}}"), unit="pps", width=6),
        graph("Lost in this machine", "No room in a socket's receive buffer.",
              (per_second("hubbub_sfu_receive_drops_total", "worker"), "worker {{worker}}"), unit="pps", width=6),
        row("Networks"),
        graph("Loss", "Mean of the reports.", (loss("uplink"), "uplink"), (loss("downlink"), "downlink"), unit="percentunit"),
        graph("Jitter", "95 of 100 reports say at most so much.", *percentiles("hubbub_sfu_jitter_seconds", "direction"), unit="s"),
        graph("Round trip", "As listeners report.", *percentiles("hubbub_sfu_round_trip_seconds"), unit="s"),
        graph("Packets lost", "Counted.", (per_second("hubbub_sfu_lost_uplink_total"), "uplink"),
              (per_second("hubbub_sfu_lost_downlink_total"), "downlink"), unit="pps"),
        graph("Asked for again", "NACK: by listeners and what they got, of publishers and what came.",
              (per_second("hubbub_sfu_nacks_in_total"), "by listeners"), (per_second("hubbub_sfu_retransmitted_total"), "sent again"),
              (per_second("hubbub_sfu_nacks_out_total"), "of publishers"), (per_second("hubbub_sfu_nacks_answered_total"), "came"),
              unit="pps"),
        graph("Redundant audio", "RED: packets it gave back, and packets sent without it.",
              (per_second("hubbub_sfu_red_recovered_total"), "given back"),
              (per_second("hubbub_sfu_red_stripped_total"), "taken off"), unit="pps"),
        row("Workers"),
        graph("Busy by the clock", "Share of the last second.", ("hubbub_sfu_busy_ratio{JOB}", "worker {{worker}}"),
              unit="percentunit", max=1),
        graph("CPU time", "Far below busy: other programs take the core away.", ("hubbub_sfu_cpu_ratio{JOB}", "worker {{worker}}"),
              unit="percentunit", max=1),
        graph("From packet in to packet out", "In the worker.", *percentiles("hubbub_sfu_forward_seconds"), unit="s"),
        graph("Late ticks", "Turns that came more than 20 ms late.",
              (per_second("hubbub_sfu_late_ticks_total", "worker"), "worker {{worker}}"), unit="ops"),
        graph("Datagrams in a send", "UDP GSO; the more, the cheaper.",
              *percentiles("hubbub_sfu_gso_batch_datagrams"),
              ("sum(rate(hubbub_sfu_gso_segments_total{JOB}[RATE])) / "
               "clamp_min(sum(rate(hubbub_sfu_gso_sends_total{JOB}[RATE])), 1e-9)", "mean")),
        graph("Sends refused, restarts", "Sends with GSO that the system refused, and workers that failed.",
              (per_second("hubbub_sfu_gso_fallbacks_total"), "sends refused"),
              (per_second("hubbub_sfu_worker_restarts_total"), "restarts"), unit="ops"),
    ])


def rooms():
    room = 'ROOMS,room="$room"'
    variables = (INSTANCE, variable("room", "Room", 'label_values(hubbub_room_peers{job="hubbub-rooms"}, room)', everything=False))
    both = lambda metric: (metric + "{" + room + "}", "{{peer}} {{direction}}")
    return dashboard(
        "hubbub-rooms", "Hubbub: rooms",
        "One room: who hears whom, and how well. Ids are those of the room and of its participants; the largest rooms are here "
        "(metrics.rooms, metrics.peers_per_room).",
        [
            stat("Rooms", "With audio; the largest of them can be picked.", "sum(hubbub_rooms_with_media{ROOMS})"),
            stat("People in this room", "With audio.", "sum(hubbub_room_peers{" + room + "})"),
            stat("Not shown", "People of this room beyond metrics.peers_per_room.",
                 "sum(hubbub_room_peers_hidden{" + room + "})"),
            stat("Speaking", "Now.", "sum(hubbub_room_peer_speaking{" + room + "})"),
            stat("Worst loss", "Of anybody, either way.", "max(hubbub_room_peer_loss_ratio{" + room + "})", "percentunit", BAD_LOSS),
            stat("Longest round trip", "Of anybody.", "max(hubbub_room_peer_round_trip_seconds{" + room + "})", "s",
                 ((None, GREEN), (0.3, YELLOW), (0.6, RED))),
            table("Who hears whom", "A line a listener and speaker.",
                  ("sum by (listener, speaker) (hubbub_room_hears{" + room + "})", ""), width=12, height=9),
            table("Participants", "How their packets come and go.",
                  ("sum by (peer, protocol, family, relayed) (hubbub_room_peer_info{" + room + "})", ""), width=12, height=9),
            graph("Loss", "Of the last report.", both("hubbub_room_peer_loss_ratio"), unit="percentunit"),
            graph("Jitter", "", both("hubbub_room_peer_jitter_seconds"), unit="s"),
            graph("Round trip", "", ("hubbub_room_peer_round_trip_seconds{" + room + "}", "{{peer}}"), unit="s"),
            graph("Bit rate", "Of audio.", ("rate(hubbub_room_peer_bytes_total{" + room + "}[RATE]) * 8", "{{peer}} {{direction}}"),
                  unit="bps"),
            graph("Packets", "", ("rate(hubbub_room_peer_packets_total{" + room + "}[RATE])", "{{peer}} {{direction}}"), unit="pps"),
            graph("Packets lost", "", ("rate(hubbub_room_peer_lost_total{" + room + "}[RATE])", "{{peer}} {{direction}}"), unit="pps"),
            graph("Who speaks", "1 while somebody speaks.", ("hubbub_room_peer_speaking{" + room + "}", "{{peer}}"), width=24, max=1),
        ], variables)


def services():
    return dashboard("hubbub-services", "Hubbub: signaling and API", "WebSockets, requests, accounts, mail, database.", [
        row("Signaling"),
        graph("Sockets and seats", "", ("sum(hubbub_signaling_sockets{JOB})", "sockets"),
              ("sum(hubbub_signaling_participants{JOB})", "seats"), ("sum(hubbub_signaling_rooms{JOB})", "rooms")),
        graph("Messages received", "By type.", (per_second("hubbub_signaling_messages_received_total", "type"), "{{type}}"),
              unit="ops", stacked=True),
        graph("Messages sent", "By type.", (per_second("hubbub_signaling_messages_sent_total", "type"), "{{type}}"),
              unit="ops", stacked=True),
        graph("Errors sent", "By code.", (per_second("hubbub_signaling_errors_total", "code"), "{{code}}"), unit="ops", stacked=True),
        graph("Broken media, as clients tell", "By the step that failed.",
              (per_second("hubbub_signaling_media_problems_total", "step"), "{{step}}"), unit="ops", stacked=True),
        graph("Messages that wait", "For clients to take them.", ("sum(hubbub_signaling_queued_messages{JOB})", "all"),
              ("max(hubbub_signaling_longest_queue{JOB})", "longest queue")),
        graph("Broken connections", "Seats that got their socket back, and that did not.",
              (per_second("hubbub_signaling_resumes_total"), "came back"),
              (per_second("hubbub_signaling_resumes_failed_total"), "came too late"),
              (per_second("hubbub_signaling_seats_timed_out_total"), "did not come"), unit="ops"),
        graph("Refused and closed", "", (per_second("hubbub_signaling_handshakes_refused_total"), "handshakes refused"),
              (per_second("hubbub_signaling_slow_readers_total"), "read too slowly"),
              (per_second("hubbub_signaling_floods_total"), "sent too much"), unit="ops"),
        graph("Time to join", "From join to joined.", *percentiles("hubbub_signaling_join_seconds"), unit="s"),
        graph("Time to audio", "From an offer to audio that flows.", *percentiles("hubbub_signaling_media_setup_seconds"), unit="s"),
        row("API"),
        graph("Requests", "By status.", (per_second("hubbub_http_requests_total", "status"), "{{status}}"), unit="reqps", stacked=True),
        graph("Requests by route", "", (per_second("hubbub_http_requests_total", "method, route"), "{{method}} {{route}}"),
              unit="reqps"),
        graph("Time by route", "95 of 100 take at most so long.", *percentiles("hubbub_http_request_duration_seconds", "route"),
              unit="s"),
        graph("Under way", "Requests that are being answered.", ("sum(hubbub_http_requests_under_way{JOB})", "requests")),
        graph("Rate-limited", "By limit.", (per_second("hubbub_api_rate_limited_total", "limit"), "{{limit}}"), unit="reqps"),
        graph("Logins", "By outcome.", (per_second("hubbub_auth_logins_total", "outcome"), "{{outcome}}"), unit="ops", stacked=True),
        graph("Checking passwords", "With waiting for a thread.", *percentiles("hubbub_auth_password_seconds"), unit="s"),
        graph("Mail", "By outcome.", (per_second("hubbub_mails_total", "outcome"), "{{outcome}}"),
              (per_second("hubbub_mail_retries_total"), "tried again"), unit="ops"),
        graph("Mails that wait", "", ("sum(hubbub_mails_waiting{JOB})", "mails")),
        row("Database"),
        graph("Queries", "By kind.", (per_second("hubbub_storage_query_seconds_count", "kind"), "{{kind}}"), unit="ops", stacked=True),
        graph("Time for a query", "With waiting for a connection; 95 of 100.", *percentiles("hubbub_storage_query_seconds", "kind"),
              unit="s"),
        graph("Errors", "By kind.", (per_second("hubbub_storage_errors_total", "kind"), "{{kind}}"), unit="ops"),
        graph("Connections", "By pool.", ("sum by (pool, state) (hubbub_storage_connections{JOB})", "{{pool}} {{state}}"),
              ("sum by (pool) (hubbub_storage_connections_max{JOB})", "{{pool}} at most")),
        graph("Queries under way", "Waiting for a connection or an answer.", ("sum(hubbub_storage_queries_under_way{JOB})", "queries")),
    ])


def node():
    return dashboard("hubbub-node", "Hubbub: node", "The process and its machine.", [
        name("Version", "What runs.", "count by (version) (hubbub_build_info{JOB})", "version"),
        stat("Up since", "How long the process runs.", "min(time() - process_start_time_seconds{JOB})", "s"),
        stat("Memory", "Resident.", "sum(process_resident_memory_bytes{JOB})", "bytes"),
        stat("Open files", "Of those that may be open.", "max(process_open_fds{JOB} / process_max_fds{JOB})", "percentunit",
             ((None, GREEN), (0.7, YELLOW), (0.9, RED))),
        stat("Disk left", "On the data folder's disk.", "min(hubbub_data_free_bytes{JOB})", "bytes"),
        stat("Threads", "", "sum(process_threads{JOB})"),
        graph("Processor", "Cores in use: all of the process, its media workers, and what the other threads did.",
              ("rate(process_cpu_seconds_total{JOB}[RATE])", "process"),
              ("sum(rate(hubbub_sfu_cpu_seconds_total{JOB}[RATE]))", "media workers"),
              ("rate(hubbub_runtime_busy_seconds_total{JOB}[RATE])", "other threads, by the clock")),
        graph("Media workers by the clock", "Cores: with what other programs took of them.",
              ("sum(rate(hubbub_sfu_busy_seconds_total{JOB}[RATE]))", "busy"),
              ("sum(rate(hubbub_sfu_cpu_seconds_total{JOB}[RATE]))", "CPU")),
        graph("Memory", "", ("process_resident_memory_bytes{JOB}", "resident"), unit="bytes"),
        graph("Open files", "Every WebSocket and media connection over TCP is one.", ("process_open_fds{JOB}", "open"),
              ("process_max_fds{JOB}", "at most")),
        graph("Tasks", "Of the runtime: all, and those that wait for a thread.", ("hubbub_runtime_tasks{JOB}", "tasks"),
              ("hubbub_runtime_queued_tasks{JOB}", "waiting"), ("hubbub_runtime_workers{JOB}", "threads")),
        graph("Nothing to do", "Times a thread of the runtime went to sleep.",
              (per_second("hubbub_runtime_parks_total"), "a second"), unit="ops"),
        graph("Disk", "Of the data folder.", ("hubbub_data_free_bytes{JOB}", "free"), ("hubbub_data_size_bytes{JOB}", "size"),
              unit="bytes", width=12),
        graph("Scraping", "How long Prometheus waits for the metrics, and how many there are.",
              ('scrape_duration_seconds{JOB}', "seconds"), unit="s", width=6),
        graph("Series", "What Prometheus keeps of this server.", ('scrape_samples_scraped{JOB}', "samples"), width=6),
    ])


DASHBOARDS = {"overview": overview, "media": media, "rooms": rooms, "services": services, "node": node}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a file is stale")
    check = parser.parse_args().check
    stale = []
    for name, make in DASHBOARDS.items():
        path = FOLDER / f"{name}.json"
        text = json.dumps(make(), indent=1) + "\n"
        if check and (not path.exists() or path.read_text() != text):
            stale.append(path.name)
        elif not check:
            path.write_text(text)
    if stale:
        sys.exit(f"stale: {', '.join(stale)}; run grafana/make.py and commit what it writes")


if __name__ == "__main__":
    main()
