#!/usr/bin/env python3
"""The whisper plugin over HTTP against faster-whisper in this process: the same files by turns.

    bench/run whisper [--quick] [--models NAME...] [--rows NAME,...] [--pairs N] [--threads N]

Rows are MODEL-NAME-PRECISION: the peer's precision, Serval always has its default one. Both search
greedily, and a side whose text is wrong stops the benchmark.

    clip        one clip of 11 s: milliseconds from its bytes to its text
    clips       21 clips one by one: seconds of audio a second
    long        7.5 minutes in one file, cut by each side's VAD, the peer in batches: the same
    upload      the long file over a line of 100 Mbit/s, from its first byte to its text: the same.
                The peer takes whole files, so it begins when the line is done
    8-clients   clips from 8 clients at a time: the same, in total. The peer is called by 8 threads,
                with one worker or with as many as it has threads, whichever is faster here
    chunk       30 s cut from the long file: milliseconds
    encode      the encoder alone, 30 s: milliseconds. Serval's makes the decoder's keys and values
                too, which the peer makes in its first step
    live        over the WebSocket in real time, without a peer: from the end of speech to its text

For milliseconds the ratio is the peer's by Serval's, so that a larger one is better in every row.
"""

import argparse
import collections
import concurrent.futures
import os
import pathlib
import statistics
import sys
import time

import offline
import serving
import speech
import whisper_live
import whisper_peer
from compare import by_turns
from quality_whisper import Judge
from roof import default_precision, mac_rates

MODELS = ["whisper-tiny.en", "whisper-base"]
LIVE_MODEL = "whisper-base"
PRECISIONS = {"int8": "int8", "f32": "float32"}  # of the peer, as CTranslate2 calls them
CLIENTS = 8
CHUNK_SECONDS = 30
LINE = 100e6 / 8  # bytes a second
PAUSE_SECONDS = 0.3  # before a turn: OpenMP's threads may spin for a while after the peer's
MOST_WRONG = 15      # percent of the words
SHAPES = {"whisper-tiny.en": (384, 4), "whisper-base": (512, 6)}  # width, layers of the encoder
STATES, MELS = 1500, 80

Clip = collections.namedtuple("Clip", "data seconds said")


class Roof:
    """The least time of an encoder on 30 s in the default precision: of int8, convolutions and
    attention are in bf16."""

    def __init__(self, threads):
        self.rates = mac_rates(threads)

    def encode_ms(self, model):
        if model not in SHAPES:
            return None
        width, layers = SHAPES[model]
        products = layers * 12 * width**2 * STATES
        rest = (2 * 3 * MELS * width + 3 * width**2 + layers * 2 * width * STATES) * STATES
        print(f"{model}: {(products + rest) / 1e9:.1f} G MAC to encode 30 s")
        precision = default_precision()
        return 1e3 * (products / self.rates[precision]
                      + rest / self.rates["bf16" if precision == "int8" else "f32"])


class Material:
    """What is said to both sides."""

    def __init__(self, quick):
        files, said = whisper_peer.clip_files(), speech.transcripts()
        loops = 1 if quick else 3
        self.clips = [Clip(path.read_bytes(), len(whisper_peer.samples(path)) / speech.RATE,
                           said[stem]) for stem, path in files.items()]
        self.one = self.clips[list(files).index("jfk")]
        audio = whisper_peer.joined(files.values(), loops)
        self.long = Clip(whisper_peer.as_wav(audio), len(audio) / speech.RATE,
                         " ".join([*said.values()] * loops))
        self.chunk_samples = audio[:CHUNK_SECONDS * speech.RATE]
        self.chunk = Clip(whisper_peer.as_wav(self.chunk_samples), CHUNK_SECONDS,
                          speech.said_until([clip[1:] for clip in self.clips], CHUNK_SECONDS))
        self.pcm = [whisper_peer.as_wav(whisper_peer.samples(path))[44:]
                    for path in files.values()]


def median_ms(run, clip, count):
    """(milliseconds, [(said, heard)])."""
    times = []
    for _ in range(count):
        begin = time.perf_counter()
        heard = run(clip.data)
        times.append(1e3 * (time.perf_counter() - begin))
    return statistics.median(times), [(clip.said, heard)]


def speed(runs, clips):
    """Each of `runs` takes clip after clip; (seconds of audio a second, [(said, heard)])."""
    left = collections.deque(clips)

    def take(run):
        done = []
        while True:
            try:
                clip = left.popleft()
            except IndexError:
                return done
            done.append((clip.said, run(clip.data)))

    begin = time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(len(runs)) as pool:
        done = list(pool.map(take, runs))
    seconds = time.perf_counter() - begin
    return sum(clip.seconds for clip in clips) / seconds, [pair for part in done for pair in part]


class Bench:
    def __init__(self, options, material, judge, roof, model, port):
        self.options, self.material, self.judge, self.roof = options, material, judge, roof
        self.model, self.folder, self.port = model, options.folder / model, port
        self.count = 3 if options.quick else 10
        self.clips = material.clips[:6] if options.quick else material.clips
        self.peers = {}
        self.ours = self.client()

    def client(self, bytes_per_second=None, **fields):
        connection = speech.Client(self.port, bytes_per_second=bytes_per_second)
        return lambda audio: connection.transcribe(audio, **fields)["text"]

    def peer(self, precision, workers=1):
        key = precision, workers
        if key not in self.peers:
            self.peers[key] = whisper_peer.Peer(self.folder, PRECISIONS[precision],
                                                self.options.threads, workers)
        return self.peers[key]

    def checked(self, who, result):
        figure, texts = result
        wrong = self.judge.rate(texts) if texts else 0
        if wrong > MOST_WRONG:
            raise SystemExit(f"{who} got {wrong:.0f} % of the words wrong with {self.model}")
        return figure

    def turns(self, name, ours, theirs, limit=None, less_is_better=False):
        """ours, theirs: () -> (figure, [(said, heard)]); each is run once before it counts."""
        def side(who, run):
            def turn(_):
                time.sleep(PAUSE_SECONDS)
                return [self.checked(who, run())]
            return turn

        row = f"{self.model.removeprefix('whisper-')}-{name}"
        sides = side("Serval", ours), side("faster-whisper", theirs)
        for turn in sides:
            turn(None)
        by_turns([row], self.options.pairs, *sides, [limit], less_is_better)

    def clip(self):
        for precision in PRECISIONS:
            peer, clip = self.peer(precision), self.material.one
            self.turns(f"clip-{precision}", lambda: median_ms(self.ours, clip, self.count),
                       lambda: median_ms(peer.clip, clip, self.count), less_is_better=True)

    def clips_one_by_one(self):
        for precision in PRECISIONS:
            peer = self.peer(precision)
            self.turns(f"clips-{precision}", lambda: speed([self.ours], self.clips),
                       lambda: speed([peer.clip], self.clips))

    def long(self):
        with_vad = self.client(vad="true")
        for precision in PRECISIONS:
            peer = self.peer(precision)
            self.turns(f"long-{precision}", lambda: speed([with_vad], [self.material.long]),
                       lambda: speed([peer.long], [self.material.long]))

    def upload(self):
        slow, clip = self.client(LINE, vad="true"), self.material.long
        peer = self.peer("int8")

        def theirs(data):
            for _ in speech.at_pace(data, LINE):
                pass
            return peer.long(data)

        self.turns("upload-int8", lambda: speed([slow], [clip]), lambda: speed([theirs], [clip]))

    def many_clients(self):
        work = self.clips * 2
        clients = [self.client() for _ in range(CLIENTS)]
        figures = {}
        for workers in {1, self.options.threads}:
            peer = self.peer("int8", workers)
            speed([peer.clip] * CLIENTS, self.clips[:CLIENTS])  # warm-up
            figures[workers] = speed([peer.clip] * CLIENTS, work)[0]
        print(f"{self.model}: the peer with so many workers: " + ", ".join(
            f"{workers}: {figure:.1f}" for workers, figure in figures.items()))
        peer = self.peer("int8", max(figures, key=figures.get))
        self.turns(f"{CLIENTS}-clients-int8", lambda: speed(clients, work),
                   lambda: speed([peer.clip] * CLIENTS, work))

    def chunk(self):
        peer, clip = self.peer("int8"), self.material.chunk
        self.turns("chunk-int8", lambda: median_ms(self.ours, clip, self.count),
                   lambda: median_ms(peer.clip, clip, self.count), less_is_better=True)

    def encode(self):
        precision = default_precision()

        def ours():
            lines = offline.output([offline.BIN / "serval-whisper-bench", self.folder, precision,
                                    "bf16" if precision == "int8" else "f32",
                                    self.options.threads, self.count, "encode"]).splitlines()
            return [float(line.split()[3]) for line in lines
                    if line.startswith(f"encode {STATES:4} states")][0]

        def theirs(peer, features):
            times = []
            for _ in range(self.count):
                begin = time.perf_counter()
                peer.encode(features)
                times.append(1e3 * (time.perf_counter() - begin))
            return min(times)

        limit = self.roof.encode_ms(self.model)
        for theirs_in in PRECISIONS:
            peer = self.peer(theirs_in)
            features = peer.features(self.material.chunk_samples)
            self.turns(f"encode-{theirs_in}", lambda: (ours(), []),
                       lambda: (theirs(peer, features), []), limit, less_is_better=True)

    def live(self):
        for streams in (1, CLIENTS):
            try:
                whisper_live.report(f"{self.model.removeprefix('whisper-')}-live-{streams}",
                                    self.port, self.material.pcm, streams,
                                    20 if self.options.quick else 60, self.judge,
                                    [clip.said for clip in self.material.clips], MOST_WRONG)
            except whisper_live.Unsupported as why:
                print(f"{self.model.removeprefix('whisper-')}-live skipped: {why}")
                return


ROWS = {"clip": Bench.clip, "clips": Bench.clips_one_by_one, "long": Bench.long,
        "upload": Bench.upload,
        f"{CLIENTS}-clients": Bench.many_clients, "chunk": Bench.chunk, "encode": Bench.encode,
        "live": Bench.live}


def main():
    models = pathlib.Path(os.environ.get("SERVAL_MODELS", serving.ROOT / "models")).absolute()
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="shorter and fewer turns")
    parser.add_argument("--models", nargs="+", default=MODELS, metavar="NAME")
    parser.add_argument("--rows", default=",".join(ROWS), help="default: %(default)s")
    parser.add_argument("--pairs", type=int, default=0, help="turns of a row")
    parser.add_argument("--threads", type=int, default=2, help="of each side")
    options = parser.parse_args()
    options.folder, options.pairs = models, options.pairs or (2 if options.quick else 5)
    rows = options.rows.split(",")
    if unknown := set(rows) - set(ROWS):
        parser.error(f"no row {', '.join(sorted(unknown))}; there are {', '.join(ROWS)}")
    material, judge, roof = Material(options.quick), Judge(), Roof(options.threads)
    print(f"Serval's default precision is {default_precision()} here")
    print("      row serval peer ratio share-of-roof")
    for model in options.models:
        config = speech.config(models / model, "auto", options.threads,
                               models / "silero-vad/silero_vad_16k.safetensors")
        # A connection waits for the peer's turns.
        with serving.serval(f'[limits]\nidle = "1h"\n{config}') as (_, port):
            bench = Bench(options, material, judge, roof, model, port)
            for row in rows:
                if row != "live" or model == LIVE_MODEL:
                    ROWS[row](bench)


if __name__ == "__main__":
    sys.exit(main())
