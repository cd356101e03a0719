"""Perplexity of an English text by Serval and by llama.cpp: same GGUF file, same windows of tokens.

Both take the text's tokens in windows of 512 and judge the second half of each, given all before it
in the window. Serval is asked over HTTP (/v1/completions with echo and logprobs), llama.cpp by its
own llama-perplexity.
"""

import json
import math
import re
import subprocess
import urllib.error
import urllib.request

import serving

WINDOW = 512


def output(command):
    run = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if run.returncode != 0:
        raise SystemExit(f"{command[0]} failed:\n{run.stdout[-1000:]}{run.stderr[-2000:]}")
    return run.stdout + run.stderr


def tokens_of(options):
    """The text's token ids, by llama.cpp, so that the windows are the same to the token."""
    text = output([options.peer / "llama-tokenize", "-m", options.model, "-f", options.text,
                   "--ids", "--log-disable"])
    return json.loads(re.search(r"\[[\d,\s]+\]", text)[0])


def peer_perplexity(options, windows):
    text = output([options.peer / "llama-perplexity", "-m", options.model, "-f", options.text,
                   "-c", WINDOW, "--chunks", windows, "-t", options.threads])
    return float(re.search(r"Final estimate: PPL = ([\d.]+)", text)[1])


def window_log_probabilities(port, window):
    body = {"model": "judged", "prompt": window, "max_tokens": 0, "echo": True, "logprobs": 0}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/completions",
                                     json.dumps(body).encode(),
                                     {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=300) as response:
            found = json.load(response)["choices"][0]["logprobs"]["token_logprobs"]
    except urllib.error.HTTPError as error:
        raise SystemExit(f"Serval said {error.code}: {error.read(2000).decode()}")
    if len(found) != len(window):
        raise SystemExit(f"{len(found)} log-probabilities for a window of {len(window)} tokens")
    return found


def serval_perplexity(options, tokens, windows):
    config = (f'[[model]]\nname = "judged"\npath = "{options.model}"\n'
              f"[model.config]\nthreads = {options.threads}\n")
    total = count = 0
    with serving.serval(config) as (_, port):
        for number in range(windows):
            window = tokens[number * WINDOW:(number + 1) * WINDOW]
            judged = window_log_probabilities(port, window)[WINDOW // 2 + 1:]
            total -= sum(judged)
            count += len(judged)
    return math.exp(total / count)


def compare(options):
    """Prints both figures of options.model; false: they are more than options.limit apart."""
    tokens = tokens_of(options)
    most = len(tokens) // WINDOW
    windows = min(options.windows or most, most)
    theirs = peer_perplexity(options, windows)
    ours = serval_perplexity(options, tokens, windows)
    difference = ours / theirs - 1
    print(f"perplexity of {options.text.name}, {windows * WINDOW} tokens: serval {ours:.4f}, "
          f"llama.cpp {theirs:.4f}, difference {100 * difference:+.2f} %", flush=True)
    return abs(difference) <= options.limit
