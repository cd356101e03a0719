#!/usr/bin/env python3
"""Writes opticks.txt: the Queries that end Isaac Newton's Opticks (4th edition, 1730; public domain).

    make_opticks.py Isaac.Newton-Opticks.txt > opticks.txt

The input is the file of that name in Debian's package golang-1.19-src, under
/usr/share/go-1.19/src/testdata. Marks of emphasis, footnotes and line breaks inside paragraphs go.
"""

import re
import sys


def queries(text):
    text = text[text.index("_Query_ 1. Do not Bodies act"):]
    text = re.sub(r"\[(?:Illustration[^\]]*|[A-Z])\]|_", "", text)
    paragraphs = [" ".join(part.split()) for part in text.split("\n\n")]
    return [part for part in paragraphs if len(part) > 3 and part != "FINIS."]


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as book:
        print("\n\n".join(queries(book.read().replace("\r", ""))))
