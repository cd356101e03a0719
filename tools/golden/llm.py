#!/usr/bin/env python3
"""Writes tests/golden/llm: small random-weight models and what transformers computes with them.

    python3 -m venv venv && venv/bin/pip install torch==2.15.0 transformers==4.57.6 gguf==0.19.0
    venv/bin/python tools/golden/llm.py tests/golden/llm [NAME...]

For each model NAME (all, or those named): NAME.gguf (F32 weights and a byte-level BPE tokenizer) and NAME.golden, little-endian:
    int32 prompts
    a prompt: int32 n, int32 tokens[n], float32 logits[n][vocab], int32 m, int32 greedy[m]
Source of the numbers: transformers, float32, attn_implementation="eager".
"""
import struct
import sys
from pathlib import Path

import torch
from transformers import (
    Gemma3ForCausalLM, Gemma3TextConfig, LlamaConfig, LlamaForCausalLM, MixtralConfig,
    MixtralForCausalLM, Qwen2Config, Qwen2ForCausalLM, Qwen3Config, Qwen3ForCausalLM,
    Qwen3MoeConfig, Qwen3MoeForCausalLM)

from tiny_gguf import VOCAB, write_gguf

COMMON = dict(
    vocab_size=VOCAB, hidden_size=64, intermediate_size=96, num_hidden_layers=3,
    num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=512,
    rms_norm_eps=1e-5, attn_implementation="eager", initializer_range=0.25)
SMALL = COMMON | dict(hidden_size=32, intermediate_size=64, num_hidden_layers=2,
                      tie_word_embeddings=True)
LLAMA3_SCALING = dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                      original_max_position_embeddings=64)
# (architecture, class, configuration, seed)
MODELS = {
    "llama": ("llama", LlamaForCausalLM, LlamaConfig(
        **COMMON, rope_theta=10000.0, tie_word_embeddings=True), 0),
    "llama3-rope": ("llama", LlamaForCausalLM, LlamaConfig(
        **COMMON, rope_theta=500000.0, tie_word_embeddings=False, rope_scaling=LLAMA3_SCALING), 1),
    "qwen2": ("qwen2", Qwen2ForCausalLM, Qwen2Config(
        **COMMON, rope_theta=1000000.0, tie_word_embeddings=False), 2),
    "llama-linear": ("llama", LlamaForCausalLM, LlamaConfig(
        **SMALL, head_dim=16, rope_theta=10000.0,
        rope_scaling=dict(rope_type="linear", factor=4.0)), 3),
    "llama-yarn": ("llama", LlamaForCausalLM, LlamaConfig(
        **SMALL, head_dim=24, rope_theta=10000.0,
        rope_scaling=dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=128)), 4),
    "qwen2-yarn": ("qwen2", Qwen2ForCausalLM, Qwen2Config(
        **SMALL | dict(num_attention_heads=2, num_key_value_heads=1), rope_theta=1000000.0,
        rope_scaling=dict(rope_type="yarn", factor=8.0, original_max_position_embeddings=64,
                          attention_factor=0.9, beta_fast=8.0, beta_slow=0.5)), 5),
    "qwen3": ("qwen3", Qwen3ForCausalLM, Qwen3Config(
        **SMALL, head_dim=24, rope_theta=1000000.0), 6),
    "qwen3moe": ("qwen3moe", Qwen3MoeForCausalLM, Qwen3MoeConfig(
        **SMALL, head_dim=16, rope_theta=1000000.0, num_experts=8, num_experts_per_tok=3,
        moe_intermediate_size=32, norm_topk_prob=True), 7),
    "mixtral": ("llama", MixtralForCausalLM, MixtralConfig(
        **SMALL | dict(intermediate_size=32), head_dim=16, rope_theta=1000000.0,
        num_local_experts=4, num_experts_per_tok=2, sliding_window=None), 8),
    # Windows that begin inside a block of the cache, and prompts that leave blocks behind.
    "gemma3": ("gemma3", Gemma3ForCausalLM, Gemma3TextConfig(
        **SMALL | dict(num_hidden_layers=7, num_attention_heads=2, num_key_value_heads=1,
                       intermediate_size=48),
        head_dim=24, query_pre_attn_scalar=24, sliding_window=20, rope_theta=1000000.0,
        rope_local_base_freq=10000.0, rope_scaling=dict(rope_type="linear", factor=8.0),
        final_logit_softcapping=4.0), 9),
}


def write_golden(path, model, generator):
    """Logits and greedy tokens of three random prompts."""
    with open(path, "wb") as file, torch.no_grad():
        file.write(struct.pack("<i", 3))
        for length in (1, 33, 70):
            tokens = torch.randint(0, VOCAB, (1, length), generator=generator)
            logits = model(tokens).logits[0].float().numpy()
            longer = tokens
            for _ in range(64):
                step = model(longer).logits[0, -1].argmax().reshape(1, 1)
                longer = torch.cat([longer, step], dim=1)
            file.write(struct.pack("<i", length))
            file.write(tokens[0].numpy().astype("<i4").tobytes())
            file.write(logits.astype("<f4").tobytes())
            file.write(struct.pack("<i", 64))
            file.write(longer[0, length:].numpy().astype("<i4").tobytes())


def main():
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[2:] or MODELS:
        arch, cls, config, number = MODELS[name]
        torch.manual_seed(number)
        model = cls(config).float().eval()
        with torch.no_grad():
            for parameter_name, parameter in model.named_parameters():
                if "norm" in parameter_name:
                    parameter.uniform_(0.5, 1.5)
                if parameter_name.endswith("bias"):
                    parameter.uniform_(-1, 1)
        write_gguf(out / f"{name}.gguf", arch, config, model)
        write_golden(out / f"{name}.golden", model, torch.Generator().manual_seed(100 + number))
        print(name, "written")


if __name__ == "__main__":
    main()
