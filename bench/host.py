#!/usr/bin/env python3
"""What the host itself costs, measured with the echo plugin.

    bench/run host [--quick]

Rows: the median time of a unary request on one connection, and of the least there could be, two
processes that send each other as many bytes; memory with 10,000 idle connections; server-sent events
a second with the server held to one core. Lines read: row, figure, target.
"""

import argparse
import multiprocessing
import pathlib
import socket
import statistics
import sys
import time

import serving
from load import request_bytes, run_streams

CONFIG = f"""[plugins]
dir = "{serving.ROOT}/build/lib/serval/examples"
[log]
requests = false
[limits]
connections = 10100
connections_per_address = 10100
[[model]]
name = "echo"
plugin = "org.serval.examples.echo"
path = "{serving.ROOT}/README.md"
"""


def resident_bytes(process):
    """Memory of the server; `taskset` execs it, so the process is the server itself."""
    for line in pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise SystemExit("the server has gone")


def read_answer(connection):
    """One answer with a Content-Length."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            raise SystemExit(f"the connection broke: {data!r}")
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise SystemExit(f"the server said: {data.decode(errors='replace')}")
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    while len(body) < int(fields[b"content-length"]):
        body += connection.recv(65536)


def unary_seconds(port, count):
    """Times of requests one after the other; this client's own share is in them."""
    body = {"model": "echo", "prompt": "hello", "max_tokens": 16}
    message = request_bytes("/v1/completions", body).replace(b"Connection: close\r\n", b"")
    times = []
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(count):
            start = time.perf_counter()
            connection.sendall(message)
            read_answer(connection)
            times.append(time.perf_counter() - start)
    return times


def send_back(listener):
    connection, _ = listener.accept()
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while data := connection.recv(65536):
        connection.sendall(data)


def exchange_seconds(count):
    """Times of one message to another process and back."""
    message, times = b"x" * 300, []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        other = multiprocessing.Process(target=send_back, args=(listener,), daemon=True)
        other.start()
        with socket.create_connection(listener.getsockname()) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for _ in range(count):
                start = time.perf_counter()
                connection.sendall(message)
                connection.recv(65536)
                times.append(time.perf_counter() - start)
        other.join()
    return times


def idle_connections(process, port, count):
    """Bytes of memory while `count` connections that were served once stay open."""
    held = []
    for _ in range(count):
        connection = socket.create_connection(("127.0.0.1", port))
        connection.sendall(b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        read_answer(connection)
        held.append(connection)
    memory = resident_bytes(process)
    for connection in held:
        connection.close()
    return memory


def events_per_second(port, streams, words):
    body = {"model": "echo", "prompt": "word " * words, "max_tokens": words, "stream": True}
    seconds, done = run_streams(port, "/v1/completions", [body] * streams)
    return sum(stream.events for stream in done) / seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer requests and connections")
    quick = parser.parse_args().quick
    limit = serving.raise_file_limit()
    connections = min(1000 if quick else 10_000, limit - 100)
    with serving.serval(CONFIG) as (process, port):
        unary_seconds(port, 200)  # warm-up
        times = unary_seconds(port, 1000 if quick else 20_000)
        print(f"unary-p50 {1e6 * statistics.median(times):.0f} us (target 200)", flush=True)
        print(f"unary-p99 {1e6 * statistics.quantiles(times, n=100)[98]:.0f} us", flush=True)
        bare = exchange_seconds(1000 if quick else 20_000)
        print(f"exchange-p50 {1e6 * statistics.median(bare):.0f} us (no server)", flush=True)
        memory = idle_connections(process, port, connections)
        print(f"idle-{connections}-connections {memory / 1e6:.0f} MB (target 250)", flush=True)
    with serving.serval(CONFIG, cores="0") as (_, port):
        events_per_second(port, 1, 1000)  # warm-up
        rates = [events_per_second(port, 4, 2000 if quick else 20_000)
                 for _ in range(1 if quick else 5)]
        print(f"sse-events-one-core {statistics.median(rates):.0f} per s (target 20000)")


if __name__ == "__main__":
    sys.exit(main())
