#!/usr/bin/env python3
"""Seconds from the start of `serval serve` to the first token over HTTP.

    bench/run start [--quick] [--model FILE]... [--runs N]

Without --model: every GGUF file that is in $SERVAL_MODELS or models/. Prints, for each, the first
start (the weights are repacked and written to an empty pack cache) and the median of the starts
after it (they are mapped), with the file in the system's page cache both times.
"""

import argparse
import http.client
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import serving

RETRY_SECONDS = 0.002
BODY = json.dumps({"model": "bench", "prompt": "The capital of France is", "max_tokens": 4,
                   "temperature": 0, "stream": True})


def first_token(port):
    """True when a token has come; False when the server is not ready yet."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("POST", "/v1/completions", BODY, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        if answer.status == 503:
            return False
        if answer.status != 200:
            raise SystemExit(f"the server said {answer.status}: {answer.read(2000)!r}")
        for line in answer:
            if line.startswith(b"data: {") and json.loads(line[6:]).get("choices"):
                return True
        raise SystemExit("the stream ended without a token")
    except (ConnectionError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def kept(cache):
    return any(pathlib.Path(cache, "packed").glob("*.pack"))


def start_once(model, cache, folder):
    """One start and its end, when the weights are on the disk; seconds to the first token."""
    port = serving.free_port()
    config = pathlib.Path(folder, "serval.toml")
    config.write_text(f'[server]\nlisten = "127.0.0.1:{port}"\ndrain_notice = "0s"\n'
                      f'cache_dir = "{cache}"\n[[model]]\nname = "bench"\npath = "{model}"\n')
    with open(pathlib.Path(folder, "log"), "w+") as log:
        begin = time.perf_counter()
        process = subprocess.Popen([serving.SERVAL, "serve", "--config", config], stdout=log,
                                   stderr=log)
        try:
            seconds = None
            while seconds is None or not kept(cache):
                if seconds is None and first_token(port):
                    seconds = time.perf_counter() - begin
                if process.poll() is not None or time.perf_counter() - begin > 300:
                    log.seek(0)
                    raise SystemExit(f"{'no token' if seconds is None else 'no packed weights'} "
                                     f"came:\n{log.read()[-3000:]}")
                time.sleep(RETRY_SECONDS)
            return seconds
        finally:
            process.terminate()
            process.wait(60)


def measure(model, runs):
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as cache:
        with open(model, "rb") as file:
            while file.read(1 << 24):
                pass
        cold = start_once(model, cache, folder)
        warm = statistics.median(start_once(model, cache, folder) for _ in range(runs))
        print(f"START {model.stem} cold {cold:.3f} s, warm {warm:.3f} s", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=pathlib.Path, action="append", default=[])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="one start after the first")
    options = parser.parse_args()
    folder = pathlib.Path(os.environ.get("SERVAL_MODELS", serving.ROOT / "models"))
    models = options.model or sorted(folder.glob("*/*.gguf"))
    if not models:
        parser.error(f"no GGUF file in {folder}; scripts/get-model gets one")
    for model in models:
        measure(model.absolute(), 1 if options.quick else options.runs)


if __name__ == "__main__":
    sys.exit(main())
