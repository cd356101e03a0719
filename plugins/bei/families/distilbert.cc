// DistilBERT (Sanh et al. 2019): BERT without token types and pooler, under names of its own.
#include "plugins/bei/families/family.h"

namespace serval::bei {

ModelDescription describe_distilbert(FamilyReader& reader) {
  ModelDescription model;
  Architecture& a = model.architecture;
  a.vocab = reader.size("vocab_size", 1 << 24);
  a.hidden = reader.size("dim", 1 << 16);
  a.heads = a.kv_heads = reader.size("n_heads", 1 << 10);
  a.head_dim = a.hidden / a.heads;
  if (a.head_dim * a.heads != a.hidden) reader.config.wrong("dim", "a multiple of n_heads");
  a.feed_forward = reader.size("hidden_dim", 1 << 20);
  a.max_positions = reader.size("max_position_embeddings", 1 << 20);
  a.norm_epsilon = 1e-12f;
  a.activation = reader.activation("activation", "gelu");
  a.layers.resize(std::size_t(reader.size("n_layers", 1 << 10)));

  const std::string prefix = reader.prefix("distilbert.", "embeddings.word_embeddings.weight");
  EncoderNames& names = model.encoder;
  names.words = prefix + "embeddings.word_embeddings.weight";
  names.positions = prefix + "embeddings.position_embeddings.weight";
  names.embedding_norm = norm_names(prefix + "embeddings.LayerNorm");
  for (std::size_t i = 0; i < a.layers.size(); ++i) {
    const std::string layer = prefix + "transformer.layer." + std::to_string(i) + ".";
    const std::string attention = layer + "attention.";
    names.layers.push_back(
        {.attention_norm = norm_names(layer + "sa_layer_norm"),
         .feed_forward_norm = norm_names(layer + "output_layer_norm"),
         .qkv = dense_names({attention + "q_lin", attention + "k_lin", attention + "v_lin"}),
         .attention_out = dense_names({attention + "out_lin"}),
         .feed_in = dense_names({layer + "ffn.lin1"}),
         .feed_out = dense_names({layer + "ffn.lin2"}),
         .q_norm = {},
         .k_norm = {}});
  }
  model.unused = {prefix + "embeddings.position_ids"};
  if (reader.task == Task::sequence) {
    model.pooling = Pooling::cls;
    model.head.dense = dense_names({"pre_classifier"});
    model.head.activation = Activation::relu;
  }
  if (reader.task != Task::embed) model.head.classifier = dense_names({"classifier"});
  if (reader.masked_words) {
    model.masked_words.dense = dense_names({"vocab_transform"});
    model.masked_words.activation = a.activation;
    model.masked_words.norm = norm_names("vocab_layer_norm");
    model.masked_words.classifier = {{names.words}, {"vocab_projector.bias"}};
    model.unused.push_back("vocab_projector.weight");
  } else {
    model.unused.push_back("vocab_");
  }
  return model;
}

}  // namespace serval::bei
