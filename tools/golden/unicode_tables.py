#!/usr/bin/env python3
"""Writes common/jinja/unicode_tables.inc: letter case and printability as Python's str has them.

    tools/golden/unicode_tables.py > common/jinja/unicode_tables.inc
"""

import unicodedata

CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]


def runs(mapping):
    """{code point: image} as [first, last, stride, image - code point]."""
    out = []
    for c in sorted(mapping):
        delta = mapping[c] - c
        if out and out[-1][3] == delta:
            first, last, stride, _ = out[-1]
            if (last == first and c - last <= 2) or (last > first and c - last == stride):
                out[-1][1], out[-1][2] = c, c - last
                continue
        out.append([c, c, 1, delta])
    return out


def ranges(members):
    out = []
    for c in members:
        if out and out[-1][1] == c - 1:
            out[-1][1] = c
        else:
            out.append([c, c])
    return out


def table(name, kind, rows):
    print(f"constexpr {kind} {name}[] = {{")
    line = "   "
    for row in rows:
        item = " {" + ", ".join(f"0x{n:X}" if n >= 0 else f"-0x{-n:X}" for n in row) + "},"
        if len(line) + len(item) > 99:
            print(line)
            line = "   "
        line += item
    print(line)
    print("};")


def case_tables(name, convert):
    simple, special = {}, []
    for c in CODE_POINTS:
        image = convert(chr(c))
        if len(image) > 1:
            special.append([c] + [ord(x) for x in image] + [0] * (3 - len(image)))
        elif image != chr(c):
            simple[c] = ord(image)
    table(f"k{name}", "CaseRun", runs(simple))
    table(f"k{name}Special", "CaseSpecial", special)


print("// Written by tools/golden/unicode_tables.py from Unicode", unicodedata.unidata_version)
case_tables("Upper", str.upper)
case_tables("Lower", str.lower)
titles = [c for c in CODE_POINTS if chr(c).title() != chr(c).upper()]
table("kTitle", "CaseSpecial",
      [[c] + ([ord(x) for x in chr(c).title()] + [0, 0])[:3] for c in titles])
# What repr() writes as an escape.
table("kHidden", "Range", ranges(c for c in CODE_POINTS if not chr(c).isprintable()))
