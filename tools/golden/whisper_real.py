#!/usr/bin/env python3
"""Writes tests/golden/whisper/speech.mel and NAME.json: what CTranslate2 computes in float32 with a
real model from the mel of one file of speech.

    python3 -m venv venv && venv/bin/pip install faster-whisper==1.2.1 ctranslate2==4.8.5
    venv/bin/python tools/golden/whisper_real.py tests/golden/whisper SPEECH MODEL...

SPEECH: an audio file of less than 30 s; MODEL: a folder such as models/whisper-tiny.en.
speech.mel: [frames, 80] bytes, where byte b means -1 + b / 100; frames behind them are all of the
last byte of the file. NAME.json:
    {"frames": n, "silence": byte, "prompt": [ids], "tokens": [ids], "states": {index: [hidden]},
     "logits": [[of every 997th token], ...]}
states: of a whole window of 3000 frames. tokens: greedy, nothing suppressed, to the end token; logits:
at the steps that chose them.
"""
import json
import sys
from pathlib import Path

import ctranslate2
import numpy as np
from faster_whisper import decode_audio
from faster_whisper.feature_extractor import FeatureExtractor

STATES = [0, 1, 63, 64, 300, 511, 700, 1499]


def main():
    out, speech = Path(sys.argv[1]), sys.argv[2]
    audio = decode_audio(speech, sampling_rate=16000)
    frames = len(audio) // 160
    padded = np.concatenate([audio, np.zeros(480000 - len(audio), np.float32)])
    mel = FeatureExtractor()(padded)[:, :3000].T  # [3000, 80]
    quantised = np.clip(np.round((mel + 1) * 100), 0, 255).astype(np.uint8)
    silence = int(quantised[-1, -1])
    quantised[frames:] = silence
    (out / "speech.mel").write_bytes(quantised[:frames].tobytes() + bytes([silence]))
    features = quantised.astype(np.float32) * np.float32(0.01) - np.float32(1)
    for folder in sys.argv[3:]:
        model = ctranslate2.models.Whisper(folder, compute_type="float32", intra_threads=2)
        view = ctranslate2.StorageView.from_array(np.ascontiguousarray(features.T[None]))
        encoded = model.encode(view)
        states = np.array(encoded)[0]
        prompt = [50258, 50259, 50359, 50363] if model.is_multilingual else [50257, 50362]
        result = model.generate(encoded, [prompt], beam_size=1, suppress_blank=False,
                                suppress_tokens=[], return_logits_vocab=True, max_length=100)[0]
        logits = [np.array(step).reshape(-1)[::997] for step in result.logits[0]]
        tokens = list(result.sequences_ids[0])
        golden = dict(frames=frames, silence=silence, prompt=prompt, tokens=tokens,
                      states={i: [round(float(x), 4) for x in states[i]] for i in STATES},
                      logits=[[round(float(x), 4) for x in step] for step in logits])
        name = Path(folder).resolve().name
        (out / f"{name}.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")
        print(name, len(tokens), len(logits), tokens[-3:])


main()
