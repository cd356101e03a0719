"""The WebSocket of live audio: what it hears while samples come, and what hostile peers get; and the
whisper plugin behind it, where it and its model are there."""
import base64
import contextlib
import ctypes
import json
import os
import signal
import socket
import ssl
import struct
import time

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from server import ROOT, Server
from test_audio import HEARD, fake_section, wav, whisper  # noqa: F401, the fixture

PATH = "/v1/audio/transcriptions/stream"
SECOND = 32_000  # bytes


@pytest.fixture(scope="module")
def speech(tmp_path_factory):
    running = Server(tmp_path_factory.mktemp("live"), models=fake_section()).start()
    yield running
    assert running.stop() == 0


def dial(server, path=PATH, **more):
    return connect(f"ws://127.0.0.1:{server.port}{path}", max_size=None, **more)


def samples(seconds):
    return wav(seconds)[44:]


def talk(ws, audio, piece=3200, **params):
    """Sends it all and says so; everything that comes back, and the close."""
    ws.send(json.dumps({"model": "speech", **params}))
    for at in range(0, len(audio), piece):
        ws.send(audio[at:at + piece])
    ws.send('{"type": "end"}')
    return drain(ws)


def drain(ws):
    got = []
    try:
        while True:
            got.append(json.loads(ws.recv(timeout=20)))
    except ConnectionClosed as closed:
        return got, closed.rcvd


def test_texts_come_while_samples_do(speech):
    with dial(speech) as ws:
        ws.send(json.dumps({"model": "speech"}))
        ws.send(samples(1))
        first, second = json.loads(ws.recv(timeout=20)), json.loads(ws.recv(timeout=20))
        assert first["type"] == second["type"] == "transcript.text.partial"
        assert (first["text"], second["text"]) == (" And", " And so")
        ws.send(samples(1))
        assert json.loads(ws.recv(timeout=20))["text"] == " And so my"
        final = json.loads(ws.recv(timeout=20))
        assert final["type"] == "transcript.text.final" and final["text"] == " And so my fellow"
        assert (final["start"], final["end"]) == (0, 2) and final["latency_ms"] >= 0
        ws.send('{"type":"end"}')
        got, close = drain(ws)
        assert [message["type"] for message in got] == ["transcript.text.done"]
        assert got[0]["usage"] == {"type": "duration", "seconds": 2}
        assert got[0]["language"] == "english" and close.code == 1000


@pytest.mark.parametrize("piece", [1, 999, 3200, 200_000])
def test_pieces_make_no_difference(speech, piece):
    audio = samples(4) if piece > 1 else samples(4)[:20_000]
    with dial(speech, f"{PATH}?model=speech") as ws:
        got, close = talk(ws, audio, piece, partials=False)
    text = "".join(m["text"] for m in got if m["type"] == "transcript.text.final")
    assert text.strip() == (HEARD if piece > 1 else "And")
    assert got[-1]["type"] == "transcript.text.done" and close.code == 1000


def test_fragments_pings_and_text_of_other_kinds(speech):
    with dial(speech) as ws:
        ws.send(["{\"model\":", "\"speech\"}"])  # a fragmented message
        assert ws.ping().wait(20)
        audio = samples(2)
        ws.send([audio[:5000], audio[5000:]])
        ws.send('{"type":"end"}')
        got, close = drain(ws)
        assert got[-2]["text"] == " And so my fellow" and close.code == 1000


@pytest.mark.parametrize("first, code, says", [
    ('{"model":"nothing"}', 1008, "nothing"),
    ('{"model":"speech","beam_width":1}', 1008, "beam_width"),
    ('{"model":"speech","language":5}', 1008, "language"),
    ('{"model":"speech","encoding":"mp3"}', 1008, "pcm_s16le"),
    ('{"model":"speech","sample_rate":8000}', 1008, "sample_rate"),
    ("{}", 1008, "model is missing"),
    ("[]", 1008, "object"),
    ("no json", 1008, ""),
    (b"\0\0", 1008, "first message"),
    ('{"model":"' + "x" * 70_000 + '"}', 1009, "too large"),
])
def test_a_bad_beginning_is_closed_with_its_reason(speech, first, code, says):
    with dial(speech) as ws:
        ws.send(first)
        got, close = drain(ws)
        assert close.code == code
        if code == 1008:
            assert got[0]["type"] == "error" and says in got[0]["error"]["message"]
        assert says in close.reason


def test_what_follows_the_beginning_is_checked(speech):
    for message, code, says in [('{"type":"stop"}', 1008, "end"), ('{"typ":"end"}', 1008, "type"),
                                (bytes((1 << 20) + 1), 1009, "too large")]:
        with dial(speech) as ws:
            ws.send('{"model":"speech"}')
            try:
                ws.send(message)
            except ConnectionClosed:
                pass
            got, close = drain(ws)
            assert close.code == code and says in close.reason
    with dial(speech) as ws:
        ws.send('{"model":"speech"}')
        ws.send('{"type":"end"}')
        try:
            ws.send(samples(1))
        except ConnectionClosed:
            pass
        assert drain(ws)[1].code in (1000, 1008)


def test_a_full_queue_says_try_later(own_server):
    server = own_server(config='[limits]\nqueue_items = 1\n', models=fake_section(
        ).replace("[[model]]", "[[model]]\nautoload = false")).start(ready=False)
    server.wait_until(lambda: httpx.get(f"{server.url}/livez").status_code == 200, "it listens")
    with dial(server) as ws:
        ws.send('{"model":"speech"}')
        got, close = drain(ws)
        assert got[0]["error"]["code"] == "unavailable" and close.code == 1013


def test_who_leaves_is_cancelled(speech):
    speech.wait_idle()
    before = speech.metric("serval_requests_total", code="cancelled")
    for leave in ("close", "cut"):
        with dial(speech) as ws:
            ws.send('{"model":"speech"}')
            ws.send(samples(1))
            ws.recv(timeout=20)
            assert speech.requests() == 1
            if leave == "cut":
                ws.socket.shutdown(socket.SHUT_RDWR)
        speech.wait_idle()
    assert speech.metric("serval_requests_total", code="cancelled") == before + 2


def test_a_slow_model_holds_its_client_back(speech):
    """The host keeps a bounded part of the audio; the rest waits in the client's socket."""
    before = speech.rss()
    with dial(speech) as ws:
        ws.send('{"model":"speech","prompt":"slowly","partials":false}')
        ws.socket.settimeout(2)
        sent = 0
        try:
            while sent < 256 << 20:
                ws.send(bytes(1 << 20))
                sent += 1 << 20
        except (TimeoutError, ConnectionClosed):
            pass
        assert sent < 128 << 20 and speech.rss() - before < 32 << 20
    speech.wait_idle()


def test_streams_side_by_side_and_files_beside_them(speech):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(dial(speech)) for _ in range(8)]
        for ws in sockets:
            ws.send('{"model":"speech","partials":false}')
        for _ in range(4):
            for ws in sockets:
                ws.send(samples(1))
        reply = httpx.post(f"{speech.url}/v1/audio/transcriptions", data={"model": "speech"},
                           files={"file": wav(4)}, timeout=20)
        assert reply.json()["text"] == HEARD
        for ws in sockets:
            ws.send('{"type":"end"}')
            got, close = drain(ws)
            assert "".join(m.get("text", "") for m in got).strip() == HEARD and close.code == 1000


def test_no_websocket_is_told_so(speech):
    reply = httpx.get(f"{speech.url}{PATH}")
    assert reply.status_code == 426 and reply.headers["upgrade"] == "websocket"
    assert httpx.post(f"{speech.url}{PATH}").status_code == 405
    with pytest.raises(InvalidStatus):
        dial(speech, additional_headers={"x-request-timeout-ms": "soon"})


class Raw:
    """A peer that sends any bytes it likes once the handshake is done."""

    def __init__(self, server):
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout=20)
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(f"GET {PATH} HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode())
        self.buffer = b""
        while b"\r\n\r\n" not in self.buffer:
            self.buffer += self.socket.recv(4096)
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        assert head.startswith(b"HTTP/1.1 101") and b"ontent-" not in head

    def frame(self, bits, data, masked=True, length=None):
        size = len(data) if length is None else length
        out = bytes([bits])
        flag = 0x80 if masked else 0
        if size < 126:
            out += bytes([flag | size])
        elif size < 65536:
            out += struct.pack("!BH", flag | 126, size)
        else:
            out += struct.pack("!BQ", flag | 127, size)
        mask = b"\x11\x22\x33\x44" if masked else b""
        body = bytes(b ^ mask[i % 4] for i, b in enumerate(data)) if masked else data
        self.socket.sendall(out + mask + body)

    def close_code(self):
        """Of the close frame that ends what the server says; None: it just went away."""
        try:
            while piece := self.socket.recv(4096):
                self.buffer += piece
        except ConnectionResetError:
            pass
        self.socket.close()
        at, code = 0, None
        while at + 2 <= len(self.buffer):
            size = self.buffer[at + 1]
            if size == 126:
                size, at = struct.unpack("!H", self.buffer[at + 2:at + 4])[0], at + 2
            if self.buffer[at if size < 126 else at - 2] & 15 == 8:
                code = struct.unpack("!H", self.buffer[at + 2:at + 4])[0]
            at += 2 + size
        return code


@pytest.mark.parametrize("bits, data, more, code", [
    (0xC1, b"a", {}, 1002),  # reserved bits
    (0x83, b"a", {}, 1002),  # unknown opcodes
    (0x8F, b"", {}, 1002),
    (0x81, b"a", {"masked": False}, 1002),
    (0x80, b"a", {}, 1002),  # a fragment of nothing
    (0x09, b"a", {}, 1002),  # a fragmented ping
    (0x89, bytes(126), {}, 1002),
    (0x81, b"\xff", {}, 1007),
    (0x82, b"", {"length": 1 << 40}, 1009),
    (0x88, b"\x03", {}, 1002),
    (0x88, b"\x03\xe8\xff", {}, 1007),
    (0x88, b"", {}, 1000),
    (0x88, b"\x0b\xb8bye", {}, 3000),
])
def test_hostile_frames(speech, bits, data, more, code):
    peer = Raw(speech)
    peer.frame(bits, data, **more)
    assert peer.close_code() == code


def test_garbage_and_floods(speech):
    before = speech.rss()
    for _ in range(30):
        peer = Raw(speech)
        try:
            peer.socket.sendall(os.urandom(20_000))
        except OSError:
            pass
        assert peer.close_code() in (1000, 1002, 1007, 1008, 1009, None)
    peer = Raw(speech)  # pings without end, and nobody reads the pongs
    peer.socket.settimeout(1)
    ping = bytes([0x89, 0x80 | 125]) + b"\0\0\0\0" + bytes(125)
    with pytest.raises((TimeoutError, ConnectionError)):
        for _ in range(2000):
            peer.socket.sendall(ping * 500)
    peer.socket.close()
    peer = Raw(speech)  # a frame a byte at a time
    text = bytes([0x81, 0x80 | 18]) + b"\0\0\0\0" + b'{"model":"speech"}'
    for byte in text:
        peer.socket.sendall(bytes([byte]))
    peer.frame(0x81, b'{"type":"end"}')
    assert peer.close_code() == 1000
    speech.wait_idle()
    assert speech.rss() - before < 32 << 20
    assert httpx.get(f"{speech.url}/readyz").status_code == 200


def test_silence_is_closed_and_pings_keep_it_open(own_server):
    server = own_server(config='[limits]\nidle = "2s"\nping = "1s"\n', models=fake_section()).start()
    with dial(server) as ws:  # the client library answers pings by itself
        ws.send('{"model":"speech"}')
        time.sleep(3)
        ws.send('{"type":"end"}')
        assert drain(ws)[1].code == 1000
    assert Raw(server).close_code() == 1008


def test_shutdown_ends_streams(own_server):
    server = own_server(config='drain_timeout = "1s"\n', models=fake_section()).start()
    with dial(server) as ws:
        ws.send('{"model":"speech"}')
        ws.send(samples(1))
        ws.recv(timeout=20)
        server.process.send_signal(signal.SIGTERM)
        got, close = drain(ws)
        assert got[-1]["type"] == "error" and close.code == 1013
    assert server.process.wait(20) is not None


def test_over_tls(own_server, tmp_path):
    from test_program import certificate
    certificate(tmp_path, "serval")
    server = own_server(config=f'[tls]\ncert = "{tmp_path}/tls.crt"\nkey = "{tmp_path}/tls.key"\n',
                        models=fake_section()).start(ready=False)
    context = ssl.create_default_context(cafile=tmp_path / "tls.crt")
    server.wait_until(lambda: httpx.get(f"https://127.0.0.1:{server.port}/readyz",
                                        verify=context).status_code == 200, "ready")
    with connect(f"wss://127.0.0.1:{server.port}{PATH}", ssl=context) as ws:
        got, close = talk(ws, samples(20), 100_000, partials=False)
        assert len(got) == 11 and close.code == 1000


JFK = ROOT / "tests/data/speech/jfk.flac"
SAYS = ("and so my fellow americans ask not what your country can do for you "
        "ask what you can do for your country")


class SoundInfo(ctypes.Structure):
    _fields_ = [("frames", ctypes.c_int64), *((name, ctypes.c_int) for name in (
        "samplerate", "channels", "format", "sections", "seekable"))]


@pytest.fixture(scope="module")
def jfk():
    """The samples of a speech, and how they are to be read."""
    lib = ctypes.CDLL("libsndfile.so.1")
    lib.sf_open.restype = ctypes.c_void_p
    lib.sf_readf_short.restype = ctypes.c_int64
    info = SoundInfo()
    file = ctypes.c_void_p(lib.sf_open(str(JFK).encode(), 0x10, ctypes.byref(info)))
    assert file
    samples = (ctypes.c_int16 * (info.frames * info.channels))()
    assert lib.sf_readf_short(file, samples, ctypes.c_int64(info.frames)) == info.frames
    lib.sf_close(file)
    return bytes(samples), {"sample_rate": info.samplerate, "channels": info.channels}


def spoken(got, kind="transcript.text.final"):
    text = "".join(m["text"] for m in got if m["type"] == kind)
    return " ".join("".join(c for c in text.lower() if c.isalpha() or c == " ").split())


def finals(got):
    return [(m["text"], m["start"], m["end"]) for m in got if m["type"] == "transcript.text.final"]


def test_whisper_hears_speech_as_it_comes(whisper, jfk):  # noqa: F811
    audio, form = jfk
    with dial(whisper) as ws:
        ws.send(json.dumps({"model": "speech", **form}))
        for at in range(0, len(audio), 17_640):  # a tenth of a second
            ws.send(audio[at:at + 17_640])
            time.sleep(0.02)
        ws.send('{"type": "end"}')
        got, close = drain(ws)
    assert close.code == 1000 and spoken(got) == SAYS
    assert len(finals(got)) > 2
    shown, end = "", 0
    for message in got[:-1]:
        assert message["latency_ms"] >= 0 and message["start"] >= end
        if message["type"] == "transcript.text.partial":
            assert message["text"].startswith(shown)
            shown = message["text"]
        else:
            shown, end = "", message["end"]
    assert got[-1]["type"] == "transcript.text.done" and got[-1]["language"] == "english"
    assert got[-1]["usage"]["seconds"] == pytest.approx(11, abs=0.01) and "failed" not in got[-1]


def test_whisper_says_the_same_however_the_audio_comes(whisper, jfk):  # noqa: F811
    audio, form = jfk
    heard = []
    for piece, partials in [(1 << 20, False), (1 << 20, True), (4410, True), (9999, False)]:
        with dial(whisper) as ws:
            got, close = talk(ws, audio, piece, partials=partials, **form)
        assert close.code == 1000
        assert partials or all(m["type"] != "transcript.text.partial" for m in got)
        heard.append(finals(got))
    assert heard[0] and heard == heard[:1] * 4


def test_whisper_hears_many_at_once_beside_a_file(whisper, jfk):  # noqa: F811
    audio, form = jfk
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(dial(whisper)) for _ in range(4)]
        for ws in sockets:
            ws.send(json.dumps({"model": "speech", **form}))
        for at in range(0, len(audio), 88_200):
            for ws in sockets:
                ws.send(audio[at:at + 88_200])
        reply = httpx.post(f"{whisper.url}/v1/audio/transcriptions", data={"model": "speech"},
                           files={"file": JFK.read_bytes()}, timeout=120)
        assert "your country" in reply.json()["text"]
        for ws in sockets:
            ws.send('{"type":"end"}')
        heard = [drain(ws) for ws in sockets]
    assert all(close.code == 1000 and spoken(got) == SAYS for got, close in heard)
    assert all(finals(got) == finals(heard[0][0]) for got, _ in heard)


def test_whisper_has_nothing_to_say_of_silence(whisper):  # noqa: F811
    for audio in (b"", bytes(5 * SECOND)):
        with dial(whisper) as ws:
            got, close = talk(ws, audio)
        assert [m["type"] for m in got] == ["transcript.text.done"] and close.code == 1000
        assert got[0]["usage"]["seconds"] == len(audio) / SECOND


def test_whisper_forgets_who_leaves(whisper, jfk):  # noqa: F811
    audio, form = jfk
    whisper.wait_idle()
    before = whisper.metric("serval_requests_total", code="cancelled")
    with dial(whisper) as ws:
        ws.send(json.dumps({"model": "speech", **form}))
        ws.send(audio[:900_000])
        ws.recv(timeout=60)
    whisper.wait_idle()
    assert whisper.metric("serval_requests_total", code="cancelled") == before + 1


@pytest.mark.parametrize("params, says", [
    ({"vad_min_silence_ms": 20_000}, "vad_min_silence_ms"),
    ({"language": "de"}, "knows English only"),
    ({"beam_size": 99}, "beam_size"),
    ({"sample_rate": 10}, "sample_rate"),
])
def test_whisper_names_what_is_wrong(whisper, params, says):  # noqa: F811
    with dial(whisper) as ws:
        ws.send(json.dumps({"model": "speech", **params}))
        got, close = drain(ws)
    assert close.code == 1008 and says in got[0]["error"]["message"]
