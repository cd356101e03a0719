"""Speech to text through the official client: against a plugin that answers as one for speech does,
and against the whisper plugin where it and its model are there."""
import io
import math
import socket
import struct
import wave

import httpx
import openai
import pytest

from server import MODELS, ROOT, Server

FAKE = ROOT / "build/tests/speech"
WHISPER = ROOT / "build/lib/serval/plugins/whisper.so"
TINY = MODELS / "whisper-tiny.en"
HEARD = "And so my fellow people, ask not what"  # by the fake, in four seconds


def wav(seconds, rate=16000, tone=440):
    """A WAV file; tone 0 is silence."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        samples = [int(8000 * math.sin(2 * math.pi * tone * i / rate)) or (1 if tone else 0)
                   for i in range(rate)]
        second = struct.pack(f"<{rate}h", *samples)
        file.writeframes(second * int(seconds) + second[:int(seconds % 1 * rate) * 2])
    return out.getvalue()


def fake_section(config=""):
    return (f'[plugins]\ndir = "{FAKE}"\n{config}'
            f'[[model]]\nname = "speech"\nplugin = "org.serval.test.speech"\npath = "{ROOT}/README.md"\n')


@pytest.fixture(scope="module")
def speech(tmp_path_factory):
    running = Server(tmp_path_factory.mktemp("speech"), models=fake_section()).start()
    yield running
    assert running.stop() == 0


def connect(server):
    return openai.OpenAI(base_url=f"{server.url}/v1", api_key="unused", max_retries=0, timeout=120)


@pytest.fixture(scope="module")
def client(speech):
    return connect(speech)


def transcribe(client, seconds=4, **more):
    return client.audio.transcriptions.create(model="speech", file=("a.wav", wav(seconds)), **more)


def test_json(client):
    answer = transcribe(client)
    assert answer.text == HEARD
    assert answer.usage.type == "duration" and answer.usage.seconds == 4


def test_text_srt_and_vtt(client):
    assert transcribe(client, response_format="text") == HEARD + "\n"
    assert transcribe(client, response_format="srt") == (
        "1\n00:00:00,000 --> 00:00:02,000\nAnd so my fellow\n\n"
        "2\n00:00:02,000 --> 00:00:04,000\npeople, ask not what\n\n")
    assert transcribe(client, response_format="vtt") == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:02.000\nAnd so my fellow\n\n"
        "00:00:02.000 --> 00:00:04.000\npeople, ask not what\n\n")


def test_verbose_json(client):
    answer = transcribe(client, 3.25, response_format="verbose_json")
    assert (answer.task, answer.language, answer.duration) == ("transcribe", "english", 3.25)
    assert answer.text == "And so my fellow people, ask not"
    assert [(s.id, s.start, s.end) for s in answer.segments] == [(0, 0, 2), (1, 2, 3.25)]
    assert answer.segments[1].text == " people, ask not" and answer.segments[1].seek == 200
    assert answer.segments[0].tokens == [1, 2] and answer.segments[0].avg_logprob == -0.2
    assert answer.words is None


def test_timestamps_of_words(client):
    answer = transcribe(client, response_format="verbose_json", timestamp_granularities=["word"])
    assert answer.segments is None
    assert [w.word for w in answer.words] == HEARD.split()
    assert (answer.words[4].start, answer.words[4].end) == (2, 2.5)
    both = transcribe(client, response_format="verbose_json",
                      timestamp_granularities=["word", "segment"])
    assert len(both.words) == 8 and len(both.segments) == 2


def test_stream(client):
    events = list(transcribe(client, 8, stream=True))
    assert [e.type for e in events] == ["transcript.text.delta"] * 4 + ["transcript.text.done"]
    assert "".join(e.delta for e in events[:-1]) == events[-1].text == f"{HEARD} {HEARD}"


def test_translation(client):
    answer = client.audio.translations.create(model="speech", file=("a.wav", wav(4)),
                                              response_format="verbose_json", temperature=0)
    assert answer.task == "translate" and answer.language == "english" and answer.text == HEARD
    assert client.audio.translations.create(model="speech", file=("a.wav", wav(4))).text == HEARD


def test_options_reach_the_model(client):
    answer = transcribe(
        client, language="de", prompt="Serval", temperature=0.2, response_format="verbose_json",
        chunking_strategy={"type": "server_vad", "threshold": 0.4, "silence_duration_ms": 300},
        extra_body={"hotwords": "GGUF", "beam_size": 5, "best_of": 2, "suppress_tokens": "-1",
                    "condition_on_previous_text": False, "seed": 3})
    assert answer.language == "german"
    pcm = client.audio.transcriptions.create(
        model="speech", file=("a.raw", wav(4)[44:]),
        extra_body={"encoding": "pcm_s16le", "sample_rate": 16000, "channels": 1})
    assert pcm.text == HEARD
    with pytest.raises(openai.BadRequestError) as refused:
        transcribe(client, language="Klingon")
    assert refused.value.param == "language"


def test_errors(client, speech):
    def refused(kind, **form):
        with pytest.raises(kind) as caught:
            client.audio.transcriptions.create(**{"model": "speech", "file": ("a.wav", wav(1)), **form})
        return caught.value

    assert refused(openai.BadRequestError, file=("a.txt", b"no audio")).param == "file"
    assert refused(openai.BadRequestError, file=("a.txt", b"")).param == "file"
    assert refused(openai.BadRequestError, temperature=2).param == "temperature"
    assert refused(openai.BadRequestError, extra_body={"beam_width": 2}).param == "beam_width"
    assert refused(openai.BadRequestError, extra_body={"beam_size": 99}).param == "beam_size"
    assert refused(openai.BadRequestError, include=["logprobs"]).param == "include"
    assert refused(openai.BadRequestError, stream=True, response_format="srt").param == "response_format"
    assert refused(openai.BadRequestError, stream=True, file=("a", b"no audio")).param == "file"
    assert refused(openai.NotFoundError, model="nothing").code == "model_not_found"
    url = f"{speech.url}/v1/audio/transcriptions"
    assert httpx.post(url, json={"model": "speech"}).status_code == 415
    assert httpx.post(url, data={"model": "speech"}, files={"sound": b"x"}).status_code == 400
    cut = httpx.Request("POST", url, data={"model": "speech"}, files={"file": wav(1)})
    reply = httpx.post(url, content=cut.read()[:-20], headers={"content-type": cut.headers["content-type"]})
    assert reply.status_code == 400 and "cut off" in reply.json()["error"]["message"]


def test_curl_sends_the_file_first(speech):
    reply = httpx.post(f"{speech.url}/v1/audio/transcriptions",
                       files=[("file", ("a.wav", wav(4))), ("model", (None, "speech"))])
    assert reply.json()["text"] == HEARD


def test_uploads_have_a_limit_of_their_own(own_server):
    server = own_server(config="[limits]\nbody = \"64KiB\"\naudio_upload = \"1MiB\"\n"
                               "queue_bytes = \"64KiB\"\n", models=fake_section()).start()
    assert transcribe(connect(server), 30).usage.seconds == 30
    with pytest.raises(openai.APIStatusError) as refused:
        transcribe(connect(server), 40)
    assert refused.value.status_code == 413


def test_an_upload_is_held_once(own_server):
    server = own_server(models=fake_section()).start()
    form = httpx.Request("POST", server.url, data={"model": "speech", "response_format": "text"},
                         files={"file": wav(2) + bytes(200 << 20)})
    body, peak = form.read(), server.rss()
    with socket.create_connection(("127.0.0.1", server.port)) as peer:
        peer.sendall(f"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n"
                     f"Content-Type: {form.headers['content-type']}\r\n\r\n".encode())
        for at in range(0, len(body), 1 << 20):
            peer.sendall(body[at:at + (1 << 20)])
            peak = max(peak, server.rss())
        before = peak
        peer.settimeout(60)
        assert peer.recv(100).startswith(b"HTTP/1.1 200")
    assert before < 300 << 20, f"{before >> 20} MiB for an upload of {len(body) >> 20} MiB"


class Upload:
    """A form that is sent piece by piece. fields: (name, value) or ("file", bytes) in their order."""

    def __init__(self, server, fields, path="/v1/audio/transcriptions"):
        self.body = b""
        for name, value in fields:
            file = '; filename="a.wav"' if isinstance(value, bytes) else ""
            value = value if isinstance(value, bytes) else value.encode()
            self.body += (f'--b\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode()
                          + value + b"\r\n")
        self.body += b"--b--\r\n"
        self.sent = 0
        self.peer = socket.create_connection(("127.0.0.1", server.port), timeout=60)
        self.peer.sendall(f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(self.body)}\r\n"
                          "Connection: close\r\nContent-Type: multipart/form-data; boundary=b\r\n\r\n".encode())

    def send(self, share=1.0):
        """Up to that share of the form."""
        end = int(len(self.body) * share)
        self.peer.sendall(self.body[self.sent:end])
        self.sent = end
        return self

    def answer(self):
        """Status and body."""
        reply = b""
        while piece := self.peer.recv(1 << 16):
            reply += piece
        self.close()
        head, _, body = reply.partition(b"\r\n\r\n")
        return int(head.split()[1]), body.decode()

    def close(self):
        self.peer.close()


def begins_while_it_arrives(server, fields):
    before = server.metric("serval_requests_total")
    upload = Upload(server, fields).send(0.7)
    server.wait_until(lambda: server.metric("serval_running") == 1, "the model has it")
    assert server.metric("serval_requests_total") == before
    return upload


def test_an_upload_is_heard_while_it_arrives(speech):
    upload = begins_while_it_arrives(speech, [("model", "speech"), ("file", wav(60))])
    status, body = upload.send().answer()
    assert status == 200 and body.count("And so my fellow people, ask not what") == 15
    assert '"seconds":60' in body


def test_what_follows_the_file_counts(speech):
    upload = begins_while_it_arrives(speech, [
        ("model", "speech"), ("file", wav(60)), ("language", "de"), ("response_format", "verbose_json")])
    status, body = upload.send().answer()
    assert status == 200 and '"language":"german"' in body and '"duration":60' in body
    upload = begins_while_it_arrives(speech, [("model", "speech"), ("file", wav(60)), ("langauge", "de")])
    status, body = upload.send().answer()
    assert status == 400 and "langauge" in body
    speech.wait_idle(seconds=5)


def test_what_is_wrong_with_a_long_upload_is_said(speech):
    status, body = Upload(speech, [("model", "nothing"), ("file", bytes(8 << 20))]).send(0.5).answer()
    assert status == 404 and "model_not_found" in body
    status, body = Upload(speech, [("model", "speech"), ("file", b"no audio" * (1 << 19))]).send().answer()
    assert status == 400 and '"param":"file"' in body


@pytest.mark.parametrize("stream", ["false", "true"])
def test_who_disconnects_is_cancelled(speech, client, stream):
    fields = [("model", "speech"), ("stream", stream), ("prompt", "slowly"), ("file", wav(2) * 500)]
    for share in (0.5, 1):
        before = speech.metric("serval_requests_total", code="cancelled")
        upload = Upload(speech, fields).send(share)
        speech.wait_until(lambda: speech.requests() == 1, "it runs")
        upload.close()
        speech.wait_idle(seconds=5)
        assert speech.metric("serval_requests_total", code="cancelled") == before + 1
    assert transcribe(client).text == HEARD


@pytest.fixture(scope="module")
def whisper(tmp_path_factory):
    if not WHISPER.exists() or not (TINY / "model.bin").exists():
        pytest.skip("the whisper plugin or its model is not there")
    section = f'[[model]]\nname = "speech"\nplugin = "org.serval.whisper"\npath = "{TINY}"\n'
    running = Server(tmp_path_factory.mktemp("whisper"), models=section).start()
    yield running
    assert running.stop() == 0


@pytest.mark.parametrize("form", ["json", "text", "srt", "vtt"])
def test_whisper_answers_in_every_form(whisper, form):
    answer = transcribe(connect(whisper), response_format=form)
    assert isinstance(answer, str) or isinstance(answer.text, str)


def test_whisper_says_what_it_heard_when(whisper):
    client = connect(whisper)
    answer = transcribe(client, 12, response_format="verbose_json",
                        timestamp_granularities=["segment", "word"])
    assert answer.task == "transcribe" and answer.language == "english"
    assert answer.duration == pytest.approx(12, abs=0.01)
    assert answer.text == "".join(s.text for s in answer.segments).strip()
    for piece in [*answer.segments, *answer.words]:
        assert 0 <= piece.start <= piece.end <= 12.5
    events = list(transcribe(client, 12, stream=True))
    assert "".join(e.delta for e in events[:-1]) == events[-1].text


def test_whisper_refuses_what_is_no_audio(whisper):
    with pytest.raises(openai.BadRequestError) as refused:
        connect(whisper).audio.transcriptions.create(model="speech", file=("a.wav", b"RIFF no audio"))
    assert refused.value.param == "file"


def test_whisper_hears_an_upload_while_it_arrives(whisper):
    pcm = (ROOT / "tests/data/speech/LJ001-0002.pcm").read_bytes()
    sound = wav(0.5)
    sound = sound[:44] + (pcm + bytes(29 * 32000)) * 5
    sound = sound[:40] + struct.pack("<I", len(sound) - 44) + sound[44:]
    whole = connect(whisper).audio.transcriptions.create(model="speech", file=("a.wav", sound))
    assert whole.text.count("modern") == 5
    before = whisper.metric("serval_plugin_windows_total")
    upload = Upload(whisper, [("model", "speech"), ("file", sound)]).send(0.7)
    whisper.wait_until(lambda: whisper.metric("serval_plugin_windows_total") > before, "a window is out")
    status, body = upload.send().answer()
    assert status == 200 and httpx.Response(200, text=body).json()["text"] == whole.text
