"""A light HTTP client for streams: counts events instead of reading each, so that it leaves the
processor to the server it measures."""

import json
import re
import selectors
import socket
import time


def request_bytes(path, body):
    data = json.dumps(body).encode()
    return (f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(data)}\r\nConnection: close\r\n\r\n").encode() + data


class Stream:
    """One streamed answer: when its first event came, how many, and what it ended with."""

    def __init__(self, port, path, body):
        self.begin = time.perf_counter()
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.sendall(request_bytes(path, body))
        self.socket.setblocking(False)
        self.events, self.first, self.last = 0, None, None
        self.head, self.tail = b"", b""

    def take(self):
        """Reads what is there; False at the end of the answer."""
        try:
            data = self.socket.recv(1 << 18)
        except BlockingIOError:
            return True
        if len(self.head) < 200:
            self.head += data[:200]
        if not data:
            self.socket.close()
            return False
        count = data.count(b"data:")
        if self.tail and (self.tail[-4:] + data[:4]).find(b"data:") >= 0:
            count += 1  # a mark that two reads share
        if count:
            self.last = time.perf_counter()
            self.first = self.first or self.last
        self.events += count
        self.tail = (self.tail + data)[-4096:]
        return True

    def first_token_s(self):
        """From the request to its first event."""
        return self.first - self.begin

    def check(self):
        if not self.head.startswith(b"HTTP/1.1 200"):
            raise SystemExit(f"the server said: {(self.head + self.tail).decode(errors='replace')}")
        if b"data: [DONE]" not in self.tail:
            raise SystemExit("a stream ended before [DONE]")

    def completion_tokens(self):
        """From the usage of the last event but [DONE]."""
        found = re.findall(rb'"completion_tokens" ?: ?(\d+)', self.tail)
        if not found:
            raise SystemExit("the stream gave no usage")
        return int(found[-1])


def run_streams(port, path, bodies):
    """All bodies at once, each on a connection of its own; returns (seconds, streams)."""
    started = time.perf_counter()
    selector = selectors.DefaultSelector()
    streams = [Stream(port, path, body) for body in bodies]
    for stream in streams:
        selector.register(stream.socket, selectors.EVENT_READ, stream)
    open_streams = len(streams)
    while open_streams:
        for key, _ in selector.select():
            if not key.data.take():
                selector.unregister(key.fileobj)
                open_streams -= 1
    seconds = time.perf_counter() - started
    for stream in streams:
        stream.check()
    return seconds, streams
