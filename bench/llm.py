#!/usr/bin/env python3
"""Serval's LLM plugin against llama.cpp: the same GGUF file, the same threads, by turns.

    bench/run llm [--quick] [--model FILE] [--threads N] [--pairs N]

Prints, for each row, the medians of both, the median of the ratios of the pairs, and Serval's share
of the roof: what memory bandwidth (decode) or 8-bit multiply-adds (prefill) allow at most here.
"""

import argparse
import json
import os
import pathlib
import random
import statistics
import subprocess
import sys

import serving
from gguf_sizes import token_cost
from load import run_streams

BIN = serving.ROOT / "build/bin"
WORDS = ("light time house water river stone paper glass summer winter engine garden letter music "
         "window story market island silver copper morning evening bridge castle").split()


def output(command):
    run = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if run.returncode != 0:
        raise SystemExit(f"{command[0]} failed:\n{run.stdout[-1000:]}{run.stderr[-2000:]}")
    return run.stdout


class Roof:
    def __init__(self, model, threads):
        lines = dict(line.split() for line in output([BIN / "roof", threads]).splitlines())
        self.read, self.mac = float(lines["read_bytes_s"]), float(lines["int8_mac_s"])
        self.bytes, self.macs = token_cost(model)
        print(f"roof: {self.read / 1e9:.1f} GB/s read, {self.mac / 1e9:.0f} G int8 MAC/s; a token "
              f"is {self.bytes / 1e6:.0f} MB and {self.macs / 1e6:.0f} M MAC")

    def prefill(self):
        return self.mac / self.macs

    def decode(self, batch):
        return batch / max(self.bytes / self.read, batch * self.macs / self.mac)


def peer_offline(options, prompt, gen):
    """llama-bench, tokens/s; one warm-up run of its own, then the mean of three."""
    text = output([options.peer / "llama-bench", "-m", options.model, "-p", prompt, "-n", gen,
                   "-t", options.threads, "-r", 3, "-o", "json"])
    return json.loads(text)[0]["avg_ts"]


def serval_offline(options, prompt, gen):
    """serval-llm-bench, tokens/s: the median of three runs after a warm-up."""
    text = output([BIN / "serval-llm-bench", "--model", options.model, "--prompt", prompt or 1,
                   "--gen", gen, "--threads", options.threads, "--runs", 3])
    figures = dict(line.split()[:2] for line in text.splitlines())
    return float(figures["prefill_tok_s" if prompt else "decode_tok_s"])


def bodies(name, turn, streams, tokens):
    """Requests that share no beginning, so that no prompt cache helps either side."""
    pick = random.Random(turn)
    return [{"model": name, "prompt": " ".join([f"{turn}.{i}"] + pick.choices(WORDS, k=60)),
             "max_tokens": tokens, "temperature": 0, "ignore_eos": True, "stream": True,
             "stream_options": {"include_usage": True}} for i in range(streams)]


def http_streams(port, name, turn, streams, tokens):
    run_streams(port, "/v1/completions", bodies(name, -turn - 1, 2, 8))  # warm-up
    seconds, done = run_streams(port, "/v1/completions", bodies(name, turn, streams, tokens))
    made = sum(stream.completion_tokens() for stream in done)
    if made != streams * tokens:
        raise SystemExit(f"{made} tokens came instead of {streams * tokens}")
    return made / seconds


def peer_http(options, turn, streams, tokens):
    port = serving.free_port()
    command = [options.peer / "llama-server", "-m", options.model, "--port", port, "-np", streams,
               "-c", streams * 512, "-t", options.threads, "-tb", options.threads, "--no-warmup"]
    with serving.running(command, port, "/health"):
        return http_streams(port, "any", turn, streams, tokens)


def serval_http(options, turn, streams, tokens):
    config = (f'[[model]]\nname = "bench"\npath = "{options.model}"\n'
              f"[model.config]\nthreads = {options.threads}\n")
    with serving.serval(config) as (_, port):
        return http_streams(port, "bench", turn, streams, tokens)


def compare(row, pairs, ours, theirs, roof):
    """Runs both by turns, the first one changing; one RATIO line."""
    figures = {ours: [], theirs: []}
    for pair in range(pairs):
        for side in ((ours, theirs) if pair % 2 else (theirs, ours)):
            figures[side].append(side(pair))
    ratio = statistics.median(a / b for a, b in zip(figures[ours], figures[theirs]))
    mine, other = statistics.median(figures[ours]), statistics.median(figures[theirs])
    print(f"RATIO {row} {mine:.1f} {other:.1f} {ratio:.2f} {mine / roof:.2f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    models = pathlib.Path(os.environ.get("SERVAL_MODELS", serving.ROOT / "models"))
    parser.add_argument("--peer", type=pathlib.Path, required=True, help="llama.cpp's programs")
    parser.add_argument("--model", type=pathlib.Path, default=models /
                        "smollm2-135m-instruct/SmolLM2-135M-Instruct.Q4_1.gguf")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="one pair, short answers")
    parser.add_argument("--row", action="append", help="only this row (may be repeated)")
    options = parser.parse_args()
    options.model = options.model.absolute()
    pairs, tokens = (1, 32) if options.quick else (options.pairs, 128)
    roof = Roof(options.model, options.threads)
    rows = {
        "prefill-512": (lambda _: serval_offline(options, 512, 0),
                        lambda _: peer_offline(options, 512, 0), roof.prefill()),
        "decode-1": (lambda _: serval_offline(options, 0, tokens),
                     lambda _: peer_offline(options, 0, tokens), roof.decode(1)),
        "http-1-stream": (lambda turn: serval_http(options, turn, 1, tokens),
                          lambda turn: peer_http(options, turn, 1, tokens), roof.decode(1)),
        "http-16-streams": (lambda turn: serval_http(options, turn, 16, tokens),
                            lambda turn: peer_http(options, turn, 16, tokens), roof.decode(16)),
    }
    for name in options.row or rows:
        if name not in rows:
            parser.error(f"no row {name!r}; there are {', '.join(rows)}")
    print("      row serval peer ratio share-of-roof   (tokens/s)")
    for name, (ours, theirs, limit) in rows.items():
        if not options.row or name in options.row:
            compare(name, pairs, ours, theirs, limit)


if __name__ == "__main__":
    sys.exit(main())
