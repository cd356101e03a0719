"""Figures of Serval and llama-server over HTTP."""

import contextlib
import random

import serving
from load import run_streams

PATH = "/v1/completions"
WORDS = ("light time house water river stone paper glass summer winter engine garden letter music "
         "window story market island silver copper morning evening bridge castle").split()


def body(prompt, tokens):
    return {"model": "bench", "prompt": prompt, "max_tokens": tokens, "temperature": 0,
            "ignore_eos": True, "stream": True, "stream_options": {"include_usage": True}}


def bodies(turn, streams, tokens):
    """Requests that share no beginning, so that no prompt cache helps either side."""
    pick = random.Random(turn)
    return [body(" ".join([f"{turn}.{i}"] + pick.choices(WORDS, k=60)), tokens)
            for i in range(streams)]


@contextlib.contextmanager
def peer(options, streams, context):
    port = serving.free_port()
    command = [options.peer / "llama-server", "-m", options.model, "--port", port, "-np", streams,
               "-c", streams * context, "-t", options.threads, "-tb", options.threads,
               "--no-warmup"]
    with serving.running(command, port, "/health"):
        yield port


@contextlib.contextmanager
def serval(options, streams, context):
    del streams, context  # its defaults hold more of both
    config = (f'[[model]]\nname = "bench"\npath = "{options.model}"\n[model.config]\n'
              f'threads = {options.threads}\nkv_type = "{options.kv}"\n')
    with serving.serval(config) as (_, port):
        yield port


def crowd(server, options, turn, streams, tokens):
    """(tokens/s in total, 90th percentile of the times to the first token in ms)."""
    with server(options, streams, 512) as port:
        run_streams(port, PATH, bodies(-turn - 1, 2, 8))  # warm-up
        seconds, done = run_streams(port, PATH, bodies(turn, streams, tokens))
    made = sum(stream.completion_tokens() for stream in done)
    if made != streams * tokens:
        raise SystemExit(f"{made} tokens came instead of {streams * tokens}")
    waits = sorted(stream.first_token_s() for stream in done)
    return made / seconds, 1e3 * waits[(9 * len(waits) - 1) // 10]


def again(server, options, turn, length):
    """(time to the first token of a prompt's second coming, as percent of its first,)."""
    pick = random.Random(turn)
    prompt = [pick.randrange(1000, 20000) for _ in range(length)]
    with server(options, 1, length + 512) as port:
        run_streams(port, PATH, bodies(-turn - 1, 1, 8))  # warm-up
        waits = [run_streams(port, PATH, [body(prompt, 4)])[1][0].first_token_s() for _ in "12"]
    return (100 * waits[1] / waits[0],)
