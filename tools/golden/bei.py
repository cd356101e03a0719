#!/usr/bin/env python3
"""Writes tests/golden/bei/NAME: small random-weight models as Hugging Face folders, and what
transformers computes with them.

    python3 -m venv venv && venv/bin/pip install torch==2.15.0 transformers==4.57.6
    venv/bin/python tools/golden/bei.py tests/golden/bei [NAME...]

A folder has config.json, model.safetensors (F16, F32 or BF16), tokenizer.json, where it is a
sentence-transformers model its modules, and golden.json: an array of cases
    {"tokens": [ids], "types": [0 or 1], "states": [n][hidden], "pooled": [width],
     "logits": [labels] or [n][labels], "sparse": [vocabulary]}
with what the model has. Source of the numbers: transformers, float32, attn_implementation="eager";
NomicBERT, which transformers does not have, in bei_nomic.py.
"""
import json
import sys
from pathlib import Path

import torch
import transformers as hf
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from bei_nomic import NomicBert, NomicConfig

VOCAB = 72
LENGTHS = [1, 2, 5, 17, 49]
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "a", "red", "blue", "cat", "dog",
         "sees", "runs", "##ing", "in", "park", ".", ","]
SMALL = dict(vocab_size=VOCAB, hidden_size=32, intermediate_size=40, num_hidden_layers=2,
             num_attention_heads=4, max_position_embeddings=64, initializer_range=0.2,
             attn_implementation="eager")
DISTIL = dict(vocab_size=VOCAB, dim=32, hidden_dim=40, n_layers=2, n_heads=4,
              max_position_embeddings=64, initializer_range=0.2, attn_implementation="eager")
PAST_PADDING = SMALL | dict(max_position_embeddings=66, pad_token_id=1)
MODERN = SMALL | dict(num_hidden_layers=4, local_attention=8, pad_token_id=0, cls_token_id=2,
                      sep_token_id=3, bos_token_id=2, eos_token_id=3, reference_compile=False)
QWEN = SMALL | dict(num_key_value_heads=2, rope_theta=1000000.0, pad_token_id=0)


def labels(*names):
    return dict(id2label=dict(enumerate(names)), label2id={n: i for i, n in enumerate(names)})


# (class, configuration, type of the weights, how the states are pooled, dense module)
MODELS = {
    "bert": (hf.BertModel, hf.BertConfig(**SMALL), torch.float32, "cls", True),
    "bert-classes": (hf.BertForSequenceClassification,
                     hf.BertConfig(**SMALL, **labels("bad", "fair", "good")), torch.float16, None,
                     False),
    "bert-tokens": (hf.BertForTokenClassification,
                    hf.BertConfig(**SMALL, **labels("O", "B-ANIMAL", "I-ANIMAL")), torch.bfloat16,
                    None, False),
    "bert-words": (hf.BertForMaskedLM, hf.BertConfig(**SMALL), torch.float16, "mean", False),
    "roberta-rerank": (hf.RobertaForSequenceClassification,
                       hf.RobertaConfig(**PAST_PADDING, type_vocab_size=1, **labels("LABEL_0")),
                       torch.float16, None, False),
    "roberta-words": (hf.RobertaForMaskedLM, hf.RobertaConfig(**PAST_PADDING, type_vocab_size=1),
                      torch.float16, "max", False),
    "xlm-roberta": (hf.XLMRobertaModel, hf.XLMRobertaConfig(**PAST_PADDING, type_vocab_size=1),
                    torch.float16, "mean", False),
    "mpnet": (hf.MPNetModel, hf.MPNetConfig(**PAST_PADDING), torch.float16, "mean", False),
    "mpnet-classes": (hf.MPNetForSequenceClassification,
                      hf.MPNetConfig(**PAST_PADDING, **labels("no", "yes")), torch.float16, None,
                      False),
    "distilbert-multi": (hf.DistilBertForSequenceClassification,
                         hf.DistilBertConfig(**DISTIL, problem_type="multi_label_classification",
                                             **labels("red", "blue", "loud")),
                         torch.float16, None, False),
    "distilbert-words": (hf.DistilBertForMaskedLM, hf.DistilBertConfig(**DISTIL), torch.float16,
                         "cls", False),
    "modernbert": (hf.ModernBertModel, hf.ModernBertConfig(**MODERN), torch.float16, "mean", False),
    "modernbert-classes": (hf.ModernBertForSequenceClassification,
                           hf.ModernBertConfig(**MODERN, classifier_pooling="mean",
                                               **labels("no", "yes")),
                           torch.float16, None, False),
    "modernbert-words": (hf.ModernBertForMaskedLM, hf.ModernBertConfig(**MODERN), torch.float16,
                         "cls", False),
    "nomic": (NomicBert, NomicConfig(), torch.float16, "mean", False),
    "qwen2": (hf.Qwen2Model, hf.Qwen2Config(**QWEN), torch.float16, "last", False),
    "qwen3": (hf.Qwen3Model, hf.Qwen3Config(**QWEN, head_dim=16), torch.bfloat16, "last", False),
    "qwen3-reward": (hf.Qwen3ForSequenceClassification,
                     hf.Qwen3Config(**QWEN, head_dim=16, **labels("LABEL_0")), torch.float16, None,
                     False),
}
MODES = {"cls": "cls_token", "mean": "mean_tokens", "max": "max_tokens", "last": "lasttoken"}


def tokenizer():
    words = WORDS + [f"##{chr(97 + i)}" for i in range(26)] + [chr(97 + i) for i in range(1, 26)]
    words += [f"w{i}" for i in range(VOCAB - len(words))]
    made = Tokenizer(models.WordPiece(vocab={word: i for i, word in enumerate(words)},
                                      unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    assert made.get_vocab_size() == VOCAB
    return made


def randomize(model, seed):
    """Biases and norms as well: they start as zeros and ones, which would hide a mistake."""
    generator = torch.Generator().manual_seed(seed)
    for name, value in model.named_parameters():
        if value.dim() == 1:
            value.data = (torch.randn(value.shape, generator=generator) * 0.2 +
                          (1.0 if "norm" in name.lower() and name.endswith("weight") else 0.0))


def pooled(states, how):
    if how == "mean":
        return states.mean(0)
    if how == "max":
        return states.amax(0)
    return states[-1 if how == "last" else 0]


def write_modules(folder, how, dense):
    modules = [("", "Transformer"), ("1_Pooling", "Pooling")]
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling/config.json").write_text(json.dumps(
        {"word_embedding_dimension": 32} |
        {f"pooling_mode_{mode}": key == how for key, mode in MODES.items()}) + "\n")
    if dense is not None:
        modules.append(("2_Dense", "Dense"))
        (folder / "2_Dense").mkdir()
        (folder / "2_Dense/config.json").write_text(json.dumps(
            {"in_features": 32, "out_features": 24, "bias": True,
             "activation_function": "torch.nn.modules.activation.Tanh"}) + "\n")
        save_file({f"linear.{name}": value for name, value in dense.state_dict().items()},
                  folder / "2_Dense/model.safetensors")
    modules.append((f"{len(modules)}_Normalize", "Normalize"))
    (folder / "modules.json").write_text(json.dumps(
        [{"idx": i, "name": str(i), "path": path,
          "type": f"sentence_transformers.models.{kind}"}
         for i, (path, kind) in enumerate(modules)]) + "\n")
    (folder / "sentence_bert_config.json").write_text(
        json.dumps({"max_seq_length": 50, "do_lower_case": False}) + "\n")
    (folder / "config_sentence_transformers.json").write_text(json.dumps(
        {"prompts": {"query": "red dog ", "document": "a "}, "similarity_fn_name": "cosine"}) + "\n")


def case(model, tokens, types, how, dense):
    inputs = {"input_ids": torch.tensor([tokens]), "attention_mask": torch.ones(1, len(tokens))}
    if types is not None:
        inputs["token_type_ids"] = torch.tensor([types])
    out = model(**inputs)
    encoder = model if isinstance(model, NomicBert) else model.base_model
    states = encoder(**inputs).last_hidden_state[0]
    made = {"tokens": tokens, "types": types or [0] * len(tokens)}
    if len(tokens) < 10 and how is not None:
        made["states"] = states
    if how is not None:
        made["pooled"] = pooled(states, how)
        if dense is not None:
            made["pooled"] = torch.tanh(dense(made["pooled"]))
    if hasattr(out, "logits") and how is None:
        made["logits"] = out.logits[0]
    if hasattr(out, "logits") and how is not None:
        made["sparse"] = torch.log1p(torch.relu(out.logits[0]).amax(0))
    return {key: rounded(value) if isinstance(value, torch.Tensor) else value
            for key, value in made.items()}


def rounded(tensor):
    values = tensor.tolist()
    short = lambda row: [float(f"{value:.7g}") for value in row]
    return short(values) if tensor.dim() == 1 else [short(row) for row in values]


@torch.no_grad()
def write(folder, name, seed):
    cls, config, dtype, how, has_dense = MODELS[name]
    for old in sorted(folder.rglob("*"), reverse=True):
        old.rmdir() if old.is_dir() else old.unlink()
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    model = cls(config)
    randomize(model, seed)
    model = model.to(dtype)
    model.save_pretrained(folder)
    # Read again, not converted back: that would leave the rotary angles rounded.
    model = (model.float() if cls is NomicBert else
             cls.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")).eval()
    dense = torch.nn.Linear(32, 24) if has_dense else None
    tokenizer().save(str(folder / "tokenizer.json"))
    if how is not None:
        write_modules(folder, how, dense)
    generator = torch.Generator().manual_seed(seed + 1)
    cases = []
    for length in LENGTHS:
        tokens = torch.randint(5, VOCAB, (length,), generator=generator).tolist()
        with_types = "token_type_ids" in model.forward.__code__.co_varnames and \
            getattr(config, "type_vocab_size", 1) > 1
        types = [int(i >= length // 2) for i in range(length)] if with_types else None
        cases.append(case(model, tokens, types, how, dense))
    (folder / "golden.json").write_text(
        "[\n" + ",\n".join(json.dumps(made, separators=(",", ":")) for made in cases) + "\n]\n")
    for file in folder.rglob("*"):
        if file.is_file():
            file.chmod(0o644)


def main():
    out = Path(sys.argv[1])
    for seed, name in enumerate(MODELS):
        if sys.argv[2:] and name not in sys.argv[2:]:
            continue
        write(out / name, name, seed)
        print(name, sum(f.stat().st_size for f in (out / name).rglob("*") if f.is_file()), "bytes")


if __name__ == "__main__":
    main()
