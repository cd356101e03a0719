"""Writes a transformers model as GGUF in F32, with a small byte-level BPE tokenizer; for llm.py."""
import gguf
import numpy as np
import torch

VOCAB = 320
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


def add_tokenizer(writer, arch):
    tokens, merges, types = tokenizer()
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm" if arch == "llama" else "qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges(merges)
    writer.add_eos_token_id(VOCAB - 1)
    writer.add_bos_token_id(VOCAB - 2)
    writer.add_add_bos_token(False)
    writer.add_chat_template(CHAT_TEMPLATE)


def head_dim(config):
    return getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads


def rope_scaling(config):
    return getattr(config, "rope_scaling", None)


def add_rope_scaling(writer, scaling):
    kind = scaling["rope_type"]
    if kind == "llama3":
        return  # the tensor rope_freqs.weight says it
    writer.add_rope_scaling_type(gguf.RopeScalingType(kind))
    writer.add_rope_scaling_factor(scaling["factor"])
    if kind == "yarn":
        usual = 0.1 * np.log(scaling["factor"]) + 1
        writer.add_rope_scaling_orig_ctx_len(scaling["original_max_position_embeddings"])
        writer.add_rope_scaling_attn_factors(scaling.get("attention_factor", usual) / usual)
        writer.add_rope_scaling_yarn_beta_fast(scaling.get("beta_fast", 32.0))
        writer.add_rope_scaling_yarn_beta_slow(scaling.get("beta_slow", 1.0))


def add_metadata(writer, arch, config):
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_theta)
    writer.add_rope_dimension_count(head_dim(config))
    if head_dim(config) * config.num_attention_heads != config.hidden_size:
        writer.add_key_length(head_dim(config))
        writer.add_value_length(head_dim(config))
    if rope_scaling(config):
        add_rope_scaling(writer, rope_scaling(config))
    if arch == "gemma3":
        writer.add_sliding_window(config.sliding_window)
        if config.final_logit_softcapping:
            writer.add_final_logit_softcapping(config.final_logit_softcapping)
    experts = getattr(config, "num_local_experts", None) or getattr(config, "num_experts", None)
    if experts:
        writer.add_expert_count(experts)
        writer.add_expert_used_count(config.num_experts_per_tok)
        if arch == "qwen3moe":
            writer.add_expert_feed_forward_length(config.moe_intermediate_size)
            writer.add_expert_weights_norm(config.norm_topk_prob)


def stacked_experts(state):
    """Joins experts.0.w, experts.1.w, ... to one tensor experts.w."""
    stacks = {}
    for name, tensor in state.items():
        if ".experts." in name:
            before, after = name.split(".experts.")
            stacks.setdefault(f"{before}.experts.{after.split('.', 1)[1]}", []).append(tensor)
        else:
            stacks[name] = tensor
    return {name: torch.stack(t) if isinstance(t, list) else t for name, t in stacks.items()}


def add_tensors(writer, arch, config, model):
    names = gguf.get_tensor_name_map(
        next(a for a, name in gguf.MODEL_ARCH_NAMES.items() if name == arch),
        config.num_hidden_layers)
    for name, tensor in stacked_experts(model.state_dict()).items():
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        data = tensor.detach().float().numpy()
        if arch == "llama" and name.endswith("q_proj.weight"):
            data = permuted(data, config.num_attention_heads)
        if arch == "llama" and name.endswith("k_proj.weight"):
            data = permuted(data, config.num_key_value_heads)
        if arch == "gemma3" and "norm" in name:
            data = data + 1
        writer.add_tensor(names.get_name(name, try_suffixes=(".weight", ".bias")),
                          np.ascontiguousarray(data))
    if rope_scaling(config) and rope_scaling(config)["rope_type"] == "llama3":
        dim = head_dim(config)
        plain = 1.0 / config.rope_theta ** (torch.arange(0, dim, 2, dtype=torch.float64) / dim)
        scaled = model.model.rotary_emb.inv_freq.double()
        writer.add_tensor("rope_freqs.weight", (plain / scaled).float().numpy())


def write_gguf(path, arch, config, model):
    writer = gguf.GGUFWriter(str(path), arch)
    add_metadata(writer, arch, config)
    add_tokenizer(writer, arch)
    add_tensors(writer, arch, config, model)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
