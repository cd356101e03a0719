"""Safetensors files without a package for them."""
import json

import numpy as np

NAMES = {"float32": "F32", "int16": "I16", "int32": "I32"}


def save(path, tensors):
    """tensors: name to array; their bytes stand in this order."""
    header, data = {}, b""
    for name, tensor in tensors.items():
        raw = np.ascontiguousarray(tensor).tobytes()
        header[name] = {"dtype": NAMES[tensor.dtype.name], "shape": list(tensor.shape),
                        "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    path.write_bytes(len(head).to_bytes(8, "little") + head + data)


def load(path):
    """Name to array, of the types that save knows."""
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    tensors = {}
    for name, entry in json.loads(data[8:8 + size]).items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        dtype = next(numpy for numpy, here in NAMES.items() if here == entry["dtype"])
        tensors[name] = np.frombuffer(data[8 + size + begin:8 + size + end],
                                      dtype).reshape(entry["shape"])
    return tensors
