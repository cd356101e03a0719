#!/usr/bin/env python3
"""Serval's LLM plugin against llama.cpp: the same GGUF file, the same threads, by turns.

    bench/run llm [--quick] [--models all] [--ik PROGRAM] [--kv TYPE] [--row ROW]...

Prints, for each row, the medians of both, the median of the ratios of the pairs, and Serval's share
of the roof (what memory bandwidth or 8-bit multiply-adds allow at most here), and all of them again
at the end. Figures are tokens/s; -ttft-p90 is ms, -busy and prompt-again-ttft are percent.
"""

import argparse
import os
import pathlib
import subprocess
import sys

import offline
import over_http
import serving
from compare import by_turns

SMOLLM2 = ("smollm2", "smollm2-135m-instruct", "SmolLM2-135M-Instruct.Q4_1.gguf")
OTHERS = [("qwen0.5b", "qwen2.5-coder-0.5b-instruct",
           "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"),
          ("gemma270m", "gemma-3-270m", "gemma-3-270m-q4_k_m.gguf")]


def llama_bench_rows(o, name, model, roof, prompt, gen, depth=0):
    """Rows that llama-bench has too: [(names, ours, theirs, limits)], with --ik twice."""
    common, runs = (model, o.threads), 1 if o.quick else 3
    programs = [("", o.peer / "llama-bench", ["-d", depth])]
    if o.ik:  # the fork has -gp DEPTH,GEN instead of -d
        programs.append(("-ik", o.ik, None))
    for suffix, program, deep in programs:
        yield ([f"{name}-prefill-{prompt}{suffix}"],
               lambda _: (offline.serval(*common, o.kv, prompt=prompt, runs=runs),),
               lambda _, p=program: (offline.peer(p, *common, prompt, 0, runs=runs),),
               [roof.prefill()])
        yield ([f"{name}-decode-1{suffix}"],
               lambda _: (offline.serval(*common, o.kv, gen=gen, runs=runs),),
               lambda _, p=program: (offline.peer(p, *common, 0, gen, runs=runs),),
               [roof.decode(1)])
        if depth:
            args = (0, 64, deep) if deep else (0, 0, ["-gp", f"{depth},64"])
            yield ([f"{name}-decode-at-{depth}{suffix}"],
                   lambda _: (offline.serval(*common, o.kv, gen=64, context=depth, runs=runs),),
                   lambda _, p=program, a=args: (offline.peer(p, *common, *a, runs=runs),),
                   [roof.decode(1, depth)])


def smollm2_rows(o, roof, gen):
    runs = 1 if o.quick else 3
    for streams in (8, 16):
        yield ([f"smollm2-decode-{streams}"],
               lambda _, n=streams: (offline.serval(o.model, o.threads, o.kv, gen=gen, streams=n,
                                                    context=64, runs=runs),),
               lambda _, n=streams: (offline.peer_batched(o.peer / "llama-batched-bench", o.model,
                                                          o.threads, n, 64, gen),),
               [roof.decode(streams, 64)])
    yield (["smollm2-decode-busy"],
           lambda _: (offline.share_when_busy(
               lambda: offline.serval(o.model, o.threads, o.kv, gen=gen, runs=runs)),),
           lambda _: (offline.share_when_busy(
               lambda: offline.peer(o.peer / "llama-bench", o.model, o.threads, 0, gen,
                                    runs=runs)),), [None])
    length = 500 if o.quick else 2000
    yield (["prompt-again-ttft"],
           lambda turn: over_http.again(over_http.serval, o, turn, length),
           lambda turn: over_http.again(over_http.peer, o, turn, length), [None])
    for names, streams in ((["http-1"], 1), (["http-16-total", "http-16-ttft-p90"], 16)):
        yield (names, lambda turn, n=streams: over_http.crowd(over_http.serval, o, turn, n, gen),
               lambda turn, n=streams: over_http.crowd(over_http.peer, o, turn, n, gen),
               [roof.decode(streams), None])


def rows(o, folder):
    gen, prompt, depth = (32, 128, 512) if o.quick else (128, 512, 2048)
    roof = offline.Roof(o.model, o.threads, o.kv)
    yield from llama_bench_rows(o, SMOLLM2[0], o.model, roof, prompt, gen, depth)
    yield from smollm2_rows(o, roof, gen)
    for name, pack, file in [] if o.quick else OTHERS:
        model = folder / pack / file
        if o.models == "all":
            subprocess.run([serving.ROOT / "scripts/get-model", pack], check=True)
        if model.exists():
            yield from llama_bench_rows(o, name, model,
                                        offline.Roof(model, o.threads, o.kv), 128, gen)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    folder = pathlib.Path(os.environ.get("SERVAL_MODELS", serving.ROOT / "models")).absolute()
    parser.add_argument("--peer", type=pathlib.Path, required=True, help="llama.cpp's programs")
    parser.add_argument("--ik", type=pathlib.Path, help="ik_llama.cpp's llama-bench")
    parser.add_argument("--models", choices=["present", "all"], default="present")
    parser.add_argument("--kv", choices=sorted(offline.KV_BYTES), default="f16")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="one pair, short, SmolLM2 only")
    parser.add_argument("--row", action="append", help="only this row (may be repeated)")
    o = parser.parse_args()
    o.model = folder / SMOLLM2[1] / SMOLLM2[2]
    lines, seen = [], []
    print("      row serval peer ratio share-of-roof")
    for names, ours, theirs, limits in rows(o, folder):
        seen += names
        if not o.row or set(names) & set(o.row):
            lines += by_turns(names, 1 if o.quick else o.pairs, ours, theirs, limits)
    if missing := set(o.row or []) - set(seen):
        parser.error(f"no row {', '.join(sorted(missing))}; there are {', '.join(seen)}")
    print("\n" + "\n".join(lines))


if __name__ == "__main__":
    sys.exit(main())
