#!/usr/bin/env python3
"""Records the level traces beside it: what a client's packets say about the sound of a microphone (RFC 6464).

The sounds are synthesised: no person, room or microphone was recorded. They are made here, from speech (espeak-ng), from
noise and plucked strings (sox) and from a few shaped bursts, and laid on a time line. A trace is one file a microphone.
Its lines:

- `# …` says what it is, `# sound FROM TO NAME` when a sound really was there, in seconds,
- all others have one level a packet of 20 ms, 50 a line: the RMS of its samples below the overload point (a full-scale
  square wave, RFC 6464, section 3) in whole dB, 0 to 127; 127 is digital silence. `v` before it is the voice bit.

Browsers set the voice bit in every packet that holds sound, speech or not, unless discontinuous transmission is on, and
not in the packets of a muted microphone. So it is here.

Needs python3, sox and espeak-ng (Debian's packages); the same versions write the same files. Run it without arguments.
"""

import array
import math
import random
import subprocess
import tempfile
import wave
from pathlib import Path

HERE = Path(__file__).resolve().parent
RATE = 16_000
FRAME = RATE // 50
FULL = 32_768.0

VOICES = {"ada": ["-v", "en-us+f3", "-s", "165"], "bob": ["-v", "en-gb", "-s", "150", "-p", "35"]}


def sox(*arguments):
    """The samples of what sox makes or changes, mono, without dither so that silence stays silent."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.wav"
        command = ["sox", "-R", "-D", *map(str, arguments)]
        command[command.index("OUT")] = str(out)
        subprocess.run(command, check=True)
        with wave.open(str(out)) as sound:
            assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (RATE, 1, 2)
            return [sample / FULL for sample in array.array("h", sound.readframes(sound.getnframes()))]


def say(voice, text):
    """Speech without the silence around it."""
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "raw.wav"
        subprocess.run(["espeak-ng", *VOICES[voice], "-w", str(raw), text], check=True)
        samples = sox(raw, "-r", RATE, "-c", 1, "-b", 16, "OUT")
    heard = [index for index, sample in enumerate(samples) if abs(sample) > 0.001]
    return samples[heard[0] : heard[-1] + 1]


def noise(kind, seconds):
    return sox("-r", RATE, "-n", "-c", 1, "-b", 16, "OUT", "synth", seconds, kind, "vol", 0.5)


def rms(samples):
    return math.sqrt(sum(sample * sample for sample in samples) / len(samples))


def at_level(samples, dbov):
    """Scales to an RMS level."""
    gain = 10 ** (dbov / 20) / rms(samples)
    return [sample * gain for sample in samples]


def shaped(samples, envelope):
    """Multiplies with an envelope: points of (seconds, factor), joined by straight lines."""
    out = []
    at = 0
    for index, sample in enumerate(samples):
        seconds = index / RATE
        while at + 2 < len(envelope) and envelope[at + 1][0] <= seconds:
            at += 1
        (t0, f0), (t1, f1) = envelope[at], envelope[at + 1]
        part = min(1.0, max(0.0, (seconds - t0) / (t1 - t0)))
        out.append(sample * (f0 + (f1 - f0) * part))
    return out


def cough():
    """An explosive onset, a longer voiceless part, sometimes followed by a voiced end: about 350 ms (1 burst)."""
    breath = sox("-r", RATE, "-n", "-c", 1, "-b", 16, "OUT", "synth", 0.36, "whitenoise", "band", "-n", 900, 700)
    breath = at_level(breath, -20)
    return shaped(breath, [(0, 0), (0.008, 2.5), (0.05, 1.6), (0.12, 0.7), (0.25, 0.45), (0.36, 0)])


def key(chance):
    """A key's click down and its softer click up."""
    def click(seconds):
        return [chance.uniform(-1, 1) * math.exp(-index / (RATE * 0.004)) for index in range(int(seconds * RATE))]

    down, up = at_level(click(0.02), -32), at_level(click(0.012), -42)
    return down + [0.0] * int(chance.uniform(0.05, 0.08) * RATE) + up


def breath(seconds, dbov):
    """Air over a microphone: pink noise that swells and fades."""
    return shaped(at_level(noise("pinknoise", seconds), dbov), [(0, 0), (seconds / 2, 1.4), (seconds, 0)])


def chord(notes, seconds, dbov):
    synth = ["synth", seconds]
    for note in notes:
        synth += ["pluck", note]
    shape = ["remix", "-", "fade", 0, seconds, 0.02, "rate", RATE]
    samples = sox("-r", 48_000, "-c", len(notes), "-n", "-b", 16, "OUT", *synth, *shape)
    return at_level(samples, dbov)


class Microphone:
    """A time line of sounds."""

    def __init__(self, seconds, room=-74):
        """`room` is the level of the pink noise that is always there, in dBov; None: none."""
        self.samples = [0.0] * int(seconds * RATE)
        self.sounds = []
        self.muted = []
        if room is not None:
            self.add(0, at_level(noise("pinknoise", seconds), room))

    def add(self, at, sound, name=None):
        """Lays a sound on the time line; returns when it is over."""
        start = int(at * RATE)
        for index, sample in enumerate(sound):
            if start + index < len(self.samples):
                self.samples[start + index] += sample
        end = at + len(sound) / RATE
        if name:
            self.sounds.append((at, end, name))
        return end

    def mute(self, start, end):
        """What a browser sends of a muted track: digital silence."""
        for index in range(int(start * RATE), int(end * RATE)):
            self.samples[index] = 0.0
        self.muted.append((start, end))

    def write(self, name, description):
        levels = []
        for start in range(0, len(self.samples) - FRAME + 1, FRAME):
            frame = [max(-1.0, min(1.0, round(s * FULL) / FULL)) for s in self.samples[start : start + FRAME]]
            loudness = rms(frame)
            level = 127 if loudness == 0 else min(127, max(0, round(-20 * math.log10(loudness))))
            levels.append(f"{level}" if level == 127 else f"v{level}")
        lines = [f"# {description}"]
        lines += [f"# sound {start:.2f} {end:.2f} {name}" for start, end, name in self.sounds]
        lines += [" ".join(levels[at : at + 50]) for at in range(0, len(levels), 50)]
        (HERE / f"{name}.txt").write_text("\n".join(lines) + "\n")


TURNS = [
    ("ada", "Good morning, can everybody hear me?"),
    ("bob", "Yes, we hear you loud and clear. Shall we begin with the first point?"),
    ("ada", "Please do. I only have half an hour today."),
    ("bob", "Fine. The numbers of the last quarter are better than we thought they would be."),
    ("ada", "That is good to hear. By how much?"),
    ("bob", "About seven percent."),
    ("ada", "And what about the costs? They were the problem last time, if I remember it right."),
    ("bob", "They went down, but not everywhere."),
]


def alternating():
    """Two people taking turns, with the pauses between turns that people make: 100 to 400 ms."""
    pauses = [0.25, 0.1, 0.3, 0.2, 0.4, 0.15, 0.25, 0.3]
    spoken = [(who, at_level(say(who, text), -28)) for who, text in TURNS]
    seconds = math.ceil(1.5 + sum(len(s) / RATE for _, s in spoken) + sum(pauses) + 2)
    microphones = {who: Microphone(seconds) for who in VOICES}
    at = 1.5
    for (who, sound), pause in zip(spoken, pauses, strict=True):
        at = microphones[who].add(at, sound, "speech") + pause
    for who, microphone in microphones.items():
        microphone.write(f"alternating_{who}", f"{who} of two who take turns; espeak-ng, pink room noise at -74 dBov.")


def overlapping():
    """One talks on while the other one throws in words, and once both talk at length."""
    ada, bob = Microphone(20), Microphone(20)
    end = ada.add(1, at_level(say("ada", " ".join(text for who, text in TURNS if who == "ada")), -28), "speech")
    bob.add(2.5, at_level(say("bob", "Right."), -30), "speech")
    bob.add(4.5, at_level(say("bob", "Yes, of course."), -30), "speech")
    bob.add(end - 2, at_level(say("bob", TURNS[3][1]), -26), "speech")
    ada.write("overlapping_ada", "ada of two who talk at the same time; espeak-ng, pink room noise at -74 dBov.")
    bob.write("overlapping_bob", "bob of two who talk at the same time; espeak-ng, pink room noise at -74 dBov.")


def coughs():
    microphone = Microphone(12)
    microphone.add(3, cough(), "cough")
    end = microphone.add(6, cough(), "cough")
    microphone.add(end + 0.35, cough(), "cough")
    microphone.write("cough", "One cough and two in a row in a quiet room; shaped noise, no speech.")


def keyboard():
    chance = random.Random(1)
    microphone = Microphone(20)
    at = 2.0
    while at < 17:
        start = at
        for _ in range(chance.randint(3, 9)):
            microphone.add(at, key(chance))
            at += chance.uniform(0.09, 0.22)
        microphone.sounds.append((start, at, "typing"))
        at += chance.uniform(0.3, 1.2)
    microphone.write("keyboard", "Typing in a quiet room; clicks of shaped noise, no speech.")


def fan(kind, dbov):
    microphone = Microphone(30)
    microphone.add(3, at_level(noise(kind, 24), dbov), "fan")
    microphone.add(15, at_level(say("ada", TURNS[6][1]), -30), "speech")
    microphone.write(
        f"fan_{kind[:-5]}",
        f"A fan ({kind} at {dbov} dBov) goes on at 3 s and off at 27 s; somebody speaks over it once.",
    )


def music():
    """Chords on the beat, 96 a minute, with a bar's rest now and then: what a guitar into a microphone looks like."""
    chords = [["C3", "E3", "G3"], ["A2", "C3", "E3"], ["F2", "A2", "C3"], ["G2", "B2", "D3"]]
    beat = 60 / 96
    microphone = Microphone(30)
    start = at = 1.0
    for bar in range(10):
        notes = chords[bar % 4]
        for length in (1, 0.5, 0.5, 1, 1):
            microphone.add(at, chord(notes, length * beat, -30))
            at += length * beat
    microphone.sounds.append((start, at, "music"))
    microphone.write("music", "Plucked chords with a rhythm; sox, pink room noise at -74 dBov.")


def drone():
    """The steadiest music there is: a held chord of an organ."""
    microphone = Microphone(30)
    held = ["synth", 26, "sine", 130.8, "sine", 164.8, "sine", 196]
    samples = sox("-r", RATE, "-c", 3, "-n", "-b", 16, "OUT", *held, "remix", "-", "fade", 0.05, 26, 0.3)
    microphone.add(2, at_level(samples, -32), "music")
    microphone.write("organ", "One chord held for 26 s; sox sine waves at -32 dBov.")


def breathing():
    microphone = Microphone(24)
    at = 1.0
    while at < 20:
        at = microphone.add(at, breath(1.1, -58), "breath") + 0.4
        at = microphone.add(at, breath(1.4, -61), "breath") + 0.9
    microphone.write("breathing", "Breath over a headset's microphone; shaped pink noise, no speech.")


def soft_onsets():
    """Words that begin with a voiceless consonant, far from the microphone and in a room that is not quiet."""
    microphone = Microphone(16, room=-62)
    at = 3.0
    for text in ("Physics.", "Seven ships sail.", "She says so.", "Fifty thousand.", "Horses."):
        at = microphone.add(at, at_level(say("ada", text), -42), "speech") + 1.4
    microphone.write("soft_onsets", "Words that begin softly, at a distance, pink room noise at -62 dBov; espeak-ng.")


def muting():
    """Speaks, is muted while speaking on, and speaks again at once when unmuted."""
    microphone = Microphone(18, room=-66)
    microphone.add(1, at_level(say("bob", TURNS[1][1]), -28), "speech")
    long = say("bob", TURNS[3][1])
    microphone.add(6, at_level(long, -28))
    microphone.mute(5.5, 12)
    microphone.add(12.5, at_level(say("bob", TURNS[7][1]), -28), "speech")
    microphone.write("muting", "Muted by the client from 5.5 s to 12 s; espeak-ng, pink room noise at -66 dBov.")


if __name__ == "__main__":
    alternating()
    overlapping()
    coughs()
    keyboard()
    fan("pinknoise", -50)
    fan("brownnoise", -46)
    music()
    drone()
    breathing()
    soft_onsets()
    muting()
