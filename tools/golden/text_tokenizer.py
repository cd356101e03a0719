#!/usr/bin/env python3
"""Writes tests/golden/text_tokenizer/: what the reference makes of 10,000 strings with tokenizer.json files.

The reference is the `tokenizers` package. Small vocabularies of every kind are trained here, with the
normalisers, pre-tokenizers, post-processors and decoders that published models of that kind have; the
packs all-minilm-l6-v2 and all-mpnet-base-v2 bring the real ones of BERT and MPNet.

    pip install tokenizers==0.23.3 sentencepiece==0.2.3 protobuf==7.36.2 gguf==0.19.0
    python3 tools/golden/text_tokenizer.py [--models DIR]    # DIR as scripts/get-model fills it

Files:
    NAME.json    a tokenizer.json
    NAME.gold    a u32 for each string of tests/golden/tokenizer/strings.bin: FNV-1a of 32 bits over what
                 rows_of() writes. In the strings <|im_start|> and <|endoftext|> are replaced by MARKS.
"""
import argparse
import collections
import io
import json
import pathlib
import struct

import sentencepiece
from sentencepiece import sentencepiece_model_pb2 as pb
from tokenizers import (AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors,
                        trainers)

from tokenizer import QWEN2, text_of
from tokenizer_strings import strings

ROOT = pathlib.Path(__file__).parents[2]
OUT = ROOT / "tests/golden/text_tokenizer"
O200K = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
         r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
         r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
MARKS = {"roberta": ("<mask>", "</s>"), "xlm-r": ("<mask>", "</s>"), "albert": ("[MASK]", "[SEP]"), "gemma": ("<mask>", "<eos>"),
         "t5": ("<extra_id_0>", "</s>"), "all-mpnet-base-v2": ("<mask>", "</s>")}


def marks_of(name):
    return MARKS.get(name, ("[MASK]", "[SEP]"))


def fnv32(data):
    value = 0x811C9DC5
    for byte in data:
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return value


def packed(encoding):
    out = struct.pack("<I", len(encoding.ids))
    for row in zip(encoding.ids, encoding.offsets, encoding.type_ids, encoding.special_tokens_mask):
        out += struct.pack("<5i", row[0], *row[1], row[2], row[3])
    return out


def rows_of(tokenizer, texts, i):
    """One text in full; the text of its ids; the text and the next one, cut at one of the ends; without special tokens."""
    tokenizer.no_truncation()
    single = tokenizer.encode(texts[i])
    out = packed(single) + tokenizer.decode(single.ids, skip_special_tokens=i % 2 == 1).encode()
    tokenizer.enable_truncation(8 + i % 57, direction="left" if i % 3 == 2 else "right")
    out += packed(tokenizer.encode(texts[i], texts[(i + 1) % len(texts)]))
    return out + packed(tokenizer.encode(texts[i], add_special_tokens=False))


def write_gold(name, path, texts):
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    mask, sep = marks_of(name)
    texts = [t.replace("<|im_start|>", mask).replace("<|endoftext|>", sep) for t in texts]
    with open(OUT / f"{name}.gold", "wb") as out:
        for i in range(len(texts)):
            out.write(struct.pack("<I", fnv32(rows_of(tokenizer, texts, i))))


def save(name, tokenizer):
    data = json.loads(tokenizer.to_str())
    (OUT / f"{name}.json").write_text(json.dumps(data, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")


def template(cls, sep, tokenizer, second=1):
    return processors.TemplateProcessing(
        single=f"{cls} $A {sep}", pair=f"{cls} $A {sep} $B:{second} {sep}:{second}",
        special_tokens=[(cls, tokenizer.token_to_id(cls)), (sep, tokenizer.token_to_id(sep))])


def bert_cased(texts):
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False, strip_accents=None)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.train_from_iterator(texts, trainers.WordPieceTrainer(
        vocab_size=2000, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], show_progress=False))
    tokenizer.add_tokens([AddedToken("Kubernetes", single_word=True), AddedToken("İstanbul é", rstrip=True), AddedToken("don't", lstrip=True)])
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.decoder = decoders.WordPiece()
    return tokenizer


def byte_bpe(texts, pre, specials, size=1500):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre
    tokenizer.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=size, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=specials, show_progress=False))
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def roberta(texts):
    tokenizer = byte_bpe(texts, pre_tokenizers.ByteLevel(add_prefix_space=True), ["<s>", "<pad>", "</s>", "<unk>"])
    tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True, normalized=False)])
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=True)
    return tokenizer


def modernbert(texts):
    tokenizer = byte_bpe(texts, pre_tokenizers.ByteLevel(add_prefix_space=False), ["[UNK]", "[CLS]", "[SEP]", "[PAD]"])
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.add_tokens([AddedToken(" " * n, normalized=True) for n in range(24, 1, -1)] + [AddedToken("|||IP_ADDRESS|||")])
    tokenizer.add_special_tokens([AddedToken("[MASK]", lstrip=True, normalized=True)])
    tokenizer.post_processor = template("[CLS]", "[SEP]", tokenizer, second=0)
    return tokenizer


def qwen(texts):
    split = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(QWEN2), "isolated"),
                                     pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False)])
    tokenizer = byte_bpe(texts, split, ["[SEP]", "[MASK]"])
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=False),
        processors.TemplateProcessing(single="$A [SEP]", pair="$A $B:0 [SEP]", special_tokens=[("[SEP]", 0)])])
    return tokenizer


def o200k(texts):
    split = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(O200K), "removed", invert=True),
                                     pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer = byte_bpe(texts, split, ["[SEP]", "[MASK]"])
    data = json.loads(tokenizer.to_str())
    data["model"]["ignore_merges"] = True
    data["model"]["vocab"]["\u0120whichever"] = len(data["model"]["vocab"])
    tokenizer = Tokenizer.from_str(json.dumps(data))
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=True, add_prefix_space=False)
    return tokenizer


def spm(texts, **options):
    """On strings of characters that are not rare: the rest is left to the unknown token."""
    seen = collections.Counter("".join(texts))
    rows = [t for t in texts if t.strip() and "\0" not in t and all(seen[c] >= 12 for c in t)]
    out = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(rows), model_writer=out, max_sentence_length=100000, num_threads=1,
                                             minloglevel=2, **options)
    model = pb.ModelProto()
    model.ParseFromString(out.getvalue())
    return model


def unigram(model, byte_fallback=False):
    return Tokenizer(models.Unigram([(p.piece, p.score) for p in model.pieces], unk_id=model.trainer_spec.unk_id,
                                    byte_fallback=byte_fallback))


def xlm_r(texts):
    model = spm(texts, model_type="unigram", vocab_size=1800, character_coverage=0.995, normalization_rule_name="nmt_nfkc",
                bos_id=0, pad_id=1, eos_id=2, unk_id=3)
    tokenizer = unigram(model)
    tokenizer.normalizer = normalizers.Sequence([
        normalizers.Precompiled(model.normalizer_spec.precompiled_charsmap), normalizers.Replace(Regex(" {2,}"), " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(prepend_scheme="always")])
    tokenizer.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>", AddedToken("<mask>", lstrip=True, normalized=False)])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    tokenizer.decoder = decoders.Metaspace()
    return tokenizer


def t5(texts):
    model = spm([t for t in texts if not t or max(t) < "\u0500"], model_type="unigram", vocab_size=1200, character_coverage=0.98,
                normalization_rule_name="identity", byte_fallback=True, pad_id=0, eos_id=1, unk_id=2, bos_id=-1)
    tokenizer = unigram(model, byte_fallback=True)
    tokenizer.normalizer = normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC(), normalizers.Strip(left=False, right=True),
                                                 normalizers.Replace(Regex(" {2,}"), "\u2581")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    tokenizer.add_special_tokens([AddedToken(f"<extra_id_{i}>", rstrip=True) for i in range(3)] + ["<pad>", "</s>", "<unk>"])
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)])
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace(prepend_scheme="first")])
    return tokenizer


def albert(texts):
    lower = normalizers.Sequence([normalizers.Replace("``", '"'), normalizers.Replace("''", '"'), normalizers.NFKD(),
                                  normalizers.StripAccents(), normalizers.Lowercase()])
    model = spm([lower.normalize_str(t) for t in texts], model_type="unigram", vocab_size=1800, character_coverage=0.995,
                normalization_rule_name="identity", control_symbols=["[CLS]", "[SEP]", "[MASK]"], pad_id=0, unk_id=1, bos_id=-1, eos_id=-1)
    tokenizer = unigram(model)
    tokenizer.normalizer = lower
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    tokenizer.add_special_tokens(["[CLS]", "[SEP]", AddedToken("[MASK]", lstrip=True)])
    tokenizer.add_tokens([AddedToken("ÉTÉ Straße")])
    tokenizer.post_processor = template("[CLS]", "[SEP]", tokenizer)
    tokenizer.decoder = decoders.Metaspace()
    return tokenizer


def gemma(texts):
    """SentencePiece's BPE as it is converted: characters, with bytes for those that are unknown."""
    latin = [t.replace(" ", "\u2581") for t in texts if t and max(t) < "\u0500"]
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    specials = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"] + [f"<0x{b:02X}>" for b in range(256)]
    tokenizer.pre_tokenizer = pre_tokenizers.Split("\u2581", "merged_with_next")
    tokenizer.train_from_iterator(latin, trainers.BpeTrainer(vocab_size=1800, special_tokens=specials, show_progress=False))
    data = json.loads(tokenizer.to_str())
    data["added_tokens"] = [t for t in data["added_tokens"] if not t["content"].startswith("<0x")]
    tokenizer = Tokenizer.from_str(json.dumps(data))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<bos> $A <eos>", pair="<bos> $A <eos> <bos>:1 $B:1 <eos>:1", special_tokens=[("<bos>", 2), ("<eos>", 1)])
    tokenizer.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(),
                                           decoders.Strip(" ", 1, 0)])
    return tokenizer


def word_level(texts):
    tokenizer = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFD(), normalizers.Strip(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Whitespace(), pre_tokenizers.Digits(individual_digits=False), pre_tokenizers.Punctuation("contiguous"),
        pre_tokenizers.CharDelimiterSplit("x"), pre_tokenizers.Split("e", "merged_with_next"),
        pre_tokenizers.Split(Regex("[a-f]+?(?=[^a-f])|\\d$"), "contiguous")])
    tokenizer.train_from_iterator(texts, trainers.WordLevelTrainer(vocab_size=1000, special_tokens=["[UNK]", "[SEP]", "[MASK]"], show_progress=False))
    return tokenizer


def clip(texts):
    """Characters with a suffix at the end of a word and a prefix within."""
    tokenizer = Tokenizer(models.BPE(unk_token="[UNK]", end_of_word_suffix="</w>", continuing_subword_prefix="~"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex("\\s+"), " "), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"), "removed", invert=True)
    tokenizer.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=3000, special_tokens=["[UNK]", "[SEP]", "[MASK]"], end_of_word_suffix="</w>", continuing_subword_prefix="~", show_progress=False))
    tokenizer.decoder = decoders.BPEDecoder("</w>")
    return tokenizer


KINDS = {"bert-cased": bert_cased, "roberta": roberta, "modernbert": modernbert, "qwen": qwen, "o200k": o200k, "xlm-r": xlm_r,
         "t5": t5, "albert": albert, "gemma": gemma, "word-level": word_level, "clip": clip}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--models", type=pathlib.Path, default=ROOT / "models")
    parser.add_argument("--only", action="append", help="of the names; all if absent")
    arguments = parser.parse_args()
    OUT.mkdir(parents=True, exist_ok=True)
    texts = [text_of(raw) for raw in strings()]
    for name, make in KINDS.items():
        if arguments.only and name not in arguments.only:
            continue
        save(name, make(texts[:4000]))
        write_gold(name, OUT / f"{name}.json", texts)
        print(name)
    for name in ("all-minilm-l6-v2", "all-mpnet-base-v2"):
        if not arguments.only or name in arguments.only:
            write_gold(name, arguments.models / name / "tokenizer.json", texts)


if __name__ == "__main__":
    main()
