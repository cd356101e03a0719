// NomicBERT (Nussbaum et al. 2024): BERT with rotary positions and a gated feed-forward; the names
// of its configuration are GPT-2's.
#include "plugins/bei/families/family.h"

namespace serval::bei {

ModelDescription describe_nomic_bert(FamilyReader& reader) {
  reader.only_text("activation_function", "swiglu");
  reader.only_false("prenorm");
  reader.only_false("rotary_emb_interleaved");
  reader.only_false("use_rms_norm");
  reader.only_null("rotary_scaling_factor");
  reader.only_null("num_experts");
  reader.only_null("rotary_emb_scale_base");
  if (reader.config.real("rotary_emb_fraction").value_or(1) != 1)
    reader.config.refuse("rotary_emb_fraction other than 1");
  if (reader.task != Task::embed) reader.config.refuse("a classifier of nomic_bert");
  if (reader.masked_words) reader.config.refuse("a head for masked words of nomic_bert");
  ModelDescription model;
  Architecture& a = model.architecture;
  a.vocab = reader.size("vocab_size", 1 << 24);
  a.hidden = reader.size("n_embd", 1 << 16);
  a.heads = a.kv_heads = reader.size("n_head", 1 << 10);
  a.head_dim = a.hidden / a.heads;
  if (a.head_dim * a.heads != a.hidden) reader.config.wrong("n_embd", "a multiple of n_head");
  a.feed_forward = reader.size("n_inner", 1 << 20, 4 * a.hidden);
  a.max_positions = reader.size("n_positions", 1 << 20);
  a.token_types = reader.size("type_vocab_size", 1 << 10, 2);
  a.norm_epsilon = reader.epsilon("layer_norm_epsilon", 1e-12);
  a.activation = Activation::silu;
  a.gated = true;
  a.layers.assign(std::size_t(reader.size("n_layer", 1 << 10)),
                  {0, reader.positive("rotary_emb_base", 10000)});

  const bool qkv_bias = reader.config.boolean("qkv_proj_bias", false);
  const bool in_bias = reader.config.boolean("mlp_fc1_bias", false);
  const bool out_bias = reader.config.boolean("mlp_fc2_bias", false);
  EncoderNames& names = model.encoder;
  names.words = "embeddings.word_embeddings.weight";
  names.token_types = "embeddings.token_type_embeddings.weight";
  names.embedding_norm = norm_names("emb_ln");
  for (std::size_t i = 0; i < a.layers.size(); ++i) {
    const std::string layer = "encoder.layers." + std::to_string(i) + ".";
    names.layers.push_back(
        {.attention_norm = norm_names(layer + "norm1"),
         .feed_forward_norm = norm_names(layer + "norm2"),
         .qkv = dense_names({layer + "attn.Wqkv"}, qkv_bias),
         .attention_out = dense_names({layer + "attn.out_proj"}, qkv_bias),
         .feed_in = dense_names({layer + "mlp.fc12", layer + "mlp.fc11"}, in_bias),
         .feed_out = dense_names({layer + "mlp.fc2"}, out_bias),
         .q_norm = {},
         .k_norm = {}});
  }
  return model;
}

}  // namespace serval::bei
