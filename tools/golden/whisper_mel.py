#!/usr/bin/env python3
"""Writes tests/golden/whisper/log_mel.safetensors: sounds, and the log-mel frames that
faster-whisper computes of them once they are padded with zeros to 30 s.

    python3 -m venv venv && venv/bin/pip install faster-whisper==1.2.1
    venv/bin/python tools/golden/whisper_mel.py tests/golden/whisper

Each sound NAME has NAME.samples (I16, 16 kHz mono), NAME.frames (I32, which of the 3000 frames are
kept) and NAME.80 and NAME.128 (F32, [frames, mels]). "speech" is tests/data/speech; the others are
made of whole numbers here. A sound that fills the 30 s is one period of samples, repeated.
"""
import sys
from pathlib import Path

import numpy as np
from faster_whisper.audio import decode_audio
from faster_whisper.feature_extractor import FeatureExtractor

from safetensors_file import save

WINDOW = 480000
CLIP = Path(__file__).parents[2] / "tests/data/speech/LJ001-0002.flac"


def noise(count):
    """A linear congruential generator's high bits."""
    state, out = 12345, np.zeros(count, np.int16)
    for i in range(count):
        state = (state * 1664525 + 1013904223) % 2**32
        out[i] = (state >> 16) - 32768
    return out


def tone(count, hertz):
    return np.round(20000 * np.sin(2 * np.pi * hertz / 16000 * np.arange(count))).astype(np.int16)


def sounds():
    speech = np.round(decode_audio(str(CLIP)) * 32767).astype(np.int16)
    yield "speech", speech, range(0, 200, 7)
    yield "noise", noise(1001), range(0, 12)
    yield "tone", tone(3000, 440), range(0, 24, 3)
    yield "one", np.array([12345], np.int16), range(0, 4)
    yield "silence", np.zeros(800, np.int16), range(0, 3)
    yield "full", noise(1500), [0, 1, 2, 3, 1500, 2996, 2997, 2998, 2999]


def main(folder):
    tensors = {}
    for name, samples, frames in sounds():
        frames = np.array(frames, np.int32)
        padded = np.zeros(WINDOW, np.float32)
        if name == "full":
            padded[:] = np.tile(samples, WINDOW // len(samples)) / np.float32(32768)
        else:
            padded[:len(samples)] = samples / np.float32(32768)
        tensors[f"{name}.samples"] = samples
        tensors[f"{name}.frames"] = frames
        for mels in (80, 128):
            features = FeatureExtractor(feature_size=mels)(padded, padding=0)
            tensors[f"{name}.{mels}"] = features.T[frames].astype(np.float32)
    # Four-byte tensors first, so that every one is aligned.
    save(Path(folder) / "log_mel.safetensors",
         dict(sorted(tensors.items(), key=lambda item: item[1].dtype == np.int16)))


if __name__ == "__main__":
    main(sys.argv[1])
