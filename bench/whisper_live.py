"""Live speech over the WebSocket: what passes from the end of speech to its final text."""

import asyncio
import contextlib
import json
import time

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

import speech

PATH = "/v1/audio/transcriptions/stream"
PIECE_SECONDS = 0.02
PAUSE_SECONDS = 1.0  # behind a clip, so that its end is one of speech
BYTES_A_SECOND = 2 * speech.RATE


class Unsupported(Exception):
    """The server's model has no live audio."""


class Fault(Exception):
    """Something else is wrong with a stream."""


class Talk:
    """One stream in real time: a piece is sent when its last sample would have been spoken."""

    def __init__(self, clips):
        pause = bytes(int(PAUSE_SECONDS * speech.RATE) * 2)
        self.audio = b"".join(clip + pause for clip in clips)
        self.finals, self.partials = [], 0
        self.server_ms, self.client_ms = [], []
        self.latest = 0.0  # seconds that a piece was sent too late
        self.done = False

    def heard(self):
        return "".join(self.finals)

    async def speak(self, socket):
        size = int(PIECE_SECONDS * BYTES_A_SECOND)
        with contextlib.suppress(ConnectionClosed):  # the other half knows why
            for at in range(0, len(self.audio), size):
                piece = self.audio[at:at + size]
                due = self.begin + (at + len(piece)) / BYTES_A_SECOND
                await asyncio.sleep(max(0, due - time.perf_counter()))
                await socket.send(piece)
                self.latest = max(self.latest, time.perf_counter() - due)
            await socket.send('{"type": "end"}')

    def take(self, message):
        now = time.perf_counter()
        kind = message["type"]
        if kind == "error":
            text = message["error"]["message"]
            raise (Unsupported if "has no operation" in text else Fault)(
                f"the server said: {text}")
        if kind == "transcript.text.partial":
            self.partials += 1
        elif kind == "transcript.text.final":
            self.finals.append(message["text"])
            self.server_ms.append(message["latency_ms"])
            self.client_ms.append(1e3 * (now - self.begin - message["end"]))
        elif kind == "transcript.text.done":
            if message.get("failed"):
                raise Fault(f"this could not be made out: {message['failed']}")
            self.done = True
        else:
            raise Fault(f"an unknown message: {message}")

    async def run(self, port):
        async with connect(f"ws://127.0.0.1:{port}{PATH}", max_size=None,
                           compression=None) as socket:
            await socket.send(json.dumps({"model": "speech", "language": "en"}))
            self.begin = time.perf_counter()
            speaker = asyncio.create_task(self.speak(socket))
            try:
                async for text in socket:
                    self.take(json.loads(text))
            finally:
                speaker.cancel()
        if not self.done:
            raise Fault("a live stream ended before all of it was done")


def share_of(pcm, said, turn, turns, seconds):
    """(samples, texts) of about so many seconds, each stream from a place of its own."""
    first, samples, texts, length = turn * len(pcm) // turns, [], [], 0
    while length < seconds:
        at = (first + len(samples)) % len(pcm)
        samples.append(pcm[at])
        texts.append(said[at])
        length += len(pcm[at]) / BYTES_A_SECOND + PAUSE_SECONDS
    return samples, texts


async def all_of(port, talks):
    await asyncio.gather(*(talk.run(port) for talk in talks))


def spread(values):
    values = sorted(values)
    return f"p50 {values[len(values) // 2]:.0f}, most {values[-1]:.0f} ms"


def report(name, port, pcm, streams, seconds, judge, said, most_wrong):
    """Prints a line. pcm: 16 kHz mono 16-bit samples of clips; said: their texts. Errors:
    Unsupported; SystemExit if something else is wrong, as more words than `most_wrong` percent."""
    shares = [share_of(pcm, said, turn, streams, seconds) for turn in range(streams)]
    talks = [Talk(samples) for samples, _ in shares]
    try:
        asyncio.run(all_of(port, talks))
    except (Fault, ConnectionClosed) as fault:
        raise SystemExit(f"live audio: {fault}") from fault
    wrong = judge.rate([(" ".join(texts), talk.heard())
                        for (_, texts), talk in zip(shares, talks)])
    if wrong > most_wrong:
        raise SystemExit(f"live audio: {wrong:.0f} % of the words are wrong")
    server = [ms for talk in talks for ms in talk.server_ms]
    if not server:
        raise SystemExit("live audio: no final text came")
    client = [ms for talk in talks for ms in talk.client_ms]
    late = 1e3 * max(talk.latest for talk in talks)
    print(f"{name} {len(server)} final texts, {sum(talk.partials for talk in talks)} partial ones; "
          f"from the end of speech to its text, as the server says {spread(server)}, as the client "
          f"sees {spread(client)}; sent at most {late:.0f} ms too late; {wrong:.1f} % of "
          "the words wrong", flush=True)
