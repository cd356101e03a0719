"""NomicBERT in plain torch, after the paper (Nussbaum et al. 2024, section 2) and the names and
settings of its published configuration: BERT with rotary positions (Su et al. 2021) in place of a
position table, a SwiGLU feed-forward (Shazeer 2020) and no biases in its products.
"""
import json
from types import SimpleNamespace

import torch
from safetensors.torch import save_file
from torch import nn


class NomicConfig:
    vocab_size, n_embd, n_head, n_layer, n_inner, n_positions = 72, 32, 4, 2, 40, 64
    rotary_emb_base, type_vocab_size, layer_norm_epsilon = 1000.0, 2, 1e-12

    def json(self):
        return {"model_type": "nomic_bert", "architectures": ["NomicBertModel"],
                "activation_function": "swiglu", "prenorm": False, "rotary_emb_fraction": 1.0,
                "rotary_emb_interleaved": False, "rotary_scaling_factor": None,
                "qkv_proj_bias": False, "mlp_fc1_bias": False, "mlp_fc2_bias": False} | {
                    key: getattr(self, key) for key in
                    ("vocab_size", "n_embd", "n_head", "n_layer", "n_inner", "n_positions",
                     "rotary_emb_base", "type_vocab_size", "layer_norm_epsilon")}


def rotated(x, base):
    """x: [tokens, heads, width]; the halves of a head are the pairs' first and second parts."""
    half = x.shape[-1] // 2
    angles = torch.arange(x.shape[0])[:, None] * base ** (-torch.arange(half) * 2 / x.shape[-1])
    cos, sin = angles.cos()[:, None], angles.sin()[:, None]
    first, second = x[..., :half], x[..., half:]
    return torch.cat([first * cos - second * sin, second * cos + first * sin], -1)


class Layer(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c = c
        self.attn = nn.ModuleDict({"Wqkv": nn.Linear(c.n_embd, 3 * c.n_embd, bias=False),
                                   "out_proj": nn.Linear(c.n_embd, c.n_embd, bias=False)})
        self.mlp = nn.ModuleDict({"fc11": nn.Linear(c.n_embd, c.n_inner, bias=False),
                                  "fc12": nn.Linear(c.n_embd, c.n_inner, bias=False),
                                  "fc2": nn.Linear(c.n_inner, c.n_embd, bias=False)})
        self.norm1 = nn.LayerNorm(c.n_embd, c.layer_norm_epsilon)
        self.norm2 = nn.LayerNorm(c.n_embd, c.layer_norm_epsilon)

    def forward(self, x):
        c, tokens = self.c, x.shape[0]
        q, k, v = self.attn["Wqkv"](x).view(tokens, 3, c.n_head, -1).unbind(1)
        q, k = rotated(q, c.rotary_emb_base), rotated(k, c.rotary_emb_base)
        scores = torch.einsum("ihd,jhd->hij", q, k) / q.shape[-1] ** 0.5
        mixed = torch.einsum("hij,jhd->ihd", scores.softmax(-1), v).reshape(tokens, -1)
        x = self.norm1(x + self.attn["out_proj"](mixed))
        inner = self.mlp["fc11"](x) * nn.functional.silu(self.mlp["fc12"](x))
        return self.norm2(x + self.mlp["fc2"](inner))


class NomicBert(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.embeddings = nn.ModuleDict({
            "word_embeddings": nn.Embedding(config.vocab_size, config.n_embd),
            "token_type_embeddings": nn.Embedding(config.type_vocab_size, config.n_embd)})
        self.emb_ln = nn.LayerNorm(config.n_embd, config.layer_norm_epsilon)
        self.encoder = nn.ModuleDict({"layers": nn.ModuleList(
            Layer(config) for _ in range(config.n_layer))})
        for value in self.parameters():
            if value.dim() == 2:
                nn.init.normal_(value, std=0.2)

    def forward(self, input_ids, token_type_ids, attention_mask):
        x = self.embeddings["word_embeddings"](input_ids[0])
        x = self.emb_ln(x + self.embeddings["token_type_embeddings"](token_type_ids[0]))
        for layer in self.encoder["layers"]:
            x = layer(x)
        return SimpleNamespace(last_hidden_state=x[None])

    def save_pretrained(self, folder):
        (folder / "config.json").write_text(json.dumps(self.config.json(), indent=1) + "\n")
        save_file(self.state_dict(), folder / "model.safetensors")
