#!/usr/bin/env python3
"""Writes common/tokenizers/char_runs.inc: what the normalisers of encoder models do to each character.

Source: the `tokenizers` package from PyPI (0.23.3), asked about every code point, so that Serval treats
each character as the reference does, whichever version of Unicode it was made with.

    pip install tokenizers==0.23.3
    python3 tools/golden/text_traits.py
"""
import pathlib

from tokenizers import normalizers, pre_tokenizers

CODES = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
REMOVED, PUNCTUATION, NONSPACING, COMBINING, WORD, CANONICAL, COMPATIBLE, ORDERED, WHITE, LOWERS = (1 << bit for bit in range(10))
BITS = 10

clean = normalizers.BertNormalizer(clean_text=True, handle_chinese_chars=False, strip_accents=False, lowercase=False).normalize_str
strip = normalizers.BertNormalizer(clean_text=False, handle_chinese_chars=False, strip_accents=True, lowercase=False).normalize_str
accents = normalizers.StripAccents().normalize_str
nfd, nfkd = normalizers.NFD().normalize_str, normalizers.NFKD().normalize_str
lower = normalizers.Lowercase().normalize_str
words = pre_tokenizers.Whitespace().pre_tokenize_str
punctuation = pre_tokenizers.Punctuation("isolated").pre_tokenize_str
white = pre_tokenizers.WhitespaceSplit().pre_tokenize_str


def traits(c):
    bits = 0
    if clean("a" + c + "b") == "ab":
        bits |= REMOVED
    if len(punctuation("a" + c)) == 2:
        bits |= PUNCTUATION
    if nfd(c) == c and strip("a" + c) == "a":
        bits |= NONSPACING
    if accents("a" + c) == "a":
        bits |= COMBINING
    if words("a" + c) == [("a" + c, (0, 2))]:
        bits |= WORD
    if nfd(c) != c:
        bits |= CANONICAL
    elif nfd("a" + c + "\u0334") != "a" + c + "\u0334" or nfd("a\u0345" + c) != "a\u0345" + c:
        bits |= ORDERED  # its combining class is not 0
    if nfkd(c) != c:
        bits |= COMPATIBLE
    if white("a" + c) == [("a", (0, 1))]:
        bits |= WHITE
    if lower(c) != c:
        bits |= LOWERS
    return bits


def wrapped(items):
    lines, line = [], ""
    for item in items:
        if len(line) + len(item) > 99:
            lines.append(line.rstrip())
            line = ""
        line += item + " "
    return lines + [line.rstrip()]


def lower_runs():
    """[first, last, stride, image - code point]; and those whose image is two characters."""
    runs, pairs = [], []
    for code in CODES:
        image = lower(chr(code))
        if len(image) > 1:
            pairs.append([code] + [ord(x) for x in image])
        elif image != chr(code):
            delta = ord(image) - code
            if runs and runs[-1][3] == delta:
                first, last, stride, _ = runs[-1]
                if (first == last and code - last <= 2) or (last > first and code - last == stride):
                    runs[-1][1], runs[-1][2] = code, code - last
                    continue
            runs.append([code, code, 1, delta])
    return runs, pairs


def main():
    runs, last = [], None
    known = {code: traits(chr(code)) for code in CODES}
    for code in range(0x110000):
        bits = known.get(code, 0)
        if bits != last:
            runs.append(code << BITS | bits)
            last = bits
    simple, pairs = lower_runs()
    out = ["// Written by tools/golden/text_traits.py from tokenizers 0.23.3.",
           "// Each number starts a run: code point << 10 | traits, in the order of char_traits.h.",
           "constexpr uint32_t kTraitRuns[] = {"]
    out += wrapped(f"0x{run:x}," for run in runs)
    out += ["};", "constexpr LowerRun kLowerRuns[] = {"]
    out += wrapped("{" + ", ".join(f"0x{n:x}" if n >= 0 else f"-0x{-n:x}" for n in run) + "}," for run in simple)
    out += ["};", "constexpr char32_t kLowerPairs[][3] = {"]
    out += wrapped("{" + ", ".join(f"0x{n:x}" for n in pair) + "}," for pair in pairs)
    out += ["};"]
    path = pathlib.Path(__file__).parents[2] / "common/tokenizers/char_runs.inc"
    path.write_text("\n".join(out) + "\n")
    print(f"{path}: {len(runs)} runs, {len(simple)} of case, {len(pairs)} pairs")


if __name__ == "__main__":
    main()
