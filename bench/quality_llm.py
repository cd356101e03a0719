#!/usr/bin/env python3
"""What formats of weights and of the KV cache cost, beside llama.cpp on the same file.

    scripts/quality llm [--quick] [--windows N] [--model FILE]

The first line is the perplexity through the whole server (perplexity.py); exit status 1 when it is
more than --limit from llama.cpp's. Each other row is one file and one kv_type, judged against Serval's run in F32 (weights and cache):

    QUALITY model weights kv ppl ppl_f32 kl_mean top1 peer_ppl peer_kl

ppl      perplexity of the text in windows of 512 tokens, the second half of each judged
kl_mean  mean of KL(F32 || this) over the vocabulary, in nats
top1     share of positions where the likeliest token is the same
peer     llama.cpp on the same file, its cache in f16; its KL is to its own run of the F32 file.
         It keeps that run in 16 bits: below about 1e-5 its figure says nothing.

A pack's F32 run has exactly the values that its weights stand for, so its rows show what computing
with them costs; SmolLM2's other weight formats are made from those values by rounding them again,
and their rows hold that rounding as well.
"""

import argparse
import os
import pathlib
import re
import sys
import tempfile

import perplexity
import reweigh
import serving
from perplexity import WINDOW, output

JUDGE = serving.ROOT / "build/bin/serval-llm-quality"
SMOLLM2 = "smollm2-135m-instruct"
# Folder in models/: the cache types that are compared. The first is always there.
PACKS = {SMOLLM2: ["f32", "f16", "bf16", "int8", "int4"],
         "qwen2.5-coder-0.5b-instruct": ["bf16", "int8"],
         "gemma-3-270m": ["bf16", "int8"]}
OTHER_KV = ["bf16", "int8"]  # of a file of --model
# What f32_gguf.py writes. K-quants need rows of whole 256 columns, which SmolLM2's 576 are not;
# the other packs have them.
FORMATS = ["F16", "BF16", "Q8_0", "Q5_1", "Q5_0", "Q4_1", "Q4_0"]


def judged(text):
    """serval-llm-quality's lines: for each kv type its figures by name."""
    rows = {}
    for line in text.splitlines():
        words = line.split()
        if words[:1] == ["kv"]:
            rows[words[1]] = {name: float(value) for name, value in zip(words[2::2], words[3::2])}
    return rows


def peer_figures(text):
    """Perplexity and mean KL divergence of `llama-perplexity --kl-divergence`."""
    found = [re.search(pattern, text) for pattern in
             (r"Mean PPL\(Q\)\s*:\s*([\d.]+)", r"Mean\s+KLD:\s*(-?[\d.]+)")]
    if not all(found):
        raise SystemExit(f"llama-perplexity printed no KL divergence:\n{text[-2000:]}")
    return [float(match[1]) for match in found]


class Judge:
    """Compares files with one F32 file. `scratch`: a folder for llama.cpp's logits."""

    def __init__(self, options, name, reference, scratch):
        self.options, self.name, self.reference = options, name, reference
        self.base = scratch / f"{name}.logits"
        output(self.peer_command(reference))

    def peer_command(self, file):
        return [self.options.peer / "llama-perplexity", "-m", file, "-f", self.options.text,
                "-c", WINDOW, "--chunks", self.options.windows or -1, "-t", self.options.threads,
                "--kl-divergence-base", self.base]

    def rows(self, file, weights, kv_types):
        ours = judged(output([JUDGE, "--reference", self.reference, "--model", file, "--text",
                              self.options.text, "--kv", ",".join(kv_types), "--windows",
                              self.options.windows, "--threads", self.options.threads]))
        peer_ppl, peer_kl = peer_figures(output([*self.peer_command(file), "--kl-divergence"]))
        for kv in kv_types:
            row = ours[kv]
            print(f"QUALITY {self.name} {weights} {kv} {row['perplexity']:.4f} "
                  f"{row['perplexity_reference']:.4f} {row['kl_mean']:.6f} "
                  f"{row['top1_agreement']:.4f} {peer_ppl:.4f} {peer_kl:.6f}", flush=True)


def judge_pack(options, name, file, scratch):
    reference = reweigh.f32(file)
    judge = Judge(options, name, reference, scratch)
    kv_types = PACKS.get(name, OTHER_KV)
    weights = re.search(r"[QF]\d+[_\w]*$", file.stem, re.IGNORECASE)
    judge.rows(file, weights[0].upper() if weights else "?", kv_types)
    if name == SMOLLM2:
        # The cache's share alone, then the weights' alone.
        judge.rows(reference, "F32", kv_types)
        for kind in FORMATS:
            again = reweigh.write(file, scratch / f"{kind}.gguf", kind)
            judge.rows(again, kind, ["f32"])
            again.unlink()
    judge.base.unlink()


def packs(options, models):
    """Names and files of what is to be judged."""
    if options.model:
        return [(options.model.stem, options.model)]
    chosen = []
    for name in [SMOLLM2] if options.quick else PACKS:
        files = sorted((models / name).glob("*.gguf"))
        if len(files) == 1:
            chosen.append((name, files[0]))
        elif files or name == SMOLLM2:
            raise SystemExit(f"{models / name}: {len(files)} GGUF files, want 1")
        else:
            print(f"{name} is not there, no rows (scripts/get-model {name})", file=sys.stderr)
    return chosen


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    models = pathlib.Path(os.environ.get("SERVAL_MODELS", serving.ROOT / "models"))
    parser.add_argument("--peer", type=pathlib.Path, required=True, help="llama.cpp's programs")
    parser.add_argument("--text", type=pathlib.Path,
                        default=serving.ROOT / "bench/data/opticks.txt")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--windows", type=int, default=16, help="0: the whole text")
    parser.add_argument("--quick", action="store_true", help="4 windows, SmolLM2 alone")
    parser.add_argument("--model", type=pathlib.Path, help="this GGUF file alone")
    parser.add_argument("--limit", type=float, default=0.01,
                        help="largest relative difference of the server's perplexity")
    options = parser.parse_args()
    options.text = options.text.absolute()
    if options.quick:
        options.windows = 4
    chosen = packs(options, models)
    options.model = chosen[0][1].absolute()
    close = perplexity.compare(options)
    print("QUALITY model weights kv ppl ppl_f32 kl_mean top1 peer_ppl peer_kl", flush=True)
    for name, file in chosen:
        reweigh.CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="quality-", dir=reweigh.CACHE) as scratch:
            judge_pack(options, name, file, pathlib.Path(scratch))
    return 0 if close else 1


if __name__ == "__main__":
    sys.exit(main())
