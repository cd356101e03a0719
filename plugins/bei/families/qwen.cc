// Qwen2 and Qwen3 (Yang et al. 2024, 2025) as embedders and judges: causal decoders of which the
// last token's state is read.
#include "plugins/bei/families/family.h"

namespace serval::bei {
namespace {

ModelDescription describe(FamilyReader& reader, bool qkv_bias, bool qk_norm) {
  reader.only_false("use_sliding_window");
  if (const json::value* scaling = reader.config.value("rope_scaling")) {
    const json::value* type =
        scaling->is_object() ? scaling->get_object().if_contains("rope_type") : nullptr;
    if (type == nullptr || !type->is_string() || type->get_string() != "default")
      reader.config.refuse("rope_scaling");
  }
  ModelDescription model;
  Architecture& a = model.architecture;
  a.vocab = reader.size("vocab_size", 1 << 24);
  a.hidden = reader.size("hidden_size", 1 << 16);
  a.heads = reader.size("num_attention_heads", 1 << 10);
  a.kv_heads = reader.size("num_key_value_heads", 1 << 10, a.heads);
  a.head_dim = reader.size("head_dim", 512, qk_norm ? 128 : a.hidden / a.heads);
  a.feed_forward = reader.size("intermediate_size", 1 << 20);
  a.max_positions = reader.size("max_position_embeddings", 1 << 20);
  a.norm_epsilon = reader.epsilon("rms_norm_eps", 1e-6);
  a.norm = NormKind::rms;
  a.activation = reader.activation("hidden_act", "silu");
  a.pre_norm = a.gated = a.causal = true;
  a.qk_norm = qk_norm;
  a.layers.assign(std::size_t(reader.size("num_hidden_layers", 1 << 10)),
                  {0, reader.positive("rope_theta", 10000)});

  const std::string prefix = reader.prefix("model.", "embed_tokens.weight");
  EncoderNames& names = model.encoder;
  names.words = prefix + "embed_tokens.weight";
  names.final_norm = norm_names(prefix + "norm", false);
  for (std::size_t i = 0; i < a.layers.size(); ++i) {
    const std::string layer = prefix + "layers." + std::to_string(i) + ".";
    const std::string attention = layer + "self_attn.";
    LayerNames out;
    out.attention_norm = norm_names(layer + "input_layernorm", false);
    out.feed_forward_norm = norm_names(layer + "post_attention_layernorm", false);
    out.qkv =
        dense_names({attention + "q_proj", attention + "k_proj", attention + "v_proj"}, qkv_bias);
    out.attention_out = dense_names({attention + "o_proj"}, false);
    out.feed_in = dense_names({layer + "mlp.gate_proj", layer + "mlp.up_proj"}, false);
    out.feed_out = dense_names({layer + "mlp.down_proj"}, false);
    if (qk_norm) {
      out.q_norm = attention + "q_norm.weight";
      out.k_norm = attention + "k_norm.weight";
    }
    names.layers.push_back(std::move(out));
  }
  model.pooling = Pooling::last;
  if (reader.task != Task::embed)
    model.head.classifier = dense_names({"score"}, reader.task == Task::token);
  model.unused = {"lm_head."};
  return model;
}

}  // namespace

ModelDescription describe_qwen2(FamilyReader& reader) { return describe(reader, true, false); }

ModelDescription describe_qwen3(FamilyReader& reader) {
  reader.only_false("attention_bias");
  return describe(reader, false, true);
}

}  // namespace serval::bei
