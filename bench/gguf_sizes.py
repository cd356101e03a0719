"""What one token costs, read from a GGUF file's tensor directory."""

import struct

SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q",
           12: "d"}
STRING, ARRAY = 8, 9


class Reader:
    def __init__(self, file):
        self.file = file

    def scalar(self, form):
        return struct.unpack("<" + form, self.file.read(struct.calcsize("<" + form)))[0]

    def text(self):
        return self.file.read(self.scalar("Q")).decode(errors="replace")

    def skip_value(self, kind):
        if kind == STRING:
            self.text()
        elif kind == ARRAY:
            inner, count = self.scalar("I"), self.scalar("Q")
            if inner in SCALARS:
                self.file.seek(count * struct.calcsize("<" + SCALARS[inner]), 1)
            else:
                for _ in range(count):
                    self.skip_value(inner)
        else:
            self.scalar(SCALARS[kind])


def token_cost(path):
    """(bytes of weights that a decode step reads, multiply-adds of a prompt token, elements of keys
    and values that a token of context holds).

    A decode step reads every weight once; an untied input embedding is read by one row only. A
    prompt token multiplies with the matrices of the blocks; the output head sees one token of the
    whole prompt and is left out. Attention over the context is left out of both.
    """
    with open(path, "rb") as file:
        read = Reader(file)
        if file.read(4) != b"GGUF":
            raise SystemExit(f"{path}: not a GGUF file")
        read.scalar("I")
        tensors, keys = read.scalar("Q"), read.scalar("Q")
        for _ in range(keys):
            read.text()
            read.skip_value(read.scalar("I"))
        macs, kept, rows = 0, 0, []
        for _ in range(tensors):
            name = read.text()
            shape = [read.scalar("Q") for _ in range(read.scalar("I"))]
            read.scalar("I")
            rows.append((read.scalar("Q"), name))
            if len(shape) == 2 and name.startswith("blk."):
                macs += shape[0] * shape[1]
                if name.endswith((".attn_k.weight", ".attn_v.weight")):
                    kept += shape[1]
        start = file.tell()
        size = file.seek(0, 2)
    rows.sort()
    ends = [offset for offset, _ in rows[1:]] + [size - start]
    bytes_of = {name: end - offset for (offset, name), end in zip(rows, ends)}
    total = sum(bytes_of.values())
    if "output.weight" in bytes_of:
        total -= bytes_of["token_embd.weight"]
    return total, macs, kept
