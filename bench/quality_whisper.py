#!/usr/bin/env python3
"""Word error rates of the whisper plugin over HTTP beside faster-whisper's, on the same clips.

    scripts/quality whisper [--side both|serval|peer] [--models NAME...] [--threads N]

A row a model and precision: word error rates, percent, after Whisper's English normaliser, of clips
one by one, of four hearings of each (as it is, a tenth slower, a tenth faster, a quarter as loud),
of all of them as one file, and of the four hearings when times are asked for too. In f32 with 30 s of true padding also the share of the clips whose
greedy tokens, times included, equal CTranslate2's. Exit status 1 when a rate is more than 0.3 points
above the peer's of the same precision, or fewer than 95 % of the clips agree. The clips alone have
so few words that 0.3 points are one of them; the hearings tell luck from skill.
"""

import argparse
import os
import pathlib
import subprocess
import sys

import numpy
from whisper_normalizer.english import EnglishTextNormalizer

import serving
import speech
import whisper_peer

MODELS = ["whisper-tiny.en", "whisper-base"]
# Serval's precision and the peer's that it is held against.
PRECISIONS = [("f32", "float32"), ("bf16", "float32"), ("int8", "int8")]
MOST_ABOVE, LEAST_AGREEING = 0.3, 95


def at_speed(factor):
    """Samples that are heard so many times as fast, pitch and all."""
    def change(samples):
        at = numpy.arange(int(len(samples) / factor)) * factor
        return numpy.interp(at, numpy.arange(len(samples)), samples)
    return change


CHANGES = [at_speed(0.9), at_speed(1.1), lambda samples: samples / 4]


class Judge:
    def __init__(self):
        self.normalise = EnglishTextNormalizer()

    def words(self, text):
        return self.normalise(speech.plain(text)).split()

    def rate(self, pairs):
        """Percent of wrong words over all (wanted, got) texts."""
        pairs = [(self.words(wanted), self.words(got)) for wanted, got in pairs]
        wrong = sum(speech.word_errors(wanted, got) for wanted, got in pairs)
        return 100 * wrong / sum(len(wanted) for wanted, _ in pairs)


class Audio:
    """What is to be heard: the clips' files, other hearings of them, and all of them as one."""

    def __init__(self, files):
        self.files = files
        self.everything = whisper_peer.as_wav(whisper_peer.joined(files.values()))
        samples = {stem: whisper_peer.samples(path) for stem, path in files.items()}
        self.again = [(stem, whisper_peer.as_wav(change(clip)))
                      for stem, clip in samples.items() for change in CHANGES]


def rates(judge, wanted, clip, whole, timed, audio):
    """(rate of the clips, of all hearings, of the one file, of all hearings with times); clip, whole
    and timed: bytes to text."""
    clips = [(stem, path.read_bytes()) for stem, path in audio.files.items()]

    def texts(hear, heard):
        return [(wanted[stem], hear(data)) for stem, data in heard]

    once, again = texts(clip, clips), texts(clip, audio.again)
    one = [(" ".join(wanted.values()), whole(audio.everything))]
    return [judge.rate(pairs) for pairs in
            (once, once + again, one, texts(timed, clips + audio.again))]


def without_last_times(tokens, timestamp_begin):
    """The last time comes once or twice, which makes no difference to the segments."""
    end = len(tokens)
    while end > 0 and tokens[end - 1] >= timestamp_begin:
        end -= 1
    return tokens[:end]


def agreement(client, peer, files):
    """Percent of the clips that get the same tokens, each padded to 30 s."""
    same = 0
    for stem, path in files.items():
        audio = whisper_peer.samples(path)
        audio = numpy.pad(audio, (0, 30 * speech.RATE - len(audio)))
        padded = whisper_peer.as_wav(audio)
        answer = client.transcribe(padded, "clip.wav", response_format="verbose_json", vad="false")
        ours = [token for segment in answer["segments"] for token in segment["tokens"]]
        # What was written to the file: rounded to 16 bits for both.
        heard = numpy.frombuffer(padded[44:], "<i2").astype(numpy.float32) / 32768
        theirs, begin = peer.window_tokens(heard)
        ours, theirs = without_last_times(ours, begin), without_last_times(theirs, begin)
        if ours == theirs:
            same += 1
        else:
            print(f"{stem}: {ours}\n{' ' * len(stem)}  {theirs}", file=sys.stderr)
    return 100 * same / len(files)


def in_columns(numbers):
    return " ".join(f"{number:.2f}" for number in numbers)


def judge_model(options, judge, folder, audio):
    """Prints the rows of a model; whether all are within the limits."""
    wanted, held, name = speech.transcripts(), True, folder.name
    peers = {}
    if options.side != "serval":
        for dtype in dict.fromkeys(theirs for _, theirs in PRECISIONS):
            peer = whisper_peer.Peer(folder, dtype, options.threads)
            peers[dtype] = rates(judge, wanted, peer.clip, peer.long, peer.clip_with_times, audio)
            print(f"QUALITY {name} faster-whisper {dtype} {in_columns(peers[dtype])}", flush=True)
    for dtype, theirs in PRECISIONS if options.side != "peer" else []:
        with serving.serval(speech.config(folder, dtype, options.threads, options.vad)) as (_, port):
            client = speech.Client(port)

            def heard(data, **fields):
                return client.transcribe(data, **fields)["text"]

            def timed(data):
                return heard(data, response_format="verbose_json")

            got = rates(judge, wanted, heard, heard, timed, audio)
            line = f"QUALITY {name} serval {dtype} {in_columns(got)}"
            if dtype == "f32" and options.side == "both":
                peer = whisper_peer.Peer(folder, theirs, options.threads)
                share = agreement(client, peer, audio.files)
                line += f", {share:.0f} % of the clips have CTranslate2's tokens"
                held = held and share >= LEAST_AGREEING
            print(line, flush=True)
        if theirs in peers and any(a > b + MOST_ABOVE for a, b in zip(got, peers[theirs])):
            print(f"{name} {dtype} is beyond its limits", file=sys.stderr)
            held = False
    return held


def main():
    models = pathlib.Path(os.environ.get("SERVAL_MODELS", serving.ROOT / "models")).absolute()
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", choices=["both", "serval", "peer"], default="both")
    parser.add_argument("--models", nargs="+", default=MODELS, metavar="NAME")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    options.vad = models / "silero-vad/silero_vad_16k.safetensors"
    for name in [*options.models, "silero-vad"]:
        subprocess.run([serving.ROOT / "scripts/get-model", name], check=True,
                       stdout=subprocess.DEVNULL)
    audio = Audio(whisper_peer.clip_files())
    judge = Judge()
    print("QUALITY model engine precision WER-of-clips WER-of-hearings WER-of-one-file "
          "WER-with-times")
    held = [judge_model(options, judge, models / name, audio) for name in options.models]
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
