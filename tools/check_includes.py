#!/usr/bin/env python3
"""Reads every #include and holds it against the table of which folder may see which.

    tools/check_includes.py [FOLDER]     checks the tree at FOLDER (default: this checkout)

Prints one line for each forbidden include; exit status 1 if there is one.
"""

import pathlib
import re
import sys

SUFFIXES = {".h", ".hpp", ".c", ".cc", ".cpp", ".inl", ".cu", ".cuh"}
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', re.MULTILINE)

# What a folder may include of ours, beside itself. Folders that are not here may include all.
MAY_SEE = {
    "plugin-api": set(),
    "kernels": set(),
    "common": set(),
    "host": {"plugin-api", "common"},
    "plugins": {"plugin-api", "common", "kernels"},
    "examples": {"plugin-api"},
}
# Single headers a folder may see all the same: errors as values are a word everybody speaks.
ALSO = {"kernels": {"common/result.h"}}
OURS = set(MAY_SEE) | {"tests", "bench", "tools"}


def target_of(root, includer, name):
    """The path, from the root, of the file of ours that an include names; None if it is foreign."""
    if name.startswith("serval/"):
        return pathlib.PurePosixPath("plugin-api/include", name)
    beside = (includer.parent / name).resolve()
    if beside.is_file() and beside.is_relative_to(root):
        return pathlib.PurePosixPath(beside.relative_to(root))
    path = pathlib.PurePosixPath(name)
    return path if len(path.parts) > 1 and path.parts[0] in OURS else None


def complaint(source, target):
    """Why `source` must not include `target` (both from the root), or None."""
    here, there = source.parts[0], target.parts[0]
    if here not in MAY_SEE:
        return None
    if str(target) in ALSO.get(here, ()):
        return None
    if there != here and there not in MAY_SEE[here]:
        return f"{here}/ may not include {there}/"
    if here == "plugins" and there == "plugins" and source.parts[1] != target.parts[1]:
        return "a plugin may not include another plugin"
    if here == "plugins" and there == "plugin-api" and source.name != "plugin.cc":
        return "only plugin.cc of a plugin sees the ABI"
    return None


def check(root):
    root = root.resolve()
    found = []
    for top in sorted(OURS):
        for path in sorted((root / top).rglob("*")):
            if path.suffix not in SUFFIXES or not path.is_file():
                continue
            text = path.read_text(errors="replace")
            source = pathlib.PurePosixPath(path.relative_to(root))
            for match in INCLUDE.finditer(text):
                target = target_of(root, path, match[2])
                why = target and complaint(source, target)
                if why:
                    line = text.count("\n", 0, match.start()) + 1
                    found.append(f"{source}:{line}: {match[2]}: {why}")
    return found


def main(arguments):
    root = pathlib.Path(arguments[0]) if arguments else pathlib.Path(__file__).parents[1]
    found = check(root)
    print("\n".join(found) if found else "includes: all within the table")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
