"""faster-whisper in this process: the peer of the whisper plugin. Run by the Python that
bench/peers/faster_whisper prints."""

import io
import pathlib

import numpy
from faster_whisper import BatchedInferencePipeline, WhisperModel, decode_audio
from faster_whisper.audio import pad_or_trim
from faster_whisper.tokenizer import Tokenizer
from faster_whisper.transcribe import get_suppressed_tokens

import speech

GREEDY = dict(language="en", beam_size=1)
TEXT = dict(**GREEDY, without_timestamps=True, condition_on_previous_text=False)
BATCH = 8


def samples(path):
    return decode_audio(str(path), sampling_rate=speech.RATE)


def joined(paths, loops=1):
    """All files one after the other, with a gap behind each."""
    gap = numpy.zeros(int(speech.GAP_SECONDS * speech.RATE), numpy.float32)
    return numpy.concatenate([part for path in paths for part in (samples(path), gap)] * loops)


def as_wav(audio):
    return speech.wav((numpy.clip(audio, -1, 1) * 32767).round().astype("<i2").tobytes())


class Peer:
    """workers: clips that can be transcribed at a time, each with its share of the threads."""

    def __init__(self, folder, dtype, threads, workers=1):
        self.model = WhisperModel(str(folder), device="cpu", compute_type=dtype,
                                  cpu_threads=max(1, threads // workers), num_workers=workers)
        self.batched = BatchedInferencePipeline(self.model)

    def clip(self, audio, **options):
        """The text of a file's bytes."""
        segments, _ = self.model.transcribe(io.BytesIO(audio), **{**TEXT, **options})
        return "".join(segment.text for segment in segments)

    def clip_with_times(self, audio):
        return self.clip(audio, without_timestamps=False)

    def long(self, audio):
        """The text of a file's bytes, cut by its VAD, in batches."""
        segments, _ = self.batched.transcribe(io.BytesIO(audio), batch_size=BATCH, **GREEDY)
        return "".join(segment.text for segment in segments)

    def features(self, audio):
        """The log-mel spectrogram of 30 s."""
        return pad_or_trim(self.model.feature_extractor(audio))

    def encode(self, features):
        self.model.encode(features)

    def window_tokens(self, audio):
        """Greedy tokens of 30 s, times among them; never tried at another temperature."""
        tokenizer = Tokenizer(self.model.hf_tokenizer, self.model.model.is_multilingual,
                              "transcribe", "en")
        result = self.model.model.generate(
            self.model.encode(self.features(audio)), [tokenizer.sot_sequence], beam_size=1,
            suppress_tokens=list(get_suppressed_tokens(tokenizer, [-1])))[0]
        return result.sequences_ids[0], tokenizer.timestamp_begin


def clip_files(folder=speech.FOLDER):
    """{stem: path}, those that have a transcript."""
    return {stem: pathlib.Path(folder, stem + ".flac") for stem in speech.transcripts(folder)}
