"""What the bei plugin does with a million texts, with a thousand clients, and with ten times the load
that it can bear."""

import asyncio
import collections
import http.client
import json
import pathlib
import time

TEXTS_A_REQUEST = 1000


def resident_mib(process):
    for line in pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    raise SystemExit("the server is gone")


def memory(process, port, texts_of, count):
    """Embeds `count` different texts; texts_of(n) makes n of them."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    marks, begin = [], time.perf_counter()
    for done in range(0, count, TEXTS_A_REQUEST):
        if done % (count // 10) == 0:
            marks.append(resident_mib(process))
        body = {"model": "bei", "input": texts_of(TEXTS_A_REQUEST), "encoding_format": "base64"}
        connection.request("POST", "/v1/embeddings", json.dumps(body).encode(),
                           {"Content-Type": "application/json"})
        reply = connection.getresponse()
        if len(json.loads(reply.read())["data"]) != TEXTS_A_REQUEST:
            raise SystemExit("answers are missing")
    marks.append(resident_mib(process))
    seconds = time.perf_counter() - begin
    print(f"memory {count} texts in {seconds:.0f} s; resident MiB at each tenth of them: "
          + " ".join(f"{mark:.0f}" for mark in marks))


def embed_request(body):
    return (b"POST /v1/embeddings HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n" % len(body)) + body


class Connections:
    """As many as are needed at a time; kept open."""

    def __init__(self, port):
        self.port = port
        self.idle = []

    async def ask(self, request):
        """(status, headers) of the answer."""
        reader, writer = self.idle.pop() if self.idle else await asyncio.open_connection(
            "127.0.0.1", self.port)
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.split("content-length:")[1].split("\r\n")[0])
        await reader.readexactly(length)
        self.idle.append((reader, writer))
        return int(head.split()[1]), head


class Crowd:
    """A client for every text, all of them at once."""

    def __init__(self, port, bodies):
        self.loop = asyncio.new_event_loop()
        self.connections = Connections(port)
        self.requests = [embed_request(body) for body in bodies]

    async def all(self):
        return await asyncio.gather(*map(self.connections.ask, self.requests))

    def ask(self):
        if any(status != 200 for status, _ in self.loop.run_until_complete(self.all())):
            raise SystemExit("a client of the crowd was refused")


class Flood:
    """Requests at a steady rate, whatever comes back."""

    def __init__(self, port, body):
        self.connections = Connections(port)
        self.request = embed_request(body)
        self.statuses = collections.Counter()
        self.took = collections.defaultdict(list)
        self.with_retry_after = 0

    async def one(self):
        begin = time.perf_counter()
        try:
            status, head = await self.connections.ask(self.request)
        except (OSError, asyncio.IncompleteReadError, IndexError) as error:
            status, head = type(error).__name__, ""
        self.statuses[status] += 1
        self.with_retry_after += "retry-after:" in head
        self.took[status].append(time.perf_counter() - begin)

    async def run(self, rate, seconds):
        begin, tasks = time.perf_counter(), []
        while (passed := time.perf_counter() - begin) < seconds:
            tasks += [asyncio.create_task(self.one()) for _ in range(int(passed * rate) - len(tasks))]
            await asyncio.sleep(0.002)
        await asyncio.gather(*tasks)
        self.offered = len(tasks) / seconds
        self.seconds = time.perf_counter() - begin


def overload(port, body, capacity, seconds):
    """capacity: requests a second that the server answers when it is just busy."""
    flood = Flood(port, body)
    asyncio.run(flood.run(10 * capacity, seconds))
    answered = sorted(flood.took[200])
    refused = sorted(flood.took[429]) or [0]
    print(f"overload offered {flood.offered:.0f}/s of {capacity:.0f}/s; statuses "
          f"{dict(flood.statuses)}, {flood.with_retry_after} with retry-after; answered "
          f"{flood.statuses[200] / flood.seconds:.0f}/s, median {answered[len(answered) // 2]:.2f} s;"
          f" refused within {1e3 * refused[len(refused) // 2]:.1f} ms (median)")
    if set(flood.statuses) - {200, 429} or flood.with_retry_after != flood.statuses[429]:
        raise SystemExit("overload: not every request was answered with a result or 429")
