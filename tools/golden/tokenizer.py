#!/usr/bin/env python3
"""Writes tests/golden/tokenizer/: what the reference tokenizers make of 10,000 strings.

The reference is the `tokenizers` package, put together from the tokens and merges of a GGUF file and
the normaliser and pre-tokenizer that the model's own tokenizer.json has. Bytes are decoded with
errors="replace" first.

    pip install tokenizers==0.23.3 gguf==0.19.0
    python3 tools/golden/tokenizer.py [--models DIR]    # DIR as scripts/get-model fills it

Files (little-endian, no padding; FNV-1a of 64 bits):
    strings.bin     a string: u32 bytes, the bytes
    splits.bin      a string: u64 hash of its NFC; then for each pre-tokenizer of SPLITS:
                    u32 words, u64 hash of their lengths in bytes as u32
    tiny-*.gguf     vocabularies of 1,500 tokens trained here, so that tests need no model
    *.ids           a string: u32 ids, u64 hash of them as i32, with added tokens taken as text;
                    then the same two with added tokens split out
"""
import argparse
import pathlib
import struct
import tempfile

import gguf
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

from tokenizer_strings import strings

ROOT = pathlib.Path(__file__).parents[2]
OUT = ROOT / "tests/golden/tokenizer"
NORMAL, CONTROL, USER_DEFINED, UNUSED = 1, 3, 4, 5

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
QWEN2 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
         r"|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN35 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*"
          r"|\s*[\r\n]+|\s+(?!\S)|\s+")
LLAMA3 = QWEN2.replace(r"|\p{N}|", r"|\p{N}{1,3}|")
CJK = "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+"
# Letters that know case, as DeepSeek LLM's tokenizer.json lists them.
DEEPSEEK_CASED = ("[A-Za-z\u00b5\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u01ba\u01bc-\u01bf\u01c4-\u0293\u0295-\u02af"
                  "\u0370-\u0373\u0376\u0377\u037b-\u037d\u037f\u0386\u0388-\u038a\u038c\u038e-\u03a1\u03a3-\u03f5"
                  "\u03f7-\u0481\u048a-\u052f\u0531-\u0556\u10a0-\u10c5\u13a0-\u13f5\u13f8-\u13fd\u1c90-\u1cba"
                  "\u1cbd-\u1cbf\u1d00-\u1d2b\u1d6b-\u1d77\u1d79-\u1d9a\u1e00-\u1f15\u1f18-\u1f1d\u1f20-\u1f45"
                  "\u1f48-\u1f4d\u1f50-\u1f57\u1f59\u1f5b\u1f5d\u1f5f-\u1f7d\u1f80-\u1fb4\u1fb6-\u1fbc\u1fbe"
                  "\u1fc2-\u1fc4\u1fc6-\u1fcc\u1fd0-\u1fd3\u1fd6-\u1fdb\u1fe0-\u1fec\u1ff2-\u1ff4\u1ff6-\u1ffc"
                  "\u2102\u2107\u210a-\u2113\u2115\u2119-\u211d\u2124\u2126\u2128\u212a-\u212d\u212f-\u2134\u2139"
                  "\u213c-\u213f\u2145-\u2149\u214e\u2183\u2184\u2c00-\u2c7b\u2c7e-\u2ce4\u2ceb-\u2cee\u2cf2\u2cf3"
                  "\ua640-\ua66d\ua680-\ua69b\ua722-\ua76f\ua771-\ua787\ua78b-\ua78e\uab70-\uabbf\ufb00-\ufb06"
                  "\ufb13-\ufb17\uff21-\uff3a\uff41-\uff5a\U00010400-\U0001044f\U000104b0-\U000104d3"
                  "\U000104d8-\U000104fb\U00010c80-\U00010cb2\U00010cc0-\U00010cf2\U000118a0-\U000118df"
                  "\U0001e900-\U0001e943]")
DEEPSEEK_V3 = (r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*"
               r"|\s*[\r\n]+|\s+(?!\S)|\s+")


def split(pattern):
    return pre_tokenizers.Split(Regex(pattern), "isolated")


BYTES = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
SPLITS = {
    "gpt-2": [split(GPT2)],
    "smollm": [pre_tokenizers.Digits(individual_digits=True), split(GPT2)],
    "qwen2": [split(QWEN2)],
    "llama-bpe": [split(LLAMA3)],
    "qwen35": [split(QWEN35)],
    "deepseek-llm": [split("[\r\n]"), split(r"\s?" + DEEPSEEK_CASED + "+"),
                     split("\\s?[!-/:-~\uff01-\uff0f\uff1a-\uff5e\u2018-\u201f\u3000-\u3002]+"), split(r"\s+$"),
                     split(CJK), pre_tokenizers.Digits(individual_digits=True)],
    "deepseek-coder": [split("[\r\n]"), split(r"\s?\p{L}+"), split(r"\s?\p{P}+"), split(CJK),
                       pre_tokenizers.Digits(individual_digits=True)],
    "deepseek-v3": [split(r"\p{N}{1,3}"), split("[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+"), split(DEEPSEEK_V3)],
}
# The two as their tokenizer.json has them; the regular expression of ByteLevel is GPT2.
PRE = {
    "gpt-2": pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
    "smollm": pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True),
                                       pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)]),
    "qwen2": pre_tokenizers.Sequence([split(QWEN2), BYTES]),
    "llama-bpe": pre_tokenizers.Sequence([split(LLAMA3), BYTES]),
}


def fnv(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value


def counted(numbers):
    return struct.pack("<IQ", len(numbers), fnv(struct.pack(f"<{len(numbers)}i", *numbers)))


def text_of(raw):
    return raw.decode("utf-8", errors="replace")


def build(path, added):
    reader = gguf.GGUFReader(path)
    field = lambda key: reader.fields["tokenizer.ggml." + key].contents()
    tokens, kinds, pre = field("tokens"), field("token_type"), field("pre")
    merges = [tuple(m.split(" ")) for m in field("merges")]
    model = models.BPE({t: i for i, t in enumerate(tokens)}, merges, ignore_merges=pre == "llama-bpe")
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = PRE[pre]
    if pre == "qwen2":
        tokenizer.normalizer = normalizers.NFC()
    if added:
        tokenizer.add_tokens([AddedToken(t, normalized=False, special=k == CONTROL)
                              for t, k in zip(tokens, kinds) if k in (CONTROL, USER_DEFINED)])
    return tokenizer


def write_ids(path, name, inputs):
    plain, special = build(path, added=False), build(path, added=True)
    with open(OUT / f"{name}.ids", "wb") as out:
        for raw in inputs:
            for tokenizer in (plain, special):
                out.write(counted(tokenizer.encode(text_of(raw), add_special_tokens=False).ids))


def write_splits(inputs):
    nfc = normalizers.NFC()
    with open(OUT / "splits.bin", "wb") as out:
        for raw in inputs:
            text = text_of(raw)
            out.write(struct.pack("<Q", fnv(nfc.normalize_str(text).encode())))
            for steps in SPLITS.values():
                words = [text]
                for step in steps:
                    words = [w for word in words for w, _ in step.pre_tokenize_str(word)]
                out.write(counted([len(w.encode()) for w in words if w]))


def write_tiny(pre, inputs):
    """A vocabulary with gaps: bytes without a token, unused entries, a token no merge arrives at."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = PRE[pre]
    alphabet = [c for c in pre_tokenizers.ByteLevel.alphabet() if c not in "\u0143\u00f5\u00f6"]
    trainer = trainers.BpeTrainer(vocab_size=1490, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator([text_of(s) for s in inputs[:4000]], trainer)
    with tempfile.TemporaryDirectory() as folder:
        vocab_path, merges_path = tokenizer.model.save(folder)
        merges = [line for line in pathlib.Path(merges_path).read_text(encoding="utf-8").split("\n")
                  if line and not line.startswith("#version")]
    vocab = tokenizer.get_vocab()
    tokens = sorted(vocab, key=vocab.get)
    kinds = [NORMAL] * len(tokens)
    for text, kind in (("\u0120whichever", NORMAL), ("<|im_start|>", CONTROL), ("<|im_end|>", CONTROL), ("<|endoftext|>", CONTROL),
                       ("<tool_call>", USER_DEFINED), ("<tool_call>\n", USER_DEFINED), ("[PAD1]", UNUSED)):
        tokens.append(text)
        kinds.append(kind)
    writer = gguf.GGUFWriter(OUT / f"tiny-{pre}.gguf", "llama")
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges(merges)
    writer.add_bos_token_id(tokens.index("<|im_start|>"))
    writer.add_eos_token_id(tokens.index("<|im_end|>"))
    writer.add_add_bos_token(pre == "llama-bpe")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--models", type=pathlib.Path, default=ROOT / "models")
    folder = parser.parse_args().models
    inputs = strings()
    with open(OUT / "strings.bin", "wb") as out:
        for raw in inputs:
            out.write(struct.pack("<I", len(raw)) + raw)
    write_splits(inputs)
    for pre in ("gpt-2", "llama-bpe"):
        write_tiny(pre, inputs)
        write_ids(OUT / f"tiny-{pre}.gguf", f"tiny-{pre}", inputs)
    write_ids(folder / "smollm2-135m-instruct/SmolLM2-135M-Instruct.Q4_1.gguf", "smollm2", inputs)
    write_ids(folder / "qwen2.5-coder-0.5b-instruct/qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
              "qwen2.5-coder", inputs)


if __name__ == "__main__":
    main()
