// MPNet (Song et al. 2020): BERT with one table of biases by the distance of two tokens, which all
// layers share, and without token types.
#include "plugins/bei/families/family.h"

namespace serval::bei {

ModelDescription describe_mpnet(FamilyReader& reader) {
  constexpr int kOffset = 2;  // positions count from behind the padding token, 1
  ModelDescription model;
  Architecture& a = model.architecture;
  read_sizes(reader, a);
  a.position_offset = kOffset;
  a.max_positions = reader.size("max_position_embeddings", 1 << 20) - kOffset;
  if (a.max_positions < 1) reader.config.wrong("max_position_embeddings", "above 2");
  a.relative_buckets = reader.size("relative_attention_num_buckets", 1 << 12, 32);
  a.norm_epsilon = reader.epsilon("layer_norm_eps", 1e-12);
  a.activation = reader.activation("hidden_act", "gelu");
  a.layers.resize(std::size_t(reader.size("num_hidden_layers", 1 << 10)));

  const std::string prefix = reader.prefix("mpnet.", "embeddings.word_embeddings.weight");
  EncoderNames& names = model.encoder;
  names.words = prefix + "embeddings.word_embeddings.weight";
  names.positions = prefix + "embeddings.position_embeddings.weight";
  names.embedding_norm = norm_names(prefix + "embeddings.LayerNorm");
  names.relative_bias = prefix + "encoder.relative_attention_bias.weight";
  for (std::size_t i = 0; i < a.layers.size(); ++i) {
    const std::string layer = prefix + "encoder.layer." + std::to_string(i) + ".";
    const std::string attention = layer + "attention.attn.";
    names.layers.push_back({.attention_norm = norm_names(layer + "attention.LayerNorm"),
                            .feed_forward_norm = norm_names(layer + "output.LayerNorm"),
                            .qkv = dense_names({attention + "q", attention + "k", attention + "v"}),
                            .attention_out = dense_names({attention + "o"}),
                            .feed_in = dense_names({layer + "intermediate.dense"}),
                            .feed_out = dense_names({layer + "output.dense"}),
                            .q_norm = {},
                            .k_norm = {}});
  }
  model.unused = {prefix + "embeddings.position_ids", prefix + "pooler."};
  if (reader.task == Task::sequence) model.pooling = Pooling::cls;
  roberta_heads(reader, model);
  return model;
}

}  // namespace serval::bei
