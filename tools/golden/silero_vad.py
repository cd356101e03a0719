#!/usr/bin/env python3
"""Writes tests/golden/whisper/silero_vad.safetensors: what Silero's published graph computes with the
weights that `scripts/get-model silero-vad` gets, for tests/data/speech/jfk.flac.

    python3 -m venv venv && venv/bin/pip install onnx==1.23.2 onnxruntime==1.32.0 soundfile==0.14.0
    venv/bin/pip download --no-deps silero-vad==6.2.3 && unzip -d silero silero_vad-6.2.3-*.whl
    venv/bin/python tools/golden/silero_vad.py silero/silero_vad/data tests/golden/whisper

The package's safetensors file and its ONNX files come from different trainings, so the numbers of
the former are put into the graph of the latter (silero_vad_16k_sequence.onnx) and onnxruntime runs
it. The sound is every nearest sample to a 16 kHz clock of the mean of the channels: no filter, so
that tests can make the very same numbers.
Tensors: jfk F32 [343], one probability for every 512 samples from the first on; and "shift" F32, the
same for the sound from its sample 100 on.
"""
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import soundfile
from onnx import numpy_helper

from safetensors_file import load, save

CLIP = Path(__file__).parents[2] / "tests/data/speech/jfk.flac"
NAMES = {"stft_conv.weight": "stft.forward_basis_buffer", "final_conv.weight": "output.weight",
         "final_conv.bias": "output.bias"}
NAMES |= {f"conv{i + 1}.{what}": f"encoder.{i}.{what}" for i in range(4)
          for what in ("weight", "bias")}
LSTM = {"weight_ih": "onnx::LSTM_209", "weight_hh": "onnx::LSTM_210"}


def onnx_gates(rows):
    """Input, forget, cell, output as ONNX orders them: input, output, forget, cell."""
    i, f, g, o = np.split(rows, 4)
    return np.concatenate([i, o, f, g])


def session(folder):
    weights = load(folder / "silero_vad_16k.safetensors")
    values = {there: weights[here] for here, there in NAMES.items()}
    values |= {there: onnx_gates(weights[f"lstm_cell.{here}"])[None] for here, there in LSTM.items()}
    values["onnx::LSTM_211"] = np.concatenate(
        [onnx_gates(weights[f"lstm_cell.bias_{which}"]) for which in ("ih", "hh")])[None]
    model = onnx.load(folder / "silero_vad_16k_sequence.onnx")
    for tensor in model.graph.initializer:
        tensor.CopyFrom(numpy_helper.from_array(values.pop(tensor.name), tensor.name))
    assert not values
    return onnxruntime.InferenceSession(model.SerializeToString(),
                                        providers=["CPUExecutionProvider"])


def probabilities(run, sound):
    windows = len(sound) // 512
    sound = np.concatenate([np.zeros(64, np.float32), sound])
    rows = np.stack([sound[512 * w:512 * w + 576] for w in range(windows)])
    state = np.zeros((1, 1, 128), np.float32)
    return run.run(None, {"input": rows, "h": state, "c": state})[0]


def main(folder, out):
    stereo, rate = soundfile.read(CLIP, dtype="float32")
    mono = (stereo[:, 0] + stereo[:, 1]) * np.float32(0.5)
    sound = mono[np.arange(len(mono) * 16000 // rate) * rate // 16000]
    run = session(Path(folder))
    save(Path(out) / "silero_vad.safetensors",
         {"jfk": probabilities(run, sound), "shift": probabilities(run, sound[100:])})


if __name__ == "__main__":
    main(*sys.argv[1:])
