#!/usr/bin/env python3
"""What the precisions of the bei plugin cost, on MiniLM.

    scripts/quality bei [--model DIR] [--pairs FILE] [--prose FILE] [--threads N]

One row a precision: the rank correlation of 700 STS pairs' cosines with people's scores, and the
cosine with f32 of every sentence's vector, then (long) of texts of 512 tokens cut from prose. Exit
status 1 when a row is beyond its limits:

              cosine, mean    of long texts    cosine, least    spearman below that of f32
    bf16                                              0.9999                         0.001
    int8             0.997            0.995           0.98                           0.004
"""

import argparse
import os
import pathlib
import subprocess
import sys

import serving

JUDGE = serving.ROOT / "build/bin/serval-bei-quality"
LIMITS = {"f32": (0, 0, 0, 0), "bf16": (0.9999, 0.9999, 0.9999, 0.001),
          "int8": (0.997, 0.995, 0.98, 0.004)}


def main():
    models = pathlib.Path(os.environ.get("SERVAL_MODELS", serving.ROOT / "models"))
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=pathlib.Path, default=models / "all-minilm-l6-v2")
    parser.add_argument("--pairs", type=pathlib.Path,
                        default=serving.ROOT / "bench/data/sts-first700.tsv")
    parser.add_argument("--prose", type=pathlib.Path,
                        default=serving.ROOT / "bench/data/opticks.txt")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    done = subprocess.run(
        [JUDGE, options.model, options.pairs, options.prose, str(options.threads)],
        stdout=subprocess.PIPE, text=True, check=True)
    print("QUALITY dtype spearman cosine_mean cosine_min long_mean long_min seconds")
    exact, held = 0.0, True
    for line in done.stdout.splitlines():
        print(line)
        _, dtype, *figures = line.split()
        spearman, mean, least, long_mean, long_least = (float(figure) for figure in figures[:5])
        exact = spearman if dtype == "f32" else exact
        want_mean, want_long_mean, want_least, want_loss = LIMITS[dtype]
        if (mean < want_mean or long_mean < want_long_mean
                or min(least, long_least) < want_least or exact - spearman > want_loss):
            print(f"{dtype} is beyond its limits", file=sys.stderr)
            held = False
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
