#!/usr/bin/env python3
"""Writes tests/golden/llm: small random-weight models and what transformers computes with them.

    python3 -m venv venv && venv/bin/pip install torch==2.15.0 transformers==4.57.6 gguf==0.19.0
    venv/bin/python tools/golden/llm.py tests/golden/llm

For each model NAME: NAME.gguf (F32 weights and a byte-level BPE tokenizer) and NAME.golden, little-endian:
    int32 prompts
    a prompt: int32 n, int32 tokens[n], float32 logits[n][vocab], int32 m, int32 greedy[m]
Source of the numbers: transformers, float32, attn_implementation="eager".
"""
import struct
import sys
from pathlib import Path

import gguf
import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

VOCAB = 320
COMMON = dict(
    vocab_size=VOCAB, hidden_size=64, intermediate_size=96, num_hidden_layers=3,
    num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=512,
    rms_norm_eps=1e-5, attn_implementation="eager", initializer_range=0.25)
LLAMA3_SCALING = dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                      original_max_position_embeddings=64)
MODELS = {
    "llama": ("llama", LlamaForCausalLM, LlamaConfig(**COMMON, rope_theta=10000.0,
                                                     tie_word_embeddings=True)),
    "llama3-rope": ("llama", LlamaForCausalLM, LlamaConfig(
        **COMMON, rope_theta=500000.0, tie_word_embeddings=False, rope_scaling=LLAMA3_SCALING)),
    "qwen2": ("qwen2", Qwen2ForCausalLM, Qwen2Config(**COMMON, rope_theta=1000000.0,
                                                     tie_word_embeddings=False)),
}
CHAT_TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] "
    "+ '<|im_end|>' + '\n' }}{% endfor %}{% if add_generation_prompt %}"
    "{{ '<|im_start|>assistant\n' }}{% endif %}")


def byte_characters():
    """The printable stand-ins of GPT-2's byte-level BPE, by byte."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    table, extra = {}, 0
    for byte in range(256):
        if byte in printable:
            table[byte] = chr(byte)
        else:
            table[byte] = chr(256 + extra)
            extra += 1
    return table


def tokenizer():
    """256 bytes, some merges, filler tokens, three control tokens at the end."""
    chars = byte_characters()
    tokens = [chars[b] for b in range(256)]
    merges = []
    space = chars[32]
    for left, right in [("t", "h"), ("th", "e"), (space, "the"), ("i", "n"), (space, "a"),
                        ("e", "r"), ("o", "n"), (space, "s"), ("in", "g"), (space, "o"),
                        ("r", "e"), ("a", "t"), (space, "w"), ("o", "r"), ("l", "l")]:
        if left + right not in tokens:
            merges.append(f"{left} {right}")
            tokens.append(left + right)
    while len(tokens) < VOCAB - 3:
        tokens.append(f"filler{len(tokens)}")
    tokens += ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    types = [gguf.TokenType.NORMAL] * (VOCAB - 3) + [gguf.TokenType.CONTROL] * 3
    return tokens, merges, types


def permuted(weight, heads):
    """Rotary pairs side by side, as GGUF's llama wants them."""
    rows, cols = weight.shape
    return weight.reshape(heads, 2, rows // heads // 2, cols).swapaxes(1, 2).reshape(rows, cols)


def write_gguf(path, arch, config, model):
    writer = gguf.GGUFWriter(str(path), arch)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_theta)
    writer.add_rope_dimension_count(config.hidden_size // config.num_attention_heads)
    tokens, merges, types = tokenizer()
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2" if arch == "qwen2" else "smollm")
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges(merges)
    writer.add_eos_token_id(VOCAB - 1)
    writer.add_bos_token_id(VOCAB - 2)
    writer.add_add_bos_token(False)
    writer.add_chat_template(CHAT_TEMPLATE)

    names = gguf.get_tensor_name_map(
        gguf.MODEL_ARCH.LLAMA if arch == "llama" else gguf.MODEL_ARCH.QWEN2,
        config.num_hidden_layers)
    for name, tensor in model.state_dict().items():
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        data = tensor.detach().float().numpy()
        if arch == "llama" and name.endswith("q_proj.weight"):
            data = permuted(data, config.num_attention_heads)
        if arch == "llama" and name.endswith("k_proj.weight"):
            data = permuted(data, config.num_key_value_heads)
        writer.add_tensor(names.get_name(name, try_suffixes=(".weight", ".bias")),
                          np.ascontiguousarray(data))
    if config.rope_scaling:
        plain = 1.0 / config.rope_theta ** (
            torch.arange(0, 16, 2, dtype=torch.float64) / 16)
        scaled = model.model.rotary_emb.inv_freq.double()
        writer.add_tensor("rope_freqs.weight", (plain / scaled).float().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main():
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    for number, (name, (arch, cls, config)) in enumerate(MODELS.items()):
        torch.manual_seed(number)
        model = cls(config).float().eval()
        with torch.no_grad():
            for parameter_name, parameter in model.named_parameters():
                if "norm" in parameter_name:
                    parameter.uniform_(0.5, 1.5)
                if parameter_name.endswith("bias"):
                    parameter.uniform_(-1, 1)
        write_gguf(out / f"{name}.gguf", arch, config, model)
        generator = torch.Generator().manual_seed(100 + number)
        with open(out / f"{name}.golden", "wb") as file, torch.no_grad():
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
        print(name, "written")


if __name__ == "__main__":
    main()
