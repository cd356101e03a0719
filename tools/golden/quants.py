#!/usr/bin/env python3
"""Golden values of the GGUF quant formats, from the numpy dequantisers of the PyPI package gguf.

usage: quants.py [OUT_DIR]        (default: tests/golden/quants; needs gguf==0.19.0 and numpy)

One file a type, NAME.bin, little-endian:
  u32 gguf type, u32 rows, u32 cols, u32 bytes of one row
  rows * row bytes   the tensor as a GGUF file holds it
  rows * cols f32    the values it stands for
Quants are random bytes, so every bit of the format is used; only the f16 scales are drawn from a
range that real files have, both signs included.
"""
import struct
import sys
from pathlib import Path

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType as T
from gguf.quants import dequantize

ROWS, COLS = 2, 512
# Byte offsets of the f16 fields in a block, and the largest magnitude each is given.
HALVES = {
    T.F16: {0: 2.0},
    T.Q4_0: {0: 0.05},
    T.Q4_1: {0: 0.05, 2: 0.5},
    T.Q5_0: {0: 0.05},
    T.Q5_1: {0: 0.05, 2: 0.5},
    T.Q8_0: {0: 0.01},
    T.Q4_K: {0: 0.002, 2: 0.01},
    T.Q5_K: {0: 0.002, 2: 0.01},
    T.Q6_K: {208: 0.0005},
}


def random_rows(kind, rng):
    """[ROWS, row bytes] of uint8."""
    elements, size = GGML_QUANT_SIZES[kind]
    blocks = ROWS * COLS // elements
    if kind == T.F32:
        return rng.normal(size=(ROWS, COLS)).astype("<f4").view(np.uint8)
    if kind == T.BF16:
        f32 = rng.normal(size=(ROWS, COLS)).astype("<f4")
        return (f32.view("<u4") >> 16).astype("<u2").view(np.uint8)
    data = rng.integers(0, 256, size=(blocks, size), dtype=np.uint8)
    for offset, limit in HALVES[kind].items():
        halves = rng.uniform(-limit, limit, size=blocks).astype("<f2")
        data[:, offset : offset + 2] = halves[:, None].view(np.uint8)
    if kind == T.F16:  # the ends of the range too
        data[:4] = np.array([0.0, -0.0, 6e-8, 65504.0], dtype="<f2")[:, None].view(np.uint8)
    return data.reshape(ROWS, -1)


def main():
    out = Path(sys.argv[1] if len(sys.argv) > 1 else "tests/golden/quants")
    out.mkdir(parents=True, exist_ok=True)
    for kind in (T.F32, T.F16, T.BF16, *list(HALVES)[1:]):
        raw = np.ascontiguousarray(random_rows(kind, np.random.default_rng(int(kind) + 1)))
        values = np.ascontiguousarray(dequantize(raw, kind), dtype="<f4").reshape(ROWS, COLS)
        assert np.isfinite(values).all()
        head = struct.pack("<4I", int(kind), ROWS, COLS, raw.shape[1])
        (out / f"{kind.name.lower()}.bin").write_bytes(head + raw.tobytes() + values.tobytes())


if __name__ == "__main__":
    main()
