"""A small Hubbub client: joins a room, speaks a tone or a WAV file, and says what it hears.

Written from docs/PROTOCOL.md; the numbers in comments (§) are its sections. Every second it prints one line of JSON to
standard output. Use it as a program, or take `log_in`, `Room` and `Call` as the beginning of something else.
"""

import argparse
import asyncio
import collections
import fractions
import itertools
import json
import math
import os
import sys
import time
from urllib.parse import quote

import httpx
import numpy
import websockets
from aiortc import (
    MediaStreamTrack,
    RTCBundlePolicy,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.contrib.media import MediaPlayer
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame

SAMPLE_RATE = 48_000
FRAME_SAMPLES = SAMPLE_RATE // 50  # 20 ms, the usual length of an Opus packet
TONE_TOLERANCE_HZ = 8.0
ANSWER_TIMEOUT = 10.0


class HubbubError(Exception):
    """The server refused something. `code` is stable, the message is for people (§4, error codes)."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


# --- REST (§1, steps 1 and 2) ----------------------------------------------------------------------------------------


async def log_in(http: httpx.AsyncClient, email: str, password: str) -> str:
    """An access token, good for 15 minutes."""
    answer = await http.post("/api/auth/login", json={"email": email, "password": password})
    return _body(answer)["accessToken"]


async def buy_ticket(http: httpx.AsyncClient, access_token: str) -> str:
    """A ticket that opens one WebSocket within 30 seconds."""
    answer = await http.post("/api/auth/ws-ticket", headers={"Authorization": f"Bearer {access_token}"})
    return _body(answer)["ticket"]


def _body(answer: httpx.Response) -> dict:
    if answer.is_success:
        return answer.json()
    try:
        problem = answer.json()
        raise HubbubError(problem["code"], problem.get("detail") or problem.get("title", ""))
    except (ValueError, KeyError):
        raise HubbubError(f"http-{answer.status_code}", answer.reason_phrase) from None


# --- The socket (§2 to §4) -------------------------------------------------------------------------------------------


class Room:
    """A seat in a room, and what the server tells about it."""

    def __init__(self, socket: websockets.ClientConnection) -> None:
        self.participants: dict[str, dict] = {}
        self.slots: dict[str, str | None] = {}
        self.speakers: list[dict] = []
        self.media_state = "new"
        self.own_id: str | None = None
        self.slot_count = 0
        self.ended = asyncio.get_running_loop().create_future()
        self._socket = socket
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future] = {}
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def join(cls, server: str, ticket: str, room_id: str, muted: bool = False) -> "Room":
        """Opens the WebSocket and sits down."""
        url = server.replace("http", "ws", 1).rstrip("/") + f"/ws?version=1&ticket={quote(ticket)}"
        # The server's messages are short, except an answer with many slots.
        socket = await websockets.connect(url, max_size=1 << 20)
        room = cls(socket)
        try:
            joined = await room.request("join", roomId=room_id, muted=muted)
        except BaseException:
            await room.close()
            raise
        room.own_id = joined["participantId"]
        room.slot_count = joined["slots"]
        return room

    async def request(self, kind: str, **fields) -> dict:
        """Sends a message and waits for what answers it."""
        number = next(self._numbers)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            await self._socket.send(json.dumps({"type": kind, "id": number, **fields}))
            return await asyncio.wait_for(answer, ANSWER_TIMEOUT)
        finally:
            self._waiting.pop(number, None)

    async def leave(self) -> None:
        """Gives the seat up at once, rather than after the time a lost connection is waited for."""
        await self.request("leave")

    async def close(self) -> None:
        """Closes the socket."""
        await self._socket.close()
        await self._reader

    async def _read(self) -> None:
        reason = "closed"
        try:
            async for text in self._socket:
                self._handle(json.loads(text))
        except websockets.ConnectionClosedError as error:
            reason = str(error)
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(ConnectionError(reason))
        self._end(reason)

    def _handle(self, message: dict) -> None:
        match message["type"]:
            case "joined":
                self.participants = {p["id"]: p for p in message["participants"]}
                if not message["resumed"]:
                    self.slots.clear()
            case "participants":
                self.participants.update({p["id"]: p for p in message["participants"]})
            case "add-peer":
                self.participants[message["participant"]["id"]] = message["participant"]
            case "remove-peer":
                self.participants.pop(message["participantId"], None)
            case "mute-info":
                if participant := self.participants.get(message["participantId"]):
                    participant.update(muted=message["muted"], mutedByModerator=message["mutedByModerator"])
            case "slots":
                self.slots.update({a["mid"]: a["participantId"] for a in message["assignments"]})
            case "speakers":
                self.speakers = message["speakers"]
            case "media-state":
                self.media_state = message["state"]
            case "left":
                self._end(message["reason"])
            case "error" if "replyTo" not in message:
                print(f"{message['code']}: {message['message']}", file=sys.stderr)
            case _:
                pass  # Types that are not known must be ignored (§2).
        answer = self._waiting.get(message.get("replyTo"))
        if answer and not answer.done():
            if message["type"] == "error":
                answer.set_exception(HubbubError(message["code"], message["message"]))
            else:
                answer.set_result(message)

    def _end(self, reason: str) -> None:
        if not self.ended.done():
            self.ended.set_result(reason)


# --- Media (§6) ------------------------------------------------------------------------------------------------------


class Tone(MediaStreamTrack):
    """A sine wave, as a microphone."""

    kind = "audio"

    def __init__(self, frequency: float, amplitude: float = 0.25) -> None:
        super().__init__()
        self._step = 2 * math.pi * frequency / SAMPLE_RATE
        self._amplitude = amplitude * 32_767
        self._position = 0
        self._started: float | None = None

    async def recv(self) -> AudioFrame:
        if self.readyState != "live":
            raise MediaStreamError
        if self._started is None:
            self._started = time.monotonic()
        await asyncio.sleep(max(0.0, self._started + self._position / SAMPLE_RATE - time.monotonic()))
        phases = (self._position + numpy.arange(FRAME_SAMPLES)) * self._step
        samples = (numpy.sin(phases) * self._amplitude).astype(numpy.int16)
        frame = AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = SAMPLE_RATE
        frame.time_base = fractions.Fraction(1, SAMPLE_RATE)
        frame.pts = self._position
        self._position += FRAME_SAMPLES
        return frame


class Ear:
    """Listens to one slot and remembers its last second."""

    def __init__(self, mid: str, track: MediaStreamTrack) -> None:
        self.mid = mid
        self.frames = 0
        self._last = collections.deque(maxlen=50)
        self._heard_at = 0.0
        self._task = asyncio.create_task(self._listen(track))

    async def _listen(self, track: MediaStreamTrack) -> None:
        try:
            while True:
                frame = await track.recv()
                samples = frame.to_ndarray().astype(numpy.float64).reshape(-1, len(frame.layout.channels))
                self._last.append(samples.mean(axis=1) / 32_768)
                self._heard_at = time.monotonic()
                self.frames += 1
        except MediaStreamError:
            pass

    def analyse(self) -> tuple[float | None, float | None]:
        """Dominant frequency in Hz and loudness in dB of full scale, or nothing when it has been silent."""
        if time.monotonic() - self._heard_at > 1 or len(self._last) < 10:
            return None, None
        samples = numpy.concatenate(self._last)
        loudness = 20 * math.log10(max(float(numpy.sqrt(numpy.mean(samples**2))), 1e-9))
        if loudness < -60:
            return None, round(loudness, 1)
        spectrum = numpy.abs(numpy.fft.rfft(samples * numpy.hanning(len(samples))))
        spectrum[0] = 0
        peak = int(spectrum.argmax())
        offset = 0.0
        if 0 < peak < len(spectrum) - 1:
            # The top of the parabola through the highest bin and its neighbours, on a logarithmic scale.
            before, top, after = numpy.log(spectrum[peak - 1 : peak + 2] + 1e-12)
            offset = float((before - after) / (2 * (before - 2 * top + after)))
        return round((peak + offset) * SAMPLE_RATE / len(samples), 1), round(loudness, 1)

    def stop(self) -> None:
        self._task.cancel()


class Call:
    """The one media connection to the server."""

    def __init__(self, room: Room, microphone: MediaStreamTrack | None) -> None:
        # Everything shares one transport, and no ICE server is needed to reach a server with a public address.
        configuration = RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)
        self.ears: list[Ear] = []
        self.connection = RTCPeerConnection(configuration)
        self.connection.on("track", self._on_track)
        self._room = room
        if microphone:
            self.connection.addTransceiver(microphone, direction="sendonly")
        for _ in range(room.slot_count):
            self.connection.addTransceiver("audio", direction="recvonly")

    async def start(self) -> None:
        """Offers and takes the answer; ICE, DTLS and SRTP run by themselves then."""
        await self.connection.setLocalDescription(await self.connection.createOffer())
        offer = {"type": "offer", "sdp": self.connection.localDescription.sdp}
        answer = await self._room.request("session-description", description=offer)
        sdp = answer["description"]["sdp"]
        await self.connection.setRemoteDescription(RTCSessionDescription(sdp, "answer"))

    async def stop(self) -> None:
        for ear in self.ears:
            ear.stop()
        await self.connection.close()

    def _on_track(self, track: MediaStreamTrack) -> None:
        transceiver = next(t for t in self.connection.getTransceivers() if t.receiver.track is track)
        self.ears.append(Ear(transceiver.mid, track))


# --- The program -----------------------------------------------------------------------------------------------------


def report(room: Room, call: Call, seconds: float) -> dict:
    """What is heard at this moment, slot by slot."""
    slots = []
    for ear in call.ears:
        participant_id = room.slots.get(ear.mid)
        frequency, loudness = ear.analyse()
        if participant_id or ear.frames:
            slots.append({
                "mid": ear.mid,
                "participantId": participant_id,
                "username": room.participants.get(participant_id, {}).get("username"),
                "frames": ear.frames,
                "frequencyHz": frequency,
                "loudnessDb": loudness,
            })
    return {
        "seconds": round(seconds, 1),
        "mediaState": room.media_state,
        "participants": sorted(p["username"] for p in room.participants.values()),
        "slots": slots,
    }


def hears(line: dict, tone: float) -> bool:
    """Whether the tone is in some slot of a report."""
    frequencies = (slot["frequencyHz"] for slot in line["slots"])
    return any(f is not None and abs(f - tone) <= TONE_TOLERANCE_HZ for f in frequencies)


async def run(arguments: argparse.Namespace) -> int:
    async with httpx.AsyncClient(base_url=arguments.server, timeout=ANSWER_TIMEOUT) as http:
        access_token = await log_in(http, arguments.email, arguments.password)
        ticket = await buy_ticket(http, access_token)
    room = await Room.join(arguments.server, ticket, arguments.room)
    microphone = None
    if arguments.wav:
        microphone = MediaPlayer(arguments.wav).audio
    elif arguments.tone:
        microphone = Tone(arguments.tone)
    call = Call(room, microphone)
    missing = set(arguments.expect_tone)
    try:
        await call.start()
        started = time.monotonic()
        while time.monotonic() - started < arguments.seconds:
            done, _ = await asyncio.wait([room.ended], timeout=1)
            if done:
                print(f"the call ended: {room.ended.result()}", file=sys.stderr)
                return 1
            line = report(room, call, time.monotonic() - started)
            print(json.dumps(line), flush=True)
            missing = {tone for tone in missing if not hears(line, tone)}
        await room.leave()
    finally:
        await call.stop()
        await room.close()
    if missing:
        print("not heard: " + ", ".join(f"{tone:g} Hz" for tone in sorted(missing)), file=sys.stderr)
    return 1 if missing else 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--server", default="http://127.0.0.1:8080", help="where Hubbub is (default: %(default)s)")
    parser.add_argument("--email", required=True, help="of a registered account")
    parser.add_argument(
        "--password", default=os.environ.get("HUBBUB_PASSWORD"), help="its password (default: $HUBBUB_PASSWORD)"
    )
    parser.add_argument("--room", required=True, help="the room's id: the end of its address in the browser")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--tone", type=float, metavar="HZ", help="speak a sine wave")
    source.add_argument("--wav", metavar="FILE", help="speak a sound file; without it and --tone: only listen")
    parser.add_argument("--seconds", type=float, default=10, help="how long to stay (default: %(default)s)")
    parser.add_argument(
        "--expect-tone", type=float, metavar="HZ", action="append", default=[],
        help=f"end with status 1 unless this tone was heard, within {TONE_TOLERANCE_HZ:g} Hz; may be repeated",
    )
    arguments = parser.parse_args()
    if not arguments.password:
        parser.error("--password or HUBBUB_PASSWORD is needed")
    return arguments


def main() -> int:
    try:
        return asyncio.run(run(parse_arguments()))
    except (HubbubError, OSError, TimeoutError, httpx.HTTPError, websockets.WebSocketException) as error:
        print(f"hubbub_client: {error or type(error).__name__}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
