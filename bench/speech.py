"""Speech for benchmarks and quality: clips with transcripts, WAV files, word errors, HTTP."""

import http.client
import json
import pathlib
import struct
import time

import serving

FOLDER = serving.ROOT / "bench/data/speech"
RATE = 16000
GAP_SECONDS = 0.3  # between clips that are joined


def transcripts(folder=FOLDER):
    """{stem: what is said}, in the file's order."""
    lines = (folder / "transcripts.tsv").read_text(encoding="utf-8").splitlines()
    return dict(line.split("\t", 1) for line in lines)


def said_until(clips, seconds):
    """The words up to a time of joined clips (their seconds, what is said): of the clip that the
    time cuts as many as fit its part."""
    words = []
    for length, said in clips:
        own = said.split()
        words += own[:round(len(own) * min(1, max(0, seconds / length)))]
        seconds -= length + GAP_SECONDS
    return " ".join(words)


def wav(pcm):
    """16 kHz mono 16-bit samples as a WAV file."""
    return struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(pcm), b"WAVE", b"fmt ", 16, 1, 1,
                       RATE, 2 * RATE, 2, 16, b"data", len(pcm)) + pcm


def plain(text):
    """Text for the normaliser, which would delete what stands in brackets."""
    return text.translate(str.maketrans("()[]{}<>", " " * 8))


def word_errors(wanted, got):
    """Edits between two lists of words: substitutions, deletions and insertions."""
    row = list(range(len(got) + 1))
    for i, word in enumerate(wanted, 1):
        corner, row[0] = row[0], i
        for j, other in enumerate(got, 1):
            corner, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, corner + (word != other))
    return row[-1]


def form(fields, audio, name):
    """(content type, body) of a multipart form with one file."""
    mark = "serval-bench-boundary"
    parts = [f'--{mark}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'
             for key, value in fields.items()]
    head = (f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
            f"Content-Type: application/octet-stream\r\n\r\n")
    body = "".join(parts).encode() + head.encode() + audio + f"\r\n--{mark}--\r\n".encode()
    return f"multipart/form-data; boundary={mark}", body


def at_pace(body, bytes_per_second):
    """The body piece by piece, as a line of that speed lets it through."""
    begin, piece = time.perf_counter(), 1 << 16
    for at in range(0, len(body), piece):
        yield body[at:at + piece]
        time.sleep(max(0, begin + (at + piece) / bytes_per_second - time.perf_counter()))


class Client:
    """One connection to a Serval, for one request after the other. bytes_per_second: of its line,
    None: as fast as it goes."""

    def __init__(self, port, model="speech", bytes_per_second=None):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
        self.model, self.bytes_per_second = model, bytes_per_second

    def transcribe(self, audio, name="clip.flac", **fields):
        """The answer, parsed. fields: of the form, beside model and file."""
        kind, body = form({"model": self.model, "language": "en", **fields}, audio, name)
        headers = {"Content-Type": kind, "Content-Length": str(len(body))}
        if self.bytes_per_second:
            body = at_pace(body, self.bytes_per_second)
        self.connection.request("POST", "/v1/audio/transcriptions", body, headers)
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise SystemExit(f"the server said {answer.status}: {text[:2000].decode()}")
        return json.loads(text)


def config(folder, dtype, threads, vad=None):
    """The TOML of a Serval that serves a Whisper folder as "speech"."""
    lines = ["[[model]]", 'name = "speech"', 'plugin = "org.serval.whisper"', f'path = "{folder}"',
             "[model.config]", f"threads = {threads}", f'dtype = "{dtype}"']
    if vad:
        lines.append(f'vad_model = "{vad}"')
    return "\n".join(lines) + "\n"
