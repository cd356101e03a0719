#!/usr/bin/env python3
"""Writes tests/golden/bei/NAME.json: texts and their vectors by a real model.

    (environment as for bei.py; the models by scripts/get-model)
    venv/bin/python tools/golden/bei_real.py models tests/golden/bei [NAME...]

An array of {"text", "tokens": how many, "vector"}. Source: transformers, float32, the mean of the last
hidden states, normalised, as the model's sentence-transformers modules say; longer texts are cut at
their max_seq_length.
"""
import json
import sys
from pathlib import Path

import torch
from transformers import AutoModel, AutoTokenizer

NAMES = ["all-minilm-l6-v2", "all-mpnet-base-v2"]
LONG = ("The history of the lighthouse goes back to the time when fires were lit on hills to guide "
        "ships into the harbour; later they stood on towers, and keepers tended them by night. ")
TEXTS = [
    "A man is playing a guitar.",
    "Someone plays an instrument, loudly!",
    "hello",
    "",
    "The quick brown fox jumps over the lazy dog while 3,141 people watch at 9:26 a.m.",
    "Z\u00fcrich, na\u00efve caf\u00e9 \u2014 \u65e5\u672c\u8a9e \U0001f600 and so on",
    "def add(a, b):\n    return a + b  # sums",
    LONG * 3,
    LONG * 20,
]


@torch.no_grad()
def main():
    models, out = Path(sys.argv[1]), Path(sys.argv[2])
    for name in sys.argv[3:] or NAMES:
        folder = models / name
        most = json.loads((folder / "sentence_bert_config.json").read_text())["max_seq_length"]
        tokenizer = AutoTokenizer.from_pretrained(folder)
        model = AutoModel.from_pretrained(folder, dtype=torch.float32,
                                          attn_implementation="eager").eval()
        lines = []
        for text in TEXTS:
            inputs = tokenizer(text, truncation=True, max_length=most, return_tensors="pt")
            vector = torch.nn.functional.normalize(
                model(**inputs).last_hidden_state[0].mean(0), dim=0)
            lines.append(json.dumps(
                {"text": text, "tokens": inputs["input_ids"].shape[1],
                 "vector": [float(f"{value:.6g}") for value in vector.tolist()]},
                separators=(",", ":")))
        (out / f"{name}.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    main()
