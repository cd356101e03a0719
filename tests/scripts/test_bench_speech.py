"""The measuring parts of bench/ for speech count right."""

import contextlib
import importlib
import json
import threading
import time

import pytest
from websockets.sync.server import serve


@pytest.fixture
def bench(root, monkeypatch):
    monkeypatch.syspath_prepend(str(root / "bench"))
    return importlib.import_module


class Judge:
    def __init__(self, wrong=0):
        self.wrong = wrong

    def rate(self, pairs):
        self.pairs = pairs
        return self.wrong


@contextlib.contextmanager
def live_server(answers, seen=None):
    """Answers a stream, once its audio has ended, with these messages; `seen` gets its messages."""
    def handle(socket):
        messages = [socket.recv()]
        if answers and answers[0]["type"] != "error":
            while isinstance(messages[-1], bytes) or len(messages) == 1:
                messages.append(socket.recv())
        if seen is not None:
            seen.append(messages)
        for answer in answers:
            socket.send(json.dumps(answer))

    with serve(handle, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.socket.getsockname()[1]
        finally:
            server.shutdown()
            thread.join()


HEARD = [{"type": "transcript.text.partial", "text": " on", "start": 0, "end": 0.1,
          "latency_ms": 1},
         {"type": "transcript.text.final", "text": " one", "start": 0, "end": 0.2,
          "latency_ms": 40},
         {"type": "transcript.text.final", "text": " two", "start": 0.2, "end": 0.3,
          "latency_ms": 60},
         {"type": "transcript.text.done", "language": "english", "usage": {}}]


@pytest.fixture
def report(bench, monkeypatch):
    live = bench("whisper_live")
    monkeypatch.setattr(live, "PAUSE_SECONDS", 0.1)

    def run(port, judge=Judge(), streams=2):
        clips = [b"\1\0" * 4800, b"\2\0" * 4800]  # of 0.3 s
        return live.report("row", port, clips, streams, 0.5, judge, ["a", "b"], 15)

    run.live = live
    return run


def test_live_latencies(report, capsys):
    judge, seen = Judge(), []
    begin = time.perf_counter()
    with live_server(HEARD, seen) as port:
        report(port, judge)
    assert time.perf_counter() - begin > 0.8, "not in real time"
    line = capsys.readouterr().out
    assert line.startswith("row 4 final texts, 2 partial ones; ")
    assert "as the server says p50 60, most 60 ms" in line
    # The last sample of 0.2 s was sent 0.6 s before all of it was.
    client = float(line.split("client sees p50 ")[1].split(",")[0])
    assert 500 <= client < 2000
    assert judge.pairs == [("a b", " one two"), ("b a", " one two")]
    for messages in seen:
        assert json.loads(messages[0])["model"] == "speech"
        assert json.loads(messages[-1]) == {"type": "end"}
        assert len(b"".join(messages[1:-1])) == 2 * 2 * (4800 + 1600)


def test_live_audio_that_is_not_supported(report):
    answer = {"type": "error",
              "error": {"message": "model speech has no operation transcribe_stream"}}
    with live_server([answer]) as port, pytest.raises(report.live.Unsupported,
                                                      match="no operation"):
        report(port)


@pytest.mark.parametrize("answers, wrong, what", [
    ([{"type": "error", "error": {"message": "the model failed"}}], 0, "the model failed"),
    (HEARD[:-1], 0, "before all of it was done"),
    ([HEARD[-1] | {"failed": [{"start": 0, "end": 1, "why": "x"}]}], 0, "could not be made out"),
    ([HEARD[-1]], 0, "no final text"),
    ([{"type": "other"}], 0, "unknown message"),
    (HEARD, 16, "16 % of the words are wrong")])
def test_live_faults_stop_the_benchmark(report, answers, wrong, what):
    with live_server(answers) as port, pytest.raises(SystemExit, match=what):
        report(port, Judge(wrong), streams=1)


def test_words_until_a_time(bench):
    speech = bench("speech")
    clips = [(10.0, "a b c"), (4.0, "d e f g"), (5.0, "h")]
    assert speech.said_until(clips, 10.0) == "a b c"
    assert speech.said_until(clips, 12.3) == "a b c d e"
    assert speech.said_until(clips, 60.0) == "a b c d e f g h"
