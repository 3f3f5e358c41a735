#!/bin/sh
# Makes the sounds that synthetic speakers say, with sox and opus-tools (opusenc) of Debian. Run it in this folder.
#
# speech.opus: 10 s that look like speech to a codec and to a level meter: a buzz of 110 Hz with two formants, cut into
# syllables (4.3 Hz) and phrases, with breath noise below. speech.levels: the loudness of each of its packets, one byte each,
# in -dBov (RFC 6464, section 3).
# tone.opus: 10 s of 440 Hz, for ears and for tests that look for it.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sox -R -n -r 48000 -b 16 -c 1 "$work/buzz.wav" synth 10 sawtooth 110 tremolo 4.3 95 gain -3
sox "$work/buzz.wav" "$work/low.wav" bandpass 620 180 gain -4
sox "$work/buzz.wav" "$work/high.wav" bandpass 1720 260 gain -8
sox -R -n -r 48000 -b 16 -c 1 "$work/breath.wav" synth 10 pinknoise tremolo 1.3 80 gain -34
sox -m "$work/low.wav" "$work/high.wav" "$work/breath.wav" -b 16 "$work/speech.wav" gain -n -6 tremolo 0.4 60
sox -n -r 48000 -b 16 -c 1 "$work/tone.wav" synth 10 sine 440 gain -12
for sound in speech tone; do
    opusenc --quiet --bitrate 22 --vbr --framesize 20 --serial 1 --discard-comments "$work/$sound.wav" "$sound.opus"
done
python3 - "$work/speech.wav" speech.levels <<'PYTHON'
import array, math, sys, wave
with wave.open(sys.argv[1]) as sound:
    samples = array.array("h", sound.readframes(sound.getnframes()))
# The encoder looks 312 samples ahead (RFC 7845, section 4.2), and adds a packet for them at the end.
samples = array.array("h", [0] * 312) + samples + array.array("h", [0] * 960)
def level(packet):
    rms = math.sqrt(sum(s * s for s in packet) / len(packet))
    return 127 if rms < 1 else min(127, round(-20 * math.log10(rms / 32767)))
count = (len(samples) - 960 + 959) // 960
open(sys.argv[2], "wb").write(bytes(level(samples[i * 960:(i + 1) * 960]) for i in range(count)))
PYTHON
