// ModernBERT (Warner et al. 2024): pre-norm, rotary positions, a gated feed-forward, few biases;
// two layers of three see a window only.
#include "plugins/bei/families/family.h"

namespace serval::bei {
namespace {

// dense, activation, norm and classifier, which all of its heads are made of.
HeadNames head(FamilyReader& reader, bool norm_bias) {
  HeadNames out;
  out.dense = dense_names({"head.dense"}, reader.config.boolean("classifier_bias", false));
  out.activation = reader.activation("classifier_activation", "gelu");
  out.norm = norm_names("head.norm", norm_bias);
  return out;
}

}  // namespace

ModelDescription describe_modernbert(FamilyReader& reader) {
  reader.only_null("rope_scaling");
  reader.only_null("rope_parameters");
  ModelDescription model;
  Architecture& a = model.architecture;
  read_sizes(reader, a);
  a.max_positions = reader.size("max_position_embeddings", 1 << 20);
  a.norm_epsilon = reader.epsilon("norm_eps", 1e-5);
  a.activation = reader.activation("hidden_activation", "gelu");
  a.gated = a.pre_norm = true;
  a.layers.resize(std::size_t(reader.size("num_hidden_layers", 1 << 10)));
  const int every = reader.size("global_attn_every_n_layers", 1 << 10, 3);
  const int window = reader.size("local_attention", 1 << 20, 128) / 2;
  const double global_base = reader.positive("global_rope_theta", 160000);
  const double local_base = reader.positive("local_rope_theta", global_base);
  for (std::size_t i = 0; i < a.layers.size(); ++i)
    a.layers[i] = i % std::size_t(every) == 0 ? AttentionSpan{0, global_base}
                                              : AttentionSpan{window, local_base};

  const bool norm_bias = reader.config.boolean("norm_bias", false);
  const bool attention_bias = reader.config.boolean("attention_bias", false);
  const bool mlp_bias = reader.config.boolean("mlp_bias", false);
  const std::string prefix = reader.prefix("model.", "embeddings.tok_embeddings.weight");
  EncoderNames& names = model.encoder;
  names.words = prefix + "embeddings.tok_embeddings.weight";
  names.embedding_norm = norm_names(prefix + "embeddings.norm", norm_bias);
  names.final_norm = norm_names(prefix + "final_norm", norm_bias);
  for (std::size_t i = 0; i < a.layers.size(); ++i) {
    const std::string layer = prefix + "layers." + std::to_string(i) + ".";
    names.layers.push_back(
        {.attention_norm = i == 0 ? NormNames{} : norm_names(layer + "attn_norm", norm_bias),
         .feed_forward_norm = norm_names(layer + "mlp_norm", norm_bias),
         .qkv = dense_names({layer + "attn.Wqkv"}, attention_bias),
         .attention_out = dense_names({layer + "attn.Wo"}, attention_bias),
         .feed_in = dense_names({layer + "mlp.Wi"}, mlp_bias),
         .feed_out = dense_names({layer + "mlp.Wo"}, mlp_bias),
         .q_norm = {},
         .k_norm = {}});
  }
  if (reader.task != Task::embed) {
    model.head = head(reader, norm_bias);
    model.head.classifier = dense_names({"classifier"});
    const std::string pooling = reader.config.text("classifier_pooling", "cls");
    if (pooling != "cls" && pooling != "mean")
      reader.config.wrong("classifier_pooling", "\"cls\" or \"mean\"");
    model.pooling = pooling == "cls" ? Pooling::cls : Pooling::mean;
  }
  if (reader.masked_words) {
    model.masked_words = head(reader, norm_bias);
    model.masked_words.classifier = {{names.words}, {}};
    if (reader.config.boolean("decoder_bias", true))
      model.masked_words.classifier.bias = {"decoder.bias"};
    model.unused = {"decoder.weight"};
  } else if (reader.task == Task::embed) {
    model.unused = {"head.", "decoder."};
  }
  return model;
}

}  // namespace serval::bei
