#!/usr/bin/env python3
"""Writes tests/golden/whisper/NAME: small random-weight Whisper models as Hugging Face folders, and
what transformers computes with them.

    python3 -m venv venv
    venv/bin/pip install torch==2.15.0 transformers==4.57.6 ctranslate2==4.8.5
    venv/bin/python tools/golden/whisper.py tests/golden/whisper [NAME...]

A folder has config.json, generation_config.json, model.safetensors and golden.json: an array of
cases
    {"frames": n, "graft": bool, "tokens": [ids], "states": [every 9th][hidden],
     "logits": [tokens][vocabulary], "alignment": [heads][tokens][states]}
The mel at frame t and bin m is ((7919 t + 104729 m + 13 n) mod 2001) / 1000 - 1. Fewer frames than a
window are encoded by themselves, at the first positions; with a graft the decoder also sees the
states of a window of silence (-1.5 in every bin) from there on. Source of the numbers: transformers,
float32, attn_implementation="eager".

NAME-int8 and NAME-int16 are the model NAME as CTranslate2's converter quantises it, and what
transformers computes with the weights that this leaves.
"""
import copy
import json
import sys
from pathlib import Path

import torch
import transformers as hf
from safetensors.torch import save_file

WINDOW = 80  # states
COMMON = dict(max_source_positions=WINDOW, max_target_positions=48, init_std=0.2, pad_token_id=0,
              bos_token_id=1, eos_token_id=2, decoder_start_token_id=3, attn_implementation="eager")
# (configuration, type of the weights, alignment heads or none, of many languages)
MODELS = {
    "english": (dict(d_model=32, encoder_attention_heads=2, decoder_attention_heads=2,
                     encoder_layers=1, decoder_layers=2, encoder_ffn_dim=48, decoder_ffn_dim=40,
                     num_mel_bins=80, vocab_size=67), torch.float16, [[1, 0], [0, 1]], False),
    "large-mels": (dict(d_model=32, encoder_attention_heads=1, decoder_attention_heads=1,
                        encoder_layers=2, decoder_layers=1, encoder_ffn_dim=40, decoder_ffn_dim=56,
                        num_mel_bins=128, vocab_size=70), torch.bfloat16, None, True),
    "odd": (dict(d_model=32, encoder_attention_heads=2, decoder_attention_heads=2, encoder_layers=1,
                 decoder_layers=1, encoder_ffn_dim=33, decoder_ffn_dim=31, num_mel_bins=7,
                 vocab_size=45), torch.float32, [[0, 1]], False),
}
CASES = [(2 * WINDOW, False), (64, False), (64, True), (128, True)]
TOKENS = [3, 7, 11, 7, 30, 44, 5]


def mel_of(frames, mels):
    t, m = torch.arange(frames)[:, None], torch.arange(mels)[None, :]
    return ((7919 * t + 104729 * m + 13 * frames) % 2001).float() / 1000 - 1


def randomize(model, seed):
    """Biases and norms as well: they start as zeros and ones, which would hide a mistake."""
    generator = torch.Generator().manual_seed(seed)
    for name, value in model.named_parameters():
        noise = torch.randn(value.shape, generator=generator)
        if value.dim() == 1:
            value.data = noise * 0.2 + (1.0 if "norm" in name and name.endswith("weight") else 0.0)
        else:
            value.data = noise * (0.5 if "position" in name else value[0].numel() ** -0.5 * 1.5)


def encode(model, mel):
    encoder, states = model.model.encoder, mel.shape[0] // 2
    table, window = encoder.embed_positions, encoder.config.max_source_positions
    encoder.embed_positions = torch.nn.Embedding.from_pretrained(table.weight[:states])
    encoder.config.max_source_positions = states
    out = encoder(mel.T[None]).last_hidden_state[0]
    encoder.embed_positions, encoder.config.max_source_positions = table, window
    return out


def nested(tensor):
    return [[float(f"{x:.4g}") for x in row] for row in tensor.tolist()]


def write(out, name):
    sizes, dtype, heads, multilingual = MODELS[name]
    torch.manual_seed(1)
    model = hf.WhisperForConditionalGeneration(hf.WhisperConfig(**sizes, **COMMON)).eval()
    randomize(model, 7)
    weights = {n: v.detach().to(dtype).contiguous() for n, v in model.state_dict().items()
               if n != "proj_out.weight"}
    model.load_state_dict({**{n: v.float() for n, v in weights.items()}, "proj_out.weight":
                           weights["model.decoder.embed_tokens.weight"].float()})
    folder = out / name
    folder.mkdir(parents=True, exist_ok=True)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    model.config.architectures = ["WhisperForConditionalGeneration"]
    (folder / "config.json").write_text(json.dumps(model.config.to_dict(), indent=1) + "\n")
    generation = dict(suppress_tokens=[4, 6], begin_suppress_tokens=[8, 2],
                      is_multilingual=multilingual)
    if heads:
        generation["alignment_heads"] = heads
    if multilingual:
        generation["lang_to_id"] = {"<|en|>": 9, "<|de|>": 10}
    (folder / "generation_config.json").write_text(json.dumps(generation, indent=1) + "\n")
    write_cases(folder, model, heads)
    return model


def write_cases(folder, model, heads):
    layers = model.config.decoder_layers
    taken = heads or [[l, h] for l in range(layers // 2, layers)
                      for h in range(model.config.decoder_attention_heads)]
    cases = []
    for frames, graft in CASES:
        states = encode(model, mel_of(frames, model.config.num_mel_bins))
        seen = states
        if graft:
            silence = encode(model, torch.full((2 * WINDOW, model.config.num_mel_bins), -1.5))
            seen = torch.cat([states, silence[states.shape[0]:]])
        decoded = model.model.decoder(torch.tensor([TOKENS]), encoder_hidden_states=seen[None],
                                      output_attentions=True)
        logits = model.proj_out(decoded.last_hidden_state)[0]
        look = [nested(decoded.cross_attentions[l][0, h]) for l, h in taken]
        cases.append(dict(frames=frames, graft=graft, tokens=TOKENS, states=nested(states[::9]),
                          logits=nested(logits), alignment=look))
    (folder / "golden.json").write_text(json.dumps(cases, separators=(",", ":")) + "\n")


def ctranslate2_names(model):
    """(name in CTranslate2, the parameters that it holds one below the other)."""
    def attention(ours, theirs, groups):
        for i, letters in enumerate(groups):
            yield f"{ours}/linear_{i}/weight", [
                getattr(theirs, "out_proj" if letter == "o" else letter + "_proj").weight
                for letter in letters]

    yield "encoder/conv1/weight", [model.model.encoder.conv1.weight]
    yield "encoder/conv2/weight", [model.model.encoder.conv2.weight]
    yield "decoder/embeddings/weight", [model.model.decoder.embed_tokens.weight]
    for side, layers in (("encoder", model.model.encoder.layers),
                         ("decoder", model.model.decoder.layers)):
        for i, layer in enumerate(layers):
            at = f"{side}/layer_{i}/"
            yield from attention(at + "self_attention", layer.self_attn, ["qkv", "o"])
            if side == "decoder":
                yield from attention(at + "attention", layer.encoder_attn, ["q", "kv", "o"])
            yield at + "ffn/linear_0/weight", [layer.fc1.weight]
            yield at + "ffn/linear_1/weight", [layer.fc2.weight]


def write_quantized(out, name, model, quantization):
    """model's weights become what they are after quantization."""
    from ctranslate2.converters.transformers import WhisperLoader
    _, _, heads, _ = MODELS[name]
    spec = WhisperLoader().get_model_spec(model)
    spec.register_vocabulary([f"token{i}" for i in range(model.config.vocab_size)])
    spec.validate()
    spec.optimize(quantization=quantization)
    folder = out / f"{name}-{quantization}"
    folder.mkdir(exist_ok=True)
    spec.save(str(folder))
    (folder / "vocabulary.json").unlink()
    (folder / "config.json").write_text(json.dumps(dict(
        suppress_ids=[4, 6], suppress_ids_begin=[8, 2], alignment_heads=heads)) + "\n")
    variables = spec.variables()
    for variable, parameters in ctranslate2_names(model):
        whole = torch.from_numpy(variables[variable].numpy()).float()
        scale = torch.tensor(variables[variable + "_scale"].numpy()).float()
        rows = (whole / scale.reshape(-1, *[1] * (whole.dim() - 1))).split(
            [parameter.shape[0] for parameter in parameters])
        for parameter, part in zip(parameters, rows):
            parameter.copy_(part)
    write_cases(folder, model, heads)


def main():
    out = Path(sys.argv[1])
    with torch.no_grad():
        for name in sys.argv[2:] or MODELS:
            model = write(out, name)
            if name == "english":
                weights = copy.deepcopy(model.state_dict())
                for quantization in ("int8", "int16"):
                    model.load_state_dict(weights)
                    write_quantized(out, name, model, quantization)


main()
