#!/usr/bin/env python3
"""Writes tests/golden/whisper/vad_segments.json: what faster-whisper's get_speech_timestamps makes of
random probabilities.

    python3 -m venv venv && venv/bin/pip install faster-whisper==1.2.1
    venv/bin/python tools/golden/vad_segments.py tests/golden/whisper

An array of {"options": VadOptions, "probabilities": whole numbers p that stand for (p + 0.5) / 100, so
that none equals a threshold, "samples": length of the audio, "speech": [[begin, end], ...]}.
"""
import json
import random
import sys
from pathlib import Path

import faster_whisper.vad as vad
import numpy as np

LEVELS = {"silence": (0, 20), "doubt": (20, 60), "speech": (60, 99)}


def probabilities(rng, count, longest):
    """Runs of silence, doubt and speech, each up to `longest` windows."""
    out = []
    while len(out) < count:
        low, high = LEVELS[rng.choice(["silence", "doubt", "speech", "speech"])]
        out += [rng.randint(low, high) for _ in range(rng.randint(1, longest))]
    return out[:count]


def case(rng):
    options = {"threshold": rng.choice([0.3, 0.5, 0.5, 0.7]),
               "min_speech_duration_ms": rng.choice([0, 0, 100, 250]),
               "min_silence_duration_ms": rng.choice([0, 100, 160, 500, 2000]),
               "speech_pad_ms": rng.choice([0, 30, 200, 400]),
               "max_speech_duration_s": rng.choice([5, 10, 30])}
    numbers = probabilities(rng, rng.choice([1, 20, 300, 1500]), rng.choice([3, 10, 40, 400]))
    samples = 512 * (len(numbers) - 1) + rng.randint(0, 511)
    values = np.array([(p + 0.5) / 100 for p in numbers], np.float32)
    vad.get_vad_model = lambda: lambda audio: values
    speech = vad.get_speech_timestamps(np.zeros(samples, np.float32), vad.VadOptions(**options))
    return {"options": options, "probabilities": numbers, "samples": samples,
            "speech": [[int(s["start"]), int(s["end"])] for s in speech]}


def main(folder):
    rng = random.Random(6)
    cases = [case(rng) for _ in range(80)]
    text = "[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]\n"
    (Path(folder) / "vad_segments.json").write_text(text)


if __name__ == "__main__":
    main(sys.argv[1])
