"""Two of the example clients hear each other through a real server.

    python test_client.py            (or: pytest test_client.py)

Starts the server of HUBBUB_BIN (default: target/debug/hubbub) on free ports with a folder of its own, registers two
people by way of the built-in outbox, and lets one speak 440 Hz and the other 1000 Hz. Each must hear the other's tone and
nobody else's.
"""

import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import time

import httpx

HERE = pathlib.Path(__file__).resolve().parent
BINARY = pathlib.Path(os.environ.get("HUBBUB_BIN", HERE.parents[1] / "target" / "debug" / "hubbub")).resolve()
PASSWORD = "a herd of purple otters"
TONES = {"ada": 440.0, "grace": 1000.0}
SECONDS = 8


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start_server(folder: str) -> tuple[subprocess.Popen, str]:
    """A server on free ports, once it answers."""
    port = free_port()
    environment = {
        **os.environ,
        "HUBBUB_CONFIG": os.devnull,
        "HUBBUB__HTTP__BIND": f"127.0.0.1:{port}",
        "HUBBUB__METRICS__BIND": "",
        "HUBBUB__DATA__DIR": f"{folder}/data",
        "HUBBUB__MEDIA__FIRST_PORT": "0",
        "HUBBUB__MEDIA__WORKERS": "1",
        "HUBBUB__MEDIA__MAX_BUSY_PERCENT": "100",
    }
    log = open(f"{folder}/server.log", "w")
    server = subprocess.Popen([str(BINARY)], cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT)
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and server.poll() is None:
        try:
            if httpx.get(f"{url}/readyz", timeout=1).is_success:
                return server, url
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    stop_server(server)
    raise AssertionError(f"the server does not answer:\n{pathlib.Path(log.name).read_text()}")


def stop_server(server: subprocess.Popen) -> None:
    server.terminate()
    try:
        server.wait(15)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def register(http: httpx.Client, name: str) -> str:
    """Registers, reads the code from the outbox, proves the address and logs in; an access token."""
    email = f"{name}@example.org"
    http.post("/api/auth/register", json={"email": email, "username": name, "password": PASSWORD}).raise_for_status()
    mails = http.get("/api/dev/outbox").raise_for_status().json()["mails"]
    text = next(mail["text"] for mail in mails if mail["to"] == email)
    code = re.search(r"^\s*(\d{6})\s*$", text, re.MULTILINE)[1]
    http.post("/api/auth/email/verify", json={"email": email, "code": code}).raise_for_status()
    login = http.post("/api/auth/login", json={"email": email, "password": PASSWORD}).raise_for_status()
    http.cookies.clear()  # This program is two people; the tokens tell them apart.
    return login.json()["accessToken"]


def start_client(url: str, room: str, name: str, tone: float, expected: float) -> subprocess.Popen:
    command = [sys.executable, str(HERE / "hubbub_client.py"), "--server", url, "--email", f"{name}@example.org"]
    command += ["--room", room, "--tone", str(tone), "--expect-tone", str(expected), "--seconds", str(SECONDS)]
    environment = {**os.environ, "HUBBUB_PASSWORD": PASSWORD}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_two_clients_hear_each_other() -> None:
    with tempfile.TemporaryDirectory() as folder:
        server, url = start_server(folder)
        clients = {}
        try:
            with httpx.Client(base_url=url, timeout=10) as http:
                tokens = {name: register(http, name) for name in TONES}
                headers = {"Authorization": f"Bearer {tokens['ada']}"}
                room = http.post("/api/rooms", json={"name": "Tones"}, headers=headers).raise_for_status().json()["id"]
            others = dict(zip(TONES, reversed(TONES.values())))
            clients = {name: start_client(url, room, name, TONES[name], others[name]) for name in TONES}
            for name, client in clients.items():
                output, errors = client.communicate(timeout=SECONDS + 40)
                log = pathlib.Path(f"{folder}/server.log").read_text()
                lines = [json.loads(line) for line in output.splitlines()]
                assert client.returncode == 0, f"{name} ended with {client.returncode}:\n{output}{errors}\n{log}"
                assert any(line["mediaState"] == "connected" for line in lines), f"{name}:\n{output}"
                heard = [slot for line in lines for slot in line["slots"] if slot["frequencyHz"] is not None]
                assert len(heard) >= 2, f"{name} hardly heard anything:\n{output}"
                # Frequencies of the very first moments come from a buffer that is still filling.
                stray = [slot for slot in heard[1:] if abs(slot["frequencyHz"] - others[name]) > 8]
                assert not stray, f"{name} heard something else: {stray}"
                assert {slot["username"] for slot in heard if slot["username"]} == set(TONES) - {name}
        finally:
            for client in clients.values():
                if client.poll() is None:
                    client.kill()
                    client.wait()
            stop_server(server)


if __name__ == "__main__":
    test_two_clients_hear_each_other()
    print("ok: each client heard the other's tone")
