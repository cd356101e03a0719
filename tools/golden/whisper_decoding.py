#!/usr/bin/env python3
"""Writes tests/golden/whisper_decoding: what others make of the same tokens, logits and weights.

    python3 -m venv venv
    venv/bin/pip install torch==2.15.0 faster-whisper==1.2.1 openai-whisper==20250625
    venv/bin/python tools/golden/whisper_decoding.py tests/golden/whisper_decoding models

A small tokenizer of Whisper's kind is trained here, so that most tests want no model; the second
argument is a folder with whisper-tiny.en and whisper-base for the cases of real tokenizers.

    tokenizer.json   the small tokenizer
    tokens.json      languages; for each tokenizer ids, texts, words and suppressed tokens
                     (faster_whisper.tokenizer, whisper.tokenizer); compression ratios
    rules.json       runs of tokens that whisper.decoding's filters rule out, and the normaliser
    segments.json    faster_whisper's _split_segments_by_timestamps
    words.json       weights of heads to states of tokens (whisper.timing), and the words that
                     faster_whisper's add_word_timestamps makes of them
"""
import json
import random
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import tokenizers
import torch
import whisper.decoding
import whisper.timing
import whisper.tokenizer
from faster_whisper.tokenizer import Tokenizer
from faster_whisper.transcribe import WhisperModel, get_compression_ratio
from tokenizers import decoders, models, pre_tokenizers, trainers

CORPUS = """And so, my fellow Americans, ask not what your country can do for you, ask what you can
do for your country. The quick brown fox jumps over the lazy dog. "Don't," he said - "it's 25 %
more." (Laughter) Für Elise, über Österreich. 日本語の文です。今日は良い天気です。你好，世界！""".replace("\n", " ")
STEERING = (["<|endoftext|>", "<|startoftranscript|>"]
            + [f"<|{code}|>" for code in ("en", "zh", "de", "ja")]
            + [f"<|{name}|>" for name in ("translate", "transcribe", "startoflm", "startofprev",
                                          "nospeech", "notimestamps")])
TEXTS = ["", " ", " And so, my fellow Americans", "Don't ask - \"not\" (what)...", " Für Elise",
         "日本語の文です。", "你好，世界！", " ♪♪ la la ♪", "a\n\tb  c", "🙂 ok", " 25 % more"]


def small_tokenizer():
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator([CORPUS] * 4, trainers.BpeTrainer(
        vocab_size=420, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    tokenizer.add_special_tokens(STEERING)
    return tokenizer


def token_cases(tokenizer, languages, multilingual):
    """What faster-whisper's tokenizer does with texts and rows of tokens."""
    def of(language):
        return Tokenizer(tokenizer, multilingual, "transcribe", language)
    one = of("en")
    rows = [one.encode(text) for text in TEXTS]
    rows += [[one.timestamp_begin] + one.encode(" so my") + [one.timestamp_begin + 62] * 2
             + one.encode(" fellow") + [one.eot]]
    words = []
    for language in languages:
        for text in TEXTS[1:] + [CORPUS]:
            tokens = one.encode(text)
            for row in (tokens + [one.eot], tokens[:-1] + [one.eot]):  # the second may break a word
                split = of(language).split_to_word_tokens(row)
                words.append({"language": language, "tokens": row,
                              "words": [[w, t] for w, t in zip(*split)]})
    return {"encode": [[text, one.encode(text)] for text in TEXTS],
            "decode": [[row, one.decode(row), one.decode_with_timestamps(row)] for row in rows],
            "words": words, "non_speech": list(one.non_speech_tokens),
            "blank": sorted(one.encode(" ") + [one.eot]),
            "special": {name: getattr(one, name) for name in (
                "sot", "eot", "transcribe", "translate", "sot_prev", "sot_lm", "no_speech",
                "no_timestamps", "timestamp_begin")}}


def logit(i, case):
    """Cheap numbers that a test can make too: exact in f32."""
    return ((i * 7919 + case * 104729) % 1009) / 64 - 8


def rule_cases(small):
    """The filters of openai-whisper in the order of its decoding, after the given tokens."""
    one = Tokenizer(small, True, "transcribe", "en")
    begin, size = one.timestamp_begin, one.timestamp_begin + 1501
    text = one.encode(" my fellow")
    histories = [[], [begin], [begin + 10], [begin + 10] + text, [begin + 10] + text + [begin + 70],
                 [begin] + text + [begin + 70] * 2, [begin] + text + [begin + 70] * 2 + text,
                 [begin + 5] + text + [begin + 1500]]
    out = []
    for case, tokens in enumerate(histories * 2):
        timestamps = case < len(histories)
        logits = torch.tensor([[logit(i, case) for i in range(size)]], dtype=torch.float32)
        shift = (-12, 9, 0)[case % 3]  # text wins, times win
        logits[:, begin:] += shift
        suppress = sorted(set(one.non_speech_tokens) | {
            one.transcribe, one.translate, one.sot, one.sot_prev, one.sot_lm, one.no_speech})
        filters = [whisper.decoding.SuppressBlank(one, 0),
                   whisper.decoding.SuppressTokens(suppress)]
        if timestamps:
            filters.append(whisper.decoding.ApplyTimestampRules(one, 0, 50))
        for rule in filters:
            rule.apply(logits, torch.tensor([tokens], dtype=torch.int64))
        gone = torch.isinf(logits[0]).tolist()
        runs, start = [], None
        for i in range(size + 1):
            if i < size and gone[i]:
                start = i if start is None else start
            elif start is not None:
                runs.append([start, i])
                start = None
        out.append({"case": case, "timestamps": timestamps, "shift": shift,
                    "tokens": tokens, "forbidden": runs,
                    "log_sum_exp": logits[0].logsumexp(0).item()})
    return out


def segment_cases(one, pick):
    whole = SimpleNamespace(time_precision=0.02, input_stride=2)
    begin, text = one.timestamp_begin, one.encode(" fellow Americans")
    rows = [text, [begin], [begin, *text], [begin, *text, begin + 100],
            [begin + 7, *text, begin + 100, begin + 100, *text, begin + 240],
            [begin + 7, *text, begin + 100, begin + 100, *text],
            [begin, *text, begin + 100, begin + 100],
            [begin, *text, begin + 100, begin + 130, *text, begin + 240, begin + 240]]
    for _ in range(20):  # segments at random, the last one closed or not
        row, at = [], pick.randrange(40)
        for _ in range(pick.randrange(1, 5)):
            row += [begin + at] + pick.choices(text, k=pick.randrange(1, 4))
            at += pick.randrange(1, 90)
            row += [begin + at]
        rows.append(row if pick.random() < .5 else row[:-1] if pick.random() < .5 else
                    row + [row[-1]])
    out = []
    for row in rows:
        frames, offset = pick.randrange(900, 3001), pick.randrange(0, 4000) / 100
        seek = round(offset * 100)
        made, _, _ = WhisperModel._split_segments_by_timestamps(
            whole, one, row, offset, frames, frames * 0.01, seek)
        out.append({"tokens": row, "frames": frames, "offset": offset,
                    "segments": [[s["start"], s["end"], s["tokens"]] for s in made]})
    return out


def aligned_states(weights, skip):
    """[heads, tokens, states] to pairs (token, state), by the steps of whisper.timing."""
    weights = torch.tensor(weights)
    std, mean = torch.std_mean(weights, dim=-2, keepdim=True, unbiased=False)
    weights = whisper.timing.median_filter((weights - mean) / std, 7)
    matrix = weights.mean(axis=0)[skip:-1]
    return whisper.timing.dtw_cpu(-matrix.double().numpy())


def made_weights(pick, heads, tokens, states, skip):
    """Attention that walks through the states, with noise, as softmax gives it."""
    rng = np.random.default_rng(pick.randrange(1 << 30))
    path = np.sort(rng.uniform(0, states, tokens - skip - 1))
    logits = rng.normal(0, 1.2, (heads, tokens, states))
    for row, middle in enumerate(path):
        logits[:, skip + row] += 4 * np.exp(-((np.arange(states) - middle) / 3) ** 2)
    weights = np.exp(logits)
    return np.round(weights / weights.sum(-1, keepdims=True), 5).astype(np.float32)


def word_cases(one, pick):
    """Segments of a window and made-up attention to words with times."""
    out = []
    sentences = [[" And so, my fellow Americans,"], [" ask not - \"what", " your country\" can do."],
                 [" Don't. It's more.", " (Laughter) The lazy dog!", " so"], [" a b c d e f g."]]
    for case in range(8):
        begin = one.timestamp_begin
        segments, offset, at = [], pick.randrange(0, 3000) / 100, 0
        for sentence in sentences[case % 4]:
            end = at + pick.randrange(30, 80)
            segments.append({"seek": round(offset * 100), "start": offset + at * .02,
                             "end": offset + end * .02,
                             "tokens": [begin + at] + one.encode(sentence) + [begin + end]})
            at = end + pick.randrange(0, 30)
        text = [t for s in segments for t in s["tokens"] if t < one.eot]
        heads, skip = 1 + case % 3, len(one.sot_sequence)
        tokens, frames = skip + 1 + len(text) + 1, 2 * at + pick.randrange(2, 9)
        weights = made_weights(pick, heads, tokens, frames // 2, skip)
        raised = [round(pick.uniform(2, 9), 2) for _ in text]
        probs = [np.exp(r) / (np.exp(r) + one.eot - 1) for r in raised]
        rows, states = aligned_states(weights, skip)
        answer = SimpleNamespace(text_token_probs=probs,
                                 alignments=list(zip(rows.tolist(), states.tolist())))
        model = SimpleNamespace(model=SimpleNamespace(align=lambda *a, **k: [answer]),
                                tokens_per_second=50, frames_per_second=100)
        model.find_alignment = lambda *a: WhisperModel.find_alignment(model, *a)
        case_in = [[s["start"], s["end"], s["tokens"]] for s in segments]
        last = max(0.0, offset - pick.choice([0, .5, 9]))
        end = WhisperModel.add_word_timestamps(
            model, [segments], one, None, frames, "\"'“¿([{-", "\"'.。,，!！?？:：”)]}、", last)
        first = {}
        for row, state in answer.alignments:
            first.setdefault(row, state)
        out.append({"offset": offset, "frames": frames, "heads": heads, "last_speech_end": last,
                    "segments": case_in, "weights": [round(float(w), 5) for w in weights.ravel()],
                    "raised": raised, "first_states": [first[r] for r in sorted(first)],
                    "speech_end": end,
                    "placed": [[s["start"], s["end"],
                                [[w["word"], w["start"], w["end"], float(w["probability"])]
                                 for w in s["words"]]] for s in segments]})
    return out


def main(folder, weights):
    folder.mkdir(parents=True, exist_ok=True)
    pick = random.Random(6)
    small = small_tokenizer()
    small.save(str(folder / "tokenizer.json"), pretty=False)
    one = Tokenizer(small, True, "transcribe", "en")

    def write(name, value):
        (folder / name).write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":"))
                                   + "\n")

    def real(name):
        return tokenizers.Tokenizer.from_file(str(weights / name / "tokenizer.json"))
    texts = TEXTS + [CORPUS, "la la " * 60, "so " * 3]
    write("tokens.json", {
        "languages": list(whisper.tokenizer.LANGUAGES.items()),
        "names": list(whisper.tokenizer.TO_LANGUAGE_CODE.items()),
        "small": token_cases(small, ["en", "ja"], True),
        "whisper-tiny.en": token_cases(real("whisper-tiny.en"), ["en"], False),
        "whisper-base": token_cases(real("whisper-base"), ["de", "zh"], True),
        "compression": [[text, get_compression_ratio(text) if text else 0] for text in texts]})
    write("rules.json", rule_cases(small))
    write("segments.json", segment_cases(one, pick))
    write("words.json", word_cases(one, pick))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
