#!/usr/bin/env python3
"""Writes common/formats/unicode_runs.inc: the character classes the pre-tokenizers need.

Source: the `tokenizers` package from PyPI (0.23.3), asked about every code point, so that Serval
cuts text exactly where the reference does, also for characters of recent Unicode versions.

    pip install tokenizers==0.23.3
    python3 tools/golden/unicode_classes.py
"""
import pathlib
import unicodedata

from tokenizers import Regex, normalizers, pre_tokenizers

from tokenizer import DEEPSEEK_CASED

LETTER, NUMBER, SPACE, DIGIT, COMPOSES, MARK, PUNCTUATION, SYMBOL, CASED = (1 << bit for bit in range(9))
CODES = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]


def members(split):
    """The characters that `split` cuts out of a row of characters with NUL between them."""
    found = set()
    for start in range(1, len(CODES), 4096):
        row = "\0" + "\0".join(map(chr, CODES[start:start + 4096])) + "\0"
        found.update(ord(word) for word, _ in split.pre_tokenize_str(row) if word != "\0" and len(word) == 1)
    return found


def composing():
    """Characters that NFC may change, reorder or join to the one before."""
    nfc = normalizers.NFC().normalize_str
    found = set(range(0x1161, 0x1176)) | set(range(0x11A8, 0x11C3))  # Hangul vowels and finals
    for code in CODES:
        c = chr(code)
        low, high = "a" + c + "\u0334", "a\u0345" + c  # marks of the lowest and highest class
        if nfc(c) != c or nfc(low) != low or nfc(high) != high:
            found.add(code)
        parts = unicodedata.decomposition(c).split()
        if len(parts) == 2 and parts[0][0] != "<":
            pair = "".join(chr(int(p, 16)) for p in parts)
            if nfc(pair) != pair:
                found.add(ord(pair[1]))
    return found


def main():
    classes = dict.fromkeys(CODES, 0)
    for bit, codes in (
            (LETTER, members(pre_tokenizers.Split(Regex(r"\p{L}"), "isolated"))),
            (NUMBER, members(pre_tokenizers.Split(Regex(r"\p{N}"), "isolated"))),
            (SPACE, members(pre_tokenizers.Split(Regex(r"\s"), "isolated"))),
            (DIGIT, members(pre_tokenizers.Digits(individual_digits=True))),
            (COMPOSES, composing()),
            (MARK, members(pre_tokenizers.Split(Regex(r"\p{M}"), "isolated"))),
            (PUNCTUATION, members(pre_tokenizers.Split(Regex(r"\p{P}"), "isolated"))),
            (SYMBOL, members(pre_tokenizers.Split(Regex(r"\p{S}"), "isolated"))),
            (CASED, members(pre_tokenizers.Split(Regex(DEEPSEEK_CASED), "isolated")))):
        for code in codes:
            classes[code] |= bit
    runs, last = [], None
    for code in range(0x110000):
        bits = classes.get(code, 0)
        if bits != last:
            runs.append(code << 9 | bits)
            last = bits
    lines = ["// Written by tools/golden/unicode_classes.py from tokenizers 0.23.3. Each number starts a run:",
             "// code point << 9 | classes: 1 letter, 2 number, 4 space, 8 digit, 16 composes, 32 mark,",
             "// 64 punctuation, 128 symbol, 256 cased."]
    line = ""
    for run in runs:
        item = f"0x{run:x},"
        if len(line) + len(item) > 99:
            lines.append(line.rstrip())
            line = ""
        line += item + " "
    lines.append(line.rstrip())
    out = pathlib.Path(__file__).parents[2] / "common/formats/unicode_runs.inc"
    out.write_text("\n".join(lines) + "\n")
    print(f"{out}: {len(runs)} runs, {len(lines)} lines")


if __name__ == "__main__":
    main()
