#!/usr/bin/env python3
"""Writes DeepSeek's part of tests/golden/llm: small random-weight models with multi-head latent attention.

    venv/bin/python tools/golden/llm_deepseek.py tests/golden/llm      (the venv of tools/golden/llm.py)

The files are those of llm.py, which names the formats and the source of the numbers; the tensor and key
names are llama.cpp's for "deepseek2".
"""
import sys
from pathlib import Path

import gguf
import numpy as np
import torch
from transformers import (DeepseekV2Config, DeepseekV2ForCausalLM, DeepseekV3Config,
                          DeepseekV3ForCausalLM)

from llm import write_golden
from tiny_gguf import VOCAB, add_tokenizer, stacked_experts

COMMON = dict(
    vocab_size=VOCAB, hidden_size=32, intermediate_size=64, num_hidden_layers=3,
    num_attention_heads=4, num_key_value_heads=4, max_position_embeddings=512, rms_norm_eps=1e-6,
    kv_lora_rank=32, qk_nope_head_dim=16, qk_rope_head_dim=8, v_head_dim=24, first_k_dense_replace=1,
    moe_intermediate_size=16, n_routed_experts=8, attn_implementation="eager", initializer_range=0.25,
    tie_word_embeddings=False)
YARN = dict(rope_type="yarn", factor=2.0, original_max_position_embeddings=256, beta_fast=32.0,
            beta_slow=1.0, mscale=0.707, mscale_all_dim=0.707)
MODELS = {
    # V2-Lite: no low-rank query, no groups. Written as files before "attn_k_b" were.
    "deepseek-v2-lite": (DeepseekV2ForCausalLM, DeepseekV2Config(
        **COMMON, q_lora_rank=None, num_experts_per_tok=3, n_shared_experts=2, topk_method="greedy",
        n_group=1, topk_group=1, routed_scaling_factor=1.0)),
    "deepseek-v2": (DeepseekV2ForCausalLM, DeepseekV2Config(
        **COMMON, q_lora_rank=32, num_experts_per_tok=3, n_shared_experts=1,
        topk_method="group_limited_greedy", n_group=4, topk_group=2, routed_scaling_factor=4.0)),
    "deepseek-v3": (DeepseekV3ForCausalLM, DeepseekV3Config(
        **COMMON, q_lora_rank=32, num_experts_per_tok=3, n_shared_experts=1, n_group=4, topk_group=2,
        norm_topk_prob=True, routed_scaling_factor=2.5, rope_scaling=YARN)),
}
OLD_FORM = {"deepseek-v2-lite"}


def write_keys(writer, config, v3, old):
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_theta)
    writer.add_rope_dimension_count(config.qk_rope_head_dim)
    writer.add_vocab_size(config.vocab_size)
    writer.add_leading_dense_block_count(config.first_k_dense_replace)
    if config.q_lora_rank is not None:
        writer.add_q_lora_rank(config.q_lora_rank)
    writer.add_kv_lora_rank(config.kv_lora_rank)
    key, value = config.qk_nope_head_dim + config.qk_rope_head_dim, config.v_head_dim
    if old:
        writer.add_head_count_kv(config.num_key_value_heads)
        writer.add_key_length(key)
        writer.add_value_length(value)
    else:
        writer.add_head_count_kv(1)
        writer.add_key_length(config.kv_lora_rank + config.qk_rope_head_dim)
        writer.add_value_length(config.kv_lora_rank)
        writer.add_key_length_mla(key)
        writer.add_value_length_mla(value)
    writer.add_expert_count(config.n_routed_experts)
    writer.add_expert_used_count(config.num_experts_per_tok)
    writer.add_expert_feed_forward_length(config.moe_intermediate_size)
    writer.add_expert_shared_count(config.n_shared_experts)
    writer.add_expert_weights_scale(config.routed_scaling_factor)
    if not old:
        writer.add_expert_group_count(config.n_group)
        writer.add_expert_group_used_count(config.topk_group)
        writer.add_expert_weights_norm(config.norm_topk_prob)
        writer.add_expert_gating_func(gguf.ExpertGatingFuncType.SIGMOID if v3
                                      else gguf.ExpertGatingFuncType.SOFTMAX)
    if config.rope_scaling:
        scaling = config.rope_scaling
        writer.add_rope_scaling_type(gguf.RopeScalingType.YARN)
        writer.add_rope_scaling_factor(scaling["factor"])
        writer.add_rope_scaling_orig_ctx_len(scaling["original_max_position_embeddings"])
        # Times 0.1 for this architecture only: llama.cpp divides it out again.
        writer.add_rope_scaling_yarn_log_mul(0.1 * scaling["mscale_all_dim"])


def tensors(model, config, old):
    """The state by GGUF's module names, with the experts of a layer in one tensor."""
    for name, tensor in stacked_experts(model.state_dict()).items():
        tensor = tensor.detach().float()
        if name.endswith("kv_b_proj.weight") and not old:
            both = tensor.view(config.num_attention_heads, -1, config.kv_lora_rank)
            key, value = both.split([config.qk_nope_head_dim, config.v_head_dim], dim=1)
            yield name.replace("kv_b_proj", "k_b_proj"), key.transpose(1, 2)
            yield name.replace("kv_b_proj", "v_b_proj"), value
        elif name.endswith("e_score_correction_bias"):
            yield name.replace("_bias", ".bias"), tensor
        else:
            yield name, tensor


def write_gguf(path, config, model, old):
    v3 = isinstance(config, DeepseekV3Config)
    writer = gguf.GGUFWriter(str(path), "deepseek2")
    write_keys(writer, config, v3, old)
    add_tokenizer(writer, "deepseek2")
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.DEEPSEEK2, config.num_hidden_layers)
    for name, tensor in tensors(model, config, old):
        writer.add_tensor(names.get_name(name, try_suffixes=(".weight", ".bias")),
                          np.ascontiguousarray(tensor.numpy()))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def randomise(model):
    """Norms around 1, routers that tell the experts apart, a bias that changes what is chosen."""
    with torch.no_grad():
        for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
            if "norm" in name:
                tensor.uniform_(0.5, 1.5)
            elif name.endswith("mlp.gate.weight"):
                tensor.uniform_(-0.5, 0.5)
            elif name.endswith("e_score_correction_bias"):
                # All choices stay above 0: transformers lets experts outside the groups count as 0.
                tensor.uniform_(0.05, 0.5)


def main():
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    for number, (name, (cls, config)) in enumerate(MODELS.items()):
        torch.manual_seed(20 + number)
        model = cls(config).float().eval()
        randomise(model)
        write_gguf(out / f"{name}.gguf", config, model, name in OLD_FORM)
        write_golden(out / f"{name}.golden", model, torch.Generator().manual_seed(120 + number))
        print(name, "written")


if __name__ == "__main__":
    main()
