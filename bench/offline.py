"""Speeds of both engines without a server in front, tokens/s, and what the machine allows."""

import contextlib
import json
import subprocess
import sys

import serving
from gguf_sizes import token_cost

BIN = serving.ROOT / "build/bin"
KV_BYTES = {"f32": 4, "f16": 2, "bf16": 2, "int8": 1, "int4": 0.5}


def output(command):
    run = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if run.returncode != 0:
        raise SystemExit(f"{command[0]} failed:\n{run.stdout[-1000:]}{run.stderr[-2000:]}")
    return run.stdout


class Roof:
    """What memory bandwidth (decode) or 8-bit multiply-adds (prefill) allow at most."""

    def __init__(self, model, threads, kv):
        lines = dict(line.split() for line in output([BIN / "roof", threads]).splitlines())
        self.read, self.mac = float(lines["read_bytes_s"]), float(lines["int8_mac_s"])
        self.bytes, self.macs, elements = token_cost(model)
        self.kv_bytes = elements * KV_BYTES[kv]
        print(f"roof: {self.read / 1e9:.1f} GB/s read, {self.mac / 1e9:.0f} G int8 MAC/s; a token "
              f"of {model.stem} is {self.bytes / 1e6:.0f} MB and {self.macs / 1e6:.0f} M MAC")

    def prefill(self):
        return self.mac / self.macs

    def decode(self, batch, context=0):
        read = self.bytes + batch * context * self.kv_bytes
        return batch / max(read / self.read, batch * self.macs / self.mac)


def peer(program, model, threads, prompt, gen, depth=(), runs=3):
    """llama-bench: one warm-up run of its own, then the mean of the runs."""
    text = output([program, "-m", model, "-p", prompt, "-n", gen, "-t", threads, "-r", runs,
                   "-o", "json", *depth])
    return json.loads(text)[0]["avg_ts"]


def batched_speeds(table):
    """{streams: tokens/s of decode in total} from llama-batched-bench's table."""
    rows = [[cell.strip() for cell in line.strip("| \n").split("|")]
            for line in table.splitlines() if line.startswith("|")]
    if not rows or not {"B", "S_TG t/s"} <= set(rows[0]):
        raise SystemExit(f"llama-batched-bench printed no table:\n{table[-1000:]}")
    batch, speed = rows[0].index("B"), rows[0].index("S_TG t/s")
    return {int(row[batch]): float(row[speed]) for row in rows[1:] if row[batch].isdigit()}


def peer_batched(program, model, threads, streams, prompt, gen):
    text = output([program, "-m", model, "-c", streams * (prompt + gen), "-npp", prompt, "-ntg",
                   gen, "-npl", streams, "-t", threads, "-tb", threads])
    return batched_speeds(text)[streams]


def serval(model, threads, kv, prompt=0, gen=0, streams=1, context=1, runs=3):
    """serval-llm-bench: the median of the runs after a warm-up."""
    text = output([BIN / "serval-llm-bench", "--model", model, "--prompt", prompt or 1, "--gen",
                   gen, "--streams", streams, "--context", context, "--threads", threads, "--runs",
                   runs, "--kv", kv])
    figures = dict(line.split()[:2] for line in text.splitlines())
    return float(figures["prefill_tok_s" if prompt else "decode_tok_s"])


@contextlib.contextmanager
def busy_neighbour():
    """A foreign process that keeps one core busy."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def share_when_busy(speed):
    """Percent of its own idle speed that is left beside a busy neighbour."""
    idle = speed()
    with busy_neighbour():
        return 100 * speed() / idle
