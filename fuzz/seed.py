#!/usr/bin/env python3
"""Writes the first inputs of the fuzz corpora: ordinary packets and the edges of each format (RFC 8489, 3550, 8285, 4571).

Offers are those of browsers (crates/sfu/src/sdp/tests/fixtures). Datagrams captured from clients lie in the corpora
themselves, as `chromium-…` and `webrtc-…`; what libFuzzer found is named by its hash. Standard library only; run it without
arguments.
"""

import json
import struct
from pathlib import Path

HERE = Path(__file__).resolve().parent
COOKIE = 0x2112A442
OPUS = bytes([0x78, 0xAB]) + bytes(range(60))


def write(target, name, data):
    folder = HERE / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)


def pieces(*parts):
    return b"".join(struct.pack(">H", len(part)) + part for part in parts)


def attribute(kind, value):
    return struct.pack(">HH", kind, len(value)) + value + bytes(-len(value) % 4)


def binding(attributes, kind=1, length=None, cookie=COOKIE):
    body = b"".join(attributes)
    return struct.pack(">HHI", kind, len(body) if length is None else length, cookie) + bytes(range(12)) + body


NAME = attribute(6, b"fuzzfuzzfuzz:them")
PRIORITY = attribute(0x24, struct.pack(">I", 1853824767))
CONTROLLING = attribute(0x802A, bytes(8))


def stun():
    write("stun", "check", binding([NAME, CONTROLLING, attribute(0x25, b""), PRIORITY, attribute(8, bytes(20)), attribute(0x8028, bytes(4))]))
    write("stun", "response", binding([attribute(0x20, bytes(8))], kind=0x101))
    write("stun", "no-attributes", binding([]))
    write("stun", "19-bytes", binding([])[:19])
    write("stun", "length-too-large", binding([NAME], length=60000))
    write("stun", "length-odd", binding([NAME], length=3))
    write("stun", "wrong-cookie", binding([NAME], cookie=1))
    write("stun", "name-without-colon", binding([attribute(6, b"fuzzfuzzfuzz")]))
    write("stun", "name-not-utf-8", binding([attribute(6, b"\xff\xfe:\xff")]))
    write("stun", "name-twice", binding([NAME, attribute(6, b"other:them")]))
    # Sealed by the target:
    write("stun", "sealed-ordinary", CONTROLLING + attribute(0x25, b"") + PRIORITY)
    write("stun", "sealed-controlled", attribute(0x8029, bytes(8)) + PRIORITY)
    write("stun", "sealed-unknown-required", attribute(0x7001, b"what") + attribute(0x7002, b""))
    write("stun", "sealed-many", PRIORITY * 40)
    write("stun", "sealed-integrity-inside", attribute(8, bytes(20)) + attribute(0x25, b""))
    write("stun", "sealed-network-cost", attribute(0xC057, bytes(4)) + attribute(0x25, b""))


def rtp_packet(extension=None, profile=0xBEDE, csrcs=0, padding=0, payload=OPUS, marker=False, kind=111):
    first = 0x80 | (0x10 if extension is not None else 0) | (0x20 if padding else 0) | csrcs
    packet = struct.pack(">BBHII", first, kind | (0x80 if marker else 0), 1000, 960000, 0x11223344) + bytes(4 * csrcs)
    if extension is not None:
        packet += struct.pack(">HH", profile, (len(extension) + 3) // 4) + extension + bytes(-len(extension) % 4)
    packet += payload
    if padding:
        packet += bytes(padding - 1) + bytes([padding])
    return packet


RTP = {
    "plain": rtp_packet(),
    "level": rtp_packet(bytes([0x10, 0x80 | 30])),
    "level-and-mid": rtp_packet(bytes([0x10, 30, 0x40]) + b"0" + bytes([0x31]) + b"\x12\x34"),
    "two-byte": rtp_packet(bytes([1, 1, 30, 4, 0, 9, 2, 1, 2]), profile=0x1000),
    "id-15-ends": rtp_packet(bytes([0xF0, 1, 0x10, 30])),
    "element-too-long": rtp_packet(bytes([0x1F, 30])),
    "unknown-profile": rtp_packet(bytes([0x10, 30]), profile=0x1234),
    "extension-of-nothing": rtp_packet(b""),
    "csrcs": rtp_packet(bytes([0x10, 30]), csrcs=15),
    "padding": rtp_packet(padding=16),
    "padding-is-all": rtp_packet(payload=b"", padding=20),
    "padding-of-255": rtp_packet(padding=255),
    "padding-0": rtp_packet(payload=OPUS + b"\0")[:1] + b"" + rtp_packet()[1:],
    "no-payload": rtp_packet(payload=b""),
    "marker": rtp_packet(marker=True),
    "dtx": rtp_packet(bytes([0x10, 127]), payload=b"\x78"),
    "red": rtp_packet(bytes([0x10, 30]), kind=63, payload=bytes([0xEF, 0x0F, 0x00, 0x3E, 0x6F]) + OPUS + OPUS),
    "red-two-generations": rtp_packet(kind=63, payload=bytes([0xEF, 0x1E, 0, 4, 0xEF, 0x0F, 0, 4, 0x6F]) + b"olderold!" + OPUS),
    "red-too-long": rtp_packet(kind=63, payload=bytes([0xEF, 0x0F, 0xFF, 0xFF, 0x6F]) + OPUS),
    "version-1": bytes([0x40]) + rtp_packet()[1:],
    "11-bytes": rtp_packet()[:11],
}
RTP["padding-0"] = bytes([RTP["plain"][0] | 0x20]) + RTP["plain"][1:-1] + b"\0"


def red():
    header = lambda age, length, kind=0xEF: struct.pack(">BI", kind, age << 10 | length)[:1] + struct.pack(">I", age << 10 | length)[1:]
    write("red", "one", header(960, 62) + b"\x6f" + OPUS + OPUS)
    write("red", "two", header(1920, 3) + header(960, 4) + b"\x6f" + b"old" + b"next" + OPUS)
    write("red", "none", b"\x6f" + OPUS)
    write("red", "empty-block", header(960, 0) + b"\x6f" + OPUS)
    write("red", "empty-primary", header(960, 4) + b"\x6fnext")
    write("red", "too-long", header(960, 1023) + b"\x6f" + OPUS)
    write("red", "eight", b"".join(header(960 * (8 - n), 2) for n in range(8)) + b"\x6f" + bytes(16) + OPUS)
    write("red", "nine", b"".join(header(960 * (9 - n), 2) for n in range(9)) + b"\x6f" + bytes(18) + OPUS)
    write("red", "oldest-age", header(0x3FFF, 2) + b"\x6f" + b"ab" + OPUS)
    write("red", "other-codec", header(960, 4, 0xFF) + b"\x6f" + b"next" + OPUS)
    write("red", "no-last-header", header(960, 4))


def rtcp_packet(kind, body, count=0, length=None):
    words = len(body) // 4 if length is None else length
    return struct.pack(">BBH", 0x80 | count, kind, words) + body


BLOCK = struct.pack(">IIIIII", 0x1001, 0x20000005, 70000, 120, 0x12345678, 6554)
SR = rtcp_packet(200, struct.pack(">IQIII", 0x11223344, 0xE5A1B2C3D4E5F607, 960000, 50, 4000))
RR = rtcp_packet(201, struct.pack(">I", 0x11223344) + BLOCK, count=1)
SDES = rtcp_packet(202, struct.pack(">IBB", 0x11223344, 1, 6) + b"client" + bytes(4), count=1)
RTCP = {
    "sr": SR + SDES,
    "sr-with-block": rtcp_packet(200, SR[4:] + BLOCK, count=1),
    "rr": RR,
    "rr-31-blocks": rtcp_packet(201, struct.pack(">I", 1) + BLOCK * 31, count=31),
    "rr-count-too-large": rtcp_packet(201, struct.pack(">I", 1) + BLOCK, count=31),
    "rr-negative-loss": rtcp_packet(201, struct.pack(">I", 1) + BLOCK[:4] + b"\0\xff\xff\xfe" + BLOCK[8:], count=1),
    "nack": rtcp_packet(205, struct.pack(">IIHH", 1, 0x1001, 1000, 0b1011), count=1),
    "nack-many": rtcp_packet(205, struct.pack(">II", 1, 0x1001) + struct.pack(">HH", 65535, 0xFFFF) * 60, count=1),
    "transport-cc": rtcp_packet(205, struct.pack(">IIHHI", 1, 2, 3, 4, 5) + bytes([0x20, 4, 1, 1]), count=15),
    "pli": rtcp_packet(206, struct.pack(">II", 1, 0x1001), count=1),
    "remb": rtcp_packet(206, struct.pack(">II", 1, 0) + b"REMB" + bytes([1, 0, 0, 9]) + struct.pack(">I", 7), count=15),
    "bye": RR + rtcp_packet(203, struct.pack(">I", 0x11223344), count=1),
    "app": rtcp_packet(204, struct.pack(">I", 1) + b"nameDATA"),
    "xr": rtcp_packet(207, struct.pack(">IBBH", 1, 4, 0, 2) + bytes(8)),
    "compound-of-40": RR * 40,
    "length-too-large": rtcp_packet(201, BLOCK, length=500),
    "length-0": rtcp_packet(200, b""),
    "7-bytes": RR[:7],
}


def tcp():
    frame = lambda data: struct.pack(">H", len(data)) + data
    check = binding([NAME, PRIORITY])
    write("tcp", "check", bytes([255]) + frame(check))
    write("tcp", "byte-by-byte", bytes([1]) + frame(check) + frame(RTP["level"]) + frame(RTCP["sr"]))
    write("tcp", "cut-in-the-length", bytes([3]) + frame(b"a") + frame(b"bc") + frame(b"def"))
    write("tcp", "empty-frame", bytes([7]) + frame(b"abc") + frame(b"") + frame(b"d"))
    write("tcp", "too-large", bytes([2]) + frame(bytes(2049)))
    write("tcp", "largest", bytes([200]) + frame(bytes(2048)))
    write("tcp", "http", bytes([16]) + b"GET / HTTP/1.1\r\n\r\n")
    write("tcp", "tls", bytes([16]) + bytes([22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3]))


def record(messages, content=22, epoch=0, sequence=0, version=0xFEFD):
    return struct.pack(">BHHHI", content, version, epoch, 0, sequence) + struct.pack(">H", len(messages)) + messages


def fragment(body, start, length, kind=1, total=None, number=0):
    u24 = lambda value: struct.pack(">I", value)[1:]
    whole = len(body) if total is None else total
    return bytes([kind]) + u24(whole) + struct.pack(">H", number) + u24(start) + u24(length) + body[start : start + length]


def hellos():
    vector = lambda data: struct.pack(">H", len(data)) + data
    extension = lambda kind, data: struct.pack(">H", kind) + vector(data)
    groups = extension(10, vector(struct.pack(">HH", 23, 29)))
    srtp = extension(14, vector(struct.pack(">HHH", 1, 7, 8)) + b"\0")
    signatures = extension(13, vector(struct.pack(">HH", 0x0403, 0x0804)))
    versions = extension(43, bytes([4]) + struct.pack(">HH", 0xFEFC, 0xFEFD))
    share = extension(51, vector(struct.pack(">H", 23) + vector(bytes([4]) + bytes(range(64)))))
    points = extension(11, bytes([1, 0]))
    suites = vector(struct.pack(">HHH", 0xC02B, 0x1301, 0xC02F))
    head = struct.pack(">H", 0xFEFD) + bytes(range(32)) + b"\0\0" + suites + bytes([1, 0])
    body = head + vector(groups + srtp + signatures + points + extension(23, b""))
    body13 = head + vector(groups + srtp + signatures + versions + share)
    large = head + vector(groups + srtp + versions + extension(21, bytes(1500)))
    whole = lambda data: record(fragment(data, 0, len(data)))
    cut = lambda data, size: [record(fragment(data, at, min(size, len(data) - at)), sequence=at) for at in range(0, len(data), size)]
    both = {
        "dtls12": pieces(whole(body)),
        "dtls13": pieces(whole(body13)),
        "in-two": pieces(*cut(large, 1000)),
        "backwards": pieces(*reversed(cut(large, 400))),
        "repeated": pieces(*(cut(body, 60) + cut(body, 60))),
        "two-in-a-record": pieces(record(fragment(body, 0, 50) + fragment(body, 50, len(body) - 50))),
        "two-records": pieces(record(fragment(body, 0, 50)) + record(fragment(body, 50, len(body) - 50))),
        "tiny": pieces(*cut(body, 4)[:40]),
        "another-hello": pieces(cut(body, 60)[0], whole(body13)),
        "total-of-0": pieces(record(fragment(b"", 0, 0))),
        "total-too-large": pieces(record(fragment(body, 0, 50, total=0xFFFFFF))),
        "beyond-the-total": pieces(record(fragment(body, 0, 100, total=50))),
        "overlapping": pieces(record(fragment(body, 0, 60)), record(fragment(body, 30, len(body) - 30))),
        "no-extensions": pieces(whole(head)),
        "alert": pieces(record(b"\x02\x28", content=21), whole(body)),
        "epoch-1": pieces(record(bytes(40), epoch=1), whole(body)),
        "not-a-hello": pieces(record(fragment(body, 0, len(body), kind=11, number=1))),
        "record-cut": pieces(whole(body)[:-5]),
        "then-a-certificate": pieces(whole(body), record(fragment(bytes(300), 0, 300, kind=11, number=1), sequence=1)),
        "then-garbage": pieces(whole(body13), bytes([0x2F]) + bytes(60), bytes([22]) + bytes(20)),
    }
    for name, data in both.items():
        write("hello", name, data)
        write("dtls", name, data)
    return whole(body)


def worker(hello):
    """The first byte of a piece: 0 from a peer's address, 1 << 5 a stranger's, 2 << 5 authentic RTP, 4 << 5 RTCP, 5 << 5 time, 6 << 5 an offer."""
    act = lambda kind, low, data=b"": bytes([kind << 5 | low]) + data
    talk = [act(2, 0, RTP["level"]), act(2, 1, RTP["level"])]
    silent = act(2, 0, rtp_packet(bytes([0x10, 127])))
    write("worker", "talk", pieces(*talk * 5))
    write("worker", "silence-then-talk", pieces(*[silent] * 8, *talk))
    write("worker", "all-rtp", pieces(*[act(2, 0, packet) for packet in RTP.values()]))
    write("worker", "own-numbers", pieces(*[act(2, 2, packet) for packet in RTP.values()], *talk))
    write("worker", "all-rtcp", pieces(*[act(4, 0, packet) for packet in RTCP.values()], *talk))
    write("worker", "rtcp-of-the-listener", pieces(*talk, *[act(4, 1, packet) for packet in RTCP.values()]))
    write("worker", "strangers", pieces(act(1, 0, hello), act(1, 1, binding([NAME])), act(1, 2, RTP["plain"]), act(1, 3, RTCP["sr"])))
    write("worker", "peers-without-keys", pieces(act(0, 0, hello), act(0, 1, RTP["plain"]), act(0, 0, RTCP["sr"]), act(0, 1, bytes([64, 1, 2]))))
    write("worker", "time", pieces(act(5, 31), *talk, act(5, 20), act(5, 31)))
    write("worker", "offer", pieces(*talk, act(6, 0, OFFERS["chromium"].encode()), *talk))


FIXTURES = HERE.parent / "crates/sfu/src/sdp/tests/fixtures"
OFFERS = {path.stem: path.read_text().replace("\n", "\r\n") for path in sorted(FIXTURES.glob("*.sdp"))}


def sdp():
    for name, offer in OFFERS.items():
        write("sdp", name, offer.encode())
    chromium = OFFERS["chromium"]
    edges = {
        "bare-line-feeds": chromium.replace("\r\n", "\n"),
        "no-fingerprint": "\r\n".join(line for line in chromium.split("\r\n") if "fingerprint" not in line),
        "plain-rtp": chromium.replace("UDP/TLS/RTP/SAVPF", "RTP/AVP"),
        "mid-with-a-carriage-return": chromium.replace("a=mid:0", "a=mid:0\ra=x"),
        "same-mid-twice": chromium.replace("a=mid:1", "a=mid:0"),
        "many-candidates": chromium + "a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n" * 65,
        "port-0": chromium.replace("m=audio 9", "m=audio 0"),
        "no-bundle": chromium.replace("a=group:BUNDLE", "a=group:LS"),
        "payload-type-300": chromium.replace("a=rtpmap:111", "a=rtpmap:300"),
        "empty-lines": chromium.replace("\r\n", "\r\n\r\n"),
        "nothing": "",
    }
    for name, offer in edges.items():
        write("sdp", name, offer.encode())


def messages():
    room = "0190a5c0-7d1e-7a3b-8f00-000000000001"
    ordinary = {
        "join": {"type": "join", "id": 1, "roomId": room, "muted": True, "resumeToken": "token"},
        "leave": {"type": "leave", "id": 2},
        "offer": {"type": "session-description", "id": 3, "description": {"type": "offer", "sdp": OFFERS["firefox"]}},
        "candidate": {"type": "ice-candidate", "candidate": {"candidate": "candidate:1 1 udp 1 192.0.2.1 9 typ host", "sdpMid": "0", "sdpMLineIndex": 0, "usernameFragment": "abcd"}},
        "no-more-candidates": {"type": "ice-candidate", "candidate": None},
        "mute": {"type": "mute", "participantId": room},
        "unmute": {"type": "unmute"},
        "ping": {"type": "ping", "id": 4294967295},
        "id-too-large": {"type": "ping", "id": 4294967296},
        "unknown-type": {"type": "dance", "id": 8},
        "unknown-field": {"type": "leave", "role": "admin"},
    }
    for name, message in ordinary.items():
        write("message", name, json.dumps(message).encode())
    edges = {
        "not-json": b"{",
        "deep": b"[" * 300,
        "array": b"[]",
        "twice-the-type": b'{"type":"ping","type":"leave"}',
        "surrogate": b'{"type":"join","roomId":"\\ud800"}',
        "large-number": b'{"type":"ping","id":1e400}',
        "nul": b'{"type":"\\u0000"}',
    }
    for name, data in edges.items():
        write("message", name, data)


if __name__ == "__main__":
    stun()
    for name, packet in RTP.items():
        write("rtp", name, packet)
    for name, packet in RTCP.items():
        write("rtcp", name, packet)
    red()
    tcp()
    worker(hellos())
    sdp()
    messages()
