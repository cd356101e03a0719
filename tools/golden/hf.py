#!/usr/bin/env python3
"""Writes tests/golden/llm/NAME.hf: models of llm.py as Hugging Face folders.

    (environment as for llm.py)
    venv/bin/python tools/golden/hf.py tests/golden/llm [NAME...]

The weights are those of NAME.gguf, put back under transformers' names and written by its
save_pretrained, so NAME.golden holds for both. Shards are small, so that there may be several.
"""
import json
import sys
from pathlib import Path

import gguf
import numpy as np
import torch
from tokenizers import AddedToken, Tokenizer, models, normalizers

from llm import MODELS
from llm_deepseek import MODELS as DEEPSEEK
from tiny_gguf import CHAT_TEMPLATE, VOCAB, tokenizer
from tokenizer import PRE

DEFAULT = ["llama3-rope", "llama-linear", "qwen2-yarn", "qwen3", "qwen3moe", "mixtral", "gemma3",
           "deepseek-v2", "deepseek-v3"]


def restored(data, heads):
    """The halves of a rotated head one after the other: tiny_gguf.permuted undone."""
    rows, cols = data.shape
    return data.reshape(heads, rows // heads // 2, 2, cols).swapaxes(1, 2).reshape(rows, cols)


def joined(stored, known, name):
    """A head's rows for its key, then those for its value, out of DeepSeek's two tensors."""
    key, value = (stored[known.get_name(name.replace("kv_b_proj", part), try_suffixes=(".weight",))]
                  for part in ("k_b_proj", "v_b_proj"))
    return np.concatenate([key.swapaxes(1, 2), value], axis=1).reshape(-1, value.shape[2])


def weights(path, arch, config, names):
    """transformers' state dictionary out of the GGUF file."""
    stored = {tensor.name: tensor.data for tensor in gguf.GGUFReader(path).tensors}
    known = gguf.get_tensor_name_map(
        next(key for key, value in gguf.MODEL_ARCH_NAMES.items() if value == arch),
        config.num_hidden_layers)
    out = {}
    for name in names:
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        expert = None
        stack = name
        if ".experts." in name:
            before, after = name.split(".experts.")
            expert, rest = after.split(".", 1)
            stack = f"{before}.experts.{rest}"
        if name.endswith("kv_b_proj.weight"):
            out[name] = torch.from_numpy(joined(stored, known, stack))
            continue
        stack = stack.replace("e_score_correction_bias", "e_score_correction.bias")
        data = stored[known.get_name(stack, try_suffixes=(".weight", ".bias"))]
        if expert is not None:
            data = data[int(expert)]
        if arch == "llama" and name.endswith("q_proj.weight"):
            data = restored(data, config.num_attention_heads)
        if arch == "llama" and name.endswith("k_proj.weight"):
            data = restored(data, config.num_key_value_heads)
        if arch == "gemma3" and "norm" in name:
            data = data - 1
        out[name] = torch.from_numpy(data.copy())
    return out


def write_tokenizer(folder, arch):
    tokens, merges, types = tokenizer()
    special = [token for token, kind in zip(tokens, types) if kind == gguf.TokenType.CONTROL]
    made = Tokenizer(models.BPE(
        vocab={token: i for i, token in enumerate(tokens) if token not in special},
        merges=[tuple(merge.split(" ")) for merge in merges]))
    pre = "smollm" if arch == "llama" else "qwen2"
    made.pre_tokenizer = PRE[pre]
    if pre == "qwen2":
        made.normalizer = normalizers.NFC()
    made.add_special_tokens([AddedToken(token, special=True, normalized=False)
                             for token in special])
    made.save(str(folder / "tokenizer.json"))
    settings = {"bos_token": tokens[-2], "eos_token": {"content": tokens[-1]},
                "add_bos_token": False}
    if arch == "llama":
        (folder / "chat_template.jinja").write_text(CHAT_TEMPLATE)
    else:
        settings["chat_template"] = CHAT_TEMPLATE
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=1) + "\n")


def main():
    out = Path(sys.argv[1])
    for name in sys.argv[2:] or DEFAULT:
        arch, cls, config = (MODELS[name][:3] if name in MODELS
                             else ("deepseek2", *DEEPSEEK[name]))
        folder = out / f"{name}.hf"
        for old in folder.glob("*"):
            old.unlink()
        config.bos_token_id, config.eos_token_id = VOCAB - 2, VOCAB - 1
        model = cls(config).float()
        state = weights(out / f"{name}.gguf", arch, config, model.state_dict())
        missing, unexpected = model.load_state_dict(state, strict=False)
        assert not unexpected and set(missing) <= {"lm_head.weight"}, (missing, unexpected)
        model.save_pretrained(folder, max_shard_size="300KB")
        write_tokenizer(folder, arch)
        for file in folder.iterdir():
            file.chmod(0o644)
        print(folder.name, sorted(file.name for file in folder.iterdir()))


if __name__ == "__main__":
    main()
