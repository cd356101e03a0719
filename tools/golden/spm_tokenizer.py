#!/usr/bin/env python3
"""Writes the SentencePiece part of tests/golden/tokenizer/: what the reference makes of strings.bin.

The reference is the sentencepiece library: for a vocabulary trained here, and for the one of the
Gemma 3 GGUF file, put together from its tokens, scores and kinds. Bytes are decoded with
errors="replace" first.

    pip install sentencepiece==0.2.3 protobuf==7.36.2 tokenizers==0.23.3 gguf==0.19.0
    python3 tools/golden/spm_tokenizer.py [--models DIR]    # DIR as scripts/get-model fills it

Files (as tools/golden/tokenizer.py has them, which writes strings.bin):
    tiny-spm.gguf             1,500 tokens, with a space prefix; some characters only as bytes
    tiny-spm.ids              with control tokens taken as text, then with them split out
    tiny-spm-no-prefix.ids    the same without the space prefix
    gemma3.ids                <|im_start|> and <|im_end|> replaced by <start_of_turn> and <end_of_turn>

The library never makes a control token from text. To split them out, each stretch between them is
encoded on its own, so with a space prefix of its own, as models with such prefixes were trained.
"""
import argparse
import io
import pathlib
import re

import gguf
import sentencepiece
from sentencepiece import sentencepiece_model_pb2 as pb

from tokenizer import CONTROL, OUT, ROOT, counted, text_of
from tokenizer_strings import strings

UNKNOWN, USER_DEFINED = 2, 4
BPE = 2


def processor(model):
    return sentencepiece.SentencePieceProcessor(model_proto=model.SerializeToString())


def ids_of(model, texts):
    """A row of (ids as text, ids with control tokens split out)."""
    reference = processor(model)
    names = {p.piece: i for i, p in enumerate(model.pieces) if p.type in (CONTROL, UNKNOWN)}
    split = re.compile("(" + "|".join(re.escape(n) for n in sorted(names, key=len, reverse=True)) + ")")
    for text in texts:
        special = []
        for part in split.split(text):
            special += [names[part]] if part in names else reference.encode(part)
        yield reference.encode(text), special


def write_ids(name, model, texts):
    with open(OUT / f"{name}.ids", "wb") as out:
        for row in ids_of(model, texts):
            for ids in row:
                out.write(counted(ids))


def train(texts):
    """On what is Latin, Greek or Cyrillic, so that other scripts are left to the bytes."""
    rows = [t.replace("\0", "") for t in texts[:4000] if t and max(t) < "\u0500"]
    trained = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(rows), model_writer=trained,
        model_type="bpe", vocab_size=1500, byte_fallback=True, character_coverage=0.98,
        normalization_rule_name="identity", remove_extra_whitespaces=False, max_sentence_length=100000,
        allow_whitespace_only_pieces=True, num_threads=1, minloglevel=2,
        control_symbols=["<|im_start|>", "<|im_end|>", "<|endoftext|>"],
        user_defined_symbols=["<tool_call>", "\n", "\n\n", "\u2581\u2581\u2581", "\t\t", "don"])
    model = pb.ModelProto()
    model.ParseFromString(trained.getvalue())
    return model


def write_gguf(model):
    writer = gguf.GGUFWriter(OUT / "tiny-spm.gguf", "llama")
    writer.add_tokenizer_model("llama")
    writer.add_token_list([p.piece for p in model.pieces])
    writer.add_token_scores([p.score for p in model.pieces])
    writer.add_token_types([p.type for p in model.pieces])
    writer.add_unk_token_id(model.trainer_spec.unk_id)
    writer.add_bos_token_id(model.trainer_spec.bos_id)
    writer.add_eos_token_id(model.trainer_spec.eos_id)
    writer.add_add_bos_token(True)
    writer.add_add_space_prefix(True)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()


def read_gguf(path):
    reader = gguf.GGUFReader(path)
    field = lambda key: reader.fields["tokenizer.ggml." + key].contents()
    model = pb.ModelProto()
    unknown = field("unknown_token_id")
    for i, (piece, score, kind) in enumerate(zip(field("tokens"), field("scores"), field("token_type"))):
        if kind == USER_DEFINED:
            piece = piece.replace(" ", "\u2581")  # which the file's converter had undone
        model.pieces.add(piece=piece, score=score, type=UNKNOWN if i == unknown else kind)
    spec = model.trainer_spec
    spec.model_type, spec.byte_fallback, spec.vocab_size = BPE, True, len(model.pieces)
    spec.unk_id, spec.bos_id, spec.eos_id = unknown, field("bos_token_id"), field("eos_token_id")
    spec.unk_piece = model.pieces[unknown].piece
    model.normalizer_spec.name = "identity"
    model.normalizer_spec.add_dummy_prefix = field("add_space_prefix")
    model.normalizer_spec.remove_extra_whitespaces = False
    return model


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--models", type=pathlib.Path, default=ROOT / "models")
    folder = parser.parse_args().models
    texts = [text_of(raw) for raw in strings()]
    tiny = train(texts)
    write_gguf(tiny)
    write_ids("tiny-spm", tiny, texts)
    tiny.normalizer_spec.add_dummy_prefix = False
    write_ids("tiny-spm-no-prefix", tiny, texts)
    turns = [t.replace("<|im_start|>", "<start_of_turn>").replace("<|im_end|>", "<end_of_turn>") for t in texts]
    write_ids("gemma3", read_gguf(folder / "gemma-3-270m/gemma-3-270m-q4_k_m.gguf"), turns)


if __name__ == "__main__":
    main()
