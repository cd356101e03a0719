#!/usr/bin/env python3
"""The pace of running streams while a long prompt is computed beside them.

    bench/run itl [--quick] [--model FILE] [--threads N] [--rounds N] [--streams N]

For each number of streams: the time between two tokens of a stream (median and 99th percentile,
milliseconds), alone before and after, and from the arrival of a prompt of --prompt tokens to its first token; the
ratio of the 99th percentiles; and the time of that prompt beside the streams and without them.
"""

import argparse
import contextlib
import os
import pathlib
import random
import selectors
import statistics
import sys
import time

import serving
from load import Stream

WARM_UP = 50  # tokens of each stream before the first that counts
SOLO = 300    # tokens of each stream alone, before the prompt and after it
PATH = "/v1/completions"


class TimedStream(Stream):
    """Remembers when each event came; events of one read count as simultaneous."""

    def __init__(self, *args):
        super().__init__(*args)
        self.times = []

    def take(self):
        before = self.events
        going_on = super().take()
        self.times += [self.last] * (self.events - before)
        return going_on

    def gaps(self, begin, end):
        """Milliseconds between neighbouring events, the later one in (begin, end]."""
        return [1e3 * (b - a) for a, b in zip(self.times, self.times[1:]) if begin < b <= end]


class Crowd:
    """Streams that are read together."""

    def __init__(self):
        self.selector = selectors.DefaultSelector()

    def open(self, port, body):
        stream = TimedStream(port, PATH, body)
        self.selector.register(stream.socket, selectors.EVENT_READ, stream)
        return stream

    def read_until(self, reached):
        while not reached():
            if not self.selector.get_map():
                raise SystemExit("the streams ended too early")
            for key, _ in self.selector.select():
                if not key.data.take():
                    self.selector.unregister(key.fileobj)
                    key.data.check()

    def close(self):
        for key in list(self.selector.get_map().values()):
            self.selector.unregister(key.fileobj)
            key.fileobj.close()


def percentile(values, share):
    values = sorted(values)
    return values[min(int(len(values) * share), len(values) - 1)]


def body(model, prompt, tokens):
    return {"model": model, "prompt": prompt, "max_tokens": tokens, "temperature": 0,
            "ignore_eos": True, "stream": True}


def prompt_tokens(count, salt):
    """Token ids; prompts with another salt share no beginning."""
    pick = random.Random(salt)
    return [pick.randrange(1000, 20000) for _ in range(count)]


def first_token_s(crowd, port, model, prompt):
    begin = time.perf_counter()
    stream = crowd.open(port, body(model, prompt, 1))
    crowd.read_until(lambda: stream.first is not None)
    return begin, stream.first


def measure(port, model, count, prompt):
    """One round: (gaps alone, before and after; gaps beside the prompt, seconds of the prompt)."""
    with contextlib.closing(Crowd()) as crowd:
        streams = [crowd.open(port, body(model, f"Story {count}.{i}: once upon a time", 7000))
                   for i in range(count)]
        crowd.read_until(lambda: min(s.events for s in streams) >= WARM_UP)
        begin = time.perf_counter()
        crowd.read_until(lambda: min(s.events for s in streams) >= WARM_UP + SOLO)
        arrived, first = first_token_s(crowd, port, model, prompt)
        # Alone again: the streams' contexts have grown meanwhile, which makes them slower too.
        goal = min(s.events for s in streams) + SOLO
        crowd.read_until(lambda: min(s.events for s in streams) >= goal)
        solo = [gap for s in streams for gap in s.gaps(begin, arrived) + s.gaps(first, s.last)]
        beside = [gap for s in streams for gap in s.gaps(arrived, first)]
    return solo, beside, first - arrived


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    models = pathlib.Path(os.environ.get("SERVAL_MODELS", serving.ROOT / "models"))
    parser.add_argument("--model", type=pathlib.Path, default=models /
                        "smollm2-135m-instruct/SmolLM2-135M-Instruct.Q4_1.gguf")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--prompt", type=int, default=4000, help="tokens of the long prompt")
    parser.add_argument("--streams", type=int, action="append", help="default: 1, 4 and 16")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--factor", type=float, default=1.8, help="itl_factor of the server")
    parser.add_argument("--quick", action="store_true", help="one round")
    options = parser.parse_args()
    rounds = 1 if options.quick else options.rounds
    config = (f'[[model]]\nname = "bench"\npath = "{options.model.absolute()}"\n[model.config]\n'
              f"threads = {options.threads}\nitl_factor = {options.factor}\n")
    with serving.serval(config) as (_, port), contextlib.closing(Crowd()) as crowd:
        alone = []
        for turn in range(rounds + 1):  # the first one is a warm-up
            begin, first = first_token_s(crowd, port, "bench", prompt_tokens(options.prompt, -turn))
            alone.append(first - begin)
        alone_s = statistics.median(alone[1:])
        print(f"      streams solo-p50 solo-p99 beside-p50 beside-p99 ratio-p99   (ms)   prompt-s "
              f"prompt-alone-s ({options.prompt} tokens)")
        for count in options.streams or [1, 4, 16]:
            solo, beside, seconds = [], [], []
            for turn in range(rounds):
                prompt = prompt_tokens(options.prompt, 1000 * count + turn + 1)
                a, b, s = measure(port, "bench", count, prompt)
                solo, beside, seconds = solo + a, beside + b, seconds + [s]
            row = [percentile(solo, 0.5), percentile(solo, 0.99), percentile(beside, 0.5),
                   percentile(beside, 0.99)]
            print(f"ITL {count} " + " ".join(f"{value:.2f}" for value in row)
                  + f" {row[3] / row[1]:.2f} {statistics.median(seconds):.2f} {alone_s:.2f}",
                  flush=True)


if __name__ == "__main__":
    sys.exit(main())
