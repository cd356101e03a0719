#!/usr/bin/env python3
"""Keeps the sources small and free of what must not be committed.

    tools/check_files.py [FOLDER]     checks the tree at FOLDER (default: this checkout)

Source files: none above 800 lines, 95th percentile under 500, median under 150. Everywhere: no path
of somebody's machine, no -march=native, no mark for work left undone. Exit status 1 if one fails.
"""

import pathlib
import re
import statistics
import subprocess
import sys

SOURCE_SUFFIXES = {".h", ".hpp", ".c", ".cc", ".cpp", ".inl", ".cu", ".cuh", ".py", ".sh"}
PATTERNS = {
    "path of a machine": re.compile(r"(?<![\w.~$}])/(?:home/[a-z]|root/|Users/|work/|mnt/[a-z]|tmp/[a-z])"),
    "-march=native": re.compile(r"-m(?:arch|tune)=native"),
    "unfinished work": re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X)\b"),
}
NOT_READ = {"LICENSE", "tools/check_files.py", "tests/scripts/test_checks.py"}
NOT_READ_FOLDERS = ("tests/golden/", "bench/data/")


def committed(root):
    """Paths git knows, and those it would add."""
    run = subprocess.run(["git", "-C", root, "ls-files", "-z", "--cached", "--others",
                          "--exclude-standard"], capture_output=True, check=True)
    names = [name.decode() for name in run.stdout.split(b"\0") if name]
    return [name for name in sorted(set(names)) if (root / name).is_file()]


def percentile(sizes, share):
    ordered = sorted(sizes)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def check_sizes(sizes):
    found = [f"{name}: {lines} lines, the stop is 800" for name, lines in sizes.items()
             if lines > 800]
    if len(sizes) >= 20:  # a handful of files has no percentiles to speak of
        if (high := percentile(sizes.values(), 0.95)) >= 500:
            found.append(f"95th percentile of the source files is {high} lines, want under 500")
        if (middle := statistics.median(sizes.values())) >= 150:
            found.append(f"median of the source files is {middle:g} lines, want under 150")
    return found


def check(root):
    found, sizes = [], {}
    for name in committed(root):
        path = root / name
        if path.is_symlink():
            found.append(f"{name}: a symbolic link")
            continue
        data = path.read_bytes()
        if b"\0" in data:
            continue
        lines = data.decode(errors="replace").splitlines()
        if path.suffix in SOURCE_SUFFIXES:
            sizes[name] = len(lines)
        if name in NOT_READ or name.startswith(NOT_READ_FOLDERS):
            continue
        for number, line in enumerate(lines, 1):
            for what, pattern in PATTERNS.items():
                if pattern.search(line):
                    found.append(f"{name}:{number}: {what}: {line.strip()[:80]}")
    return check_sizes(sizes) + found


def main(arguments):
    root = pathlib.Path(arguments[0]) if arguments else pathlib.Path(__file__).parents[1]
    found = check(root.resolve())
    print("\n".join(found) if found else "files: sizes and contents as they should be")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
