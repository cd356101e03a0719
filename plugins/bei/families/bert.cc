// BERT (Devlin et al. 2018): post-norm, learned positions, two kinds of tokens.
#include "plugins/bei/families/family.h"

namespace serval::bei {

void read_sizes(FamilyReader& reader, Architecture& a) {
  a.vocab = reader.size("vocab_size", 1 << 24);
  a.hidden = reader.size("hidden_size", 1 << 16);
  a.heads = a.kv_heads = reader.size("num_attention_heads", 1 << 10);
  a.head_dim = a.hidden / a.heads;
  if (a.head_dim * a.heads != a.hidden)
    reader.config.wrong("hidden_size", "a multiple of num_attention_heads");
  a.feed_forward = reader.size("intermediate_size", 1 << 20);
}

ModelDescription bert_encoder(FamilyReader& reader, const std::string& prefix) {
  reader.only_text("position_embedding_type", "absolute");
  reader.only_false("is_decoder");
  ModelDescription model;
  Architecture& a = model.architecture;
  read_sizes(reader, a);
  a.max_positions = reader.size("max_position_embeddings", 1 << 20);
  a.token_types = reader.size("type_vocab_size", 1 << 10, 2);
  a.norm_epsilon = reader.epsilon("layer_norm_eps", 1e-12);
  a.activation = reader.activation("hidden_act", "gelu");
  a.layers.resize(std::size_t(reader.size("num_hidden_layers", 1 << 10)));

  const std::string embeddings = prefix + "embeddings.";
  EncoderNames& names = model.encoder;
  names.words = embeddings + "word_embeddings.weight";
  names.positions = embeddings + "position_embeddings.weight";
  names.token_types = embeddings + "token_type_embeddings.weight";
  names.embedding_norm = norm_names(embeddings + "LayerNorm");
  for (std::size_t i = 0; i < a.layers.size(); ++i) {
    const std::string layer = prefix + "encoder.layer." + std::to_string(i) + ".";
    const std::string attention = layer + "attention.self.";
    names.layers.push_back(
        {.attention_norm = norm_names(layer + "attention.output.LayerNorm"),
         .feed_forward_norm = norm_names(layer + "output.LayerNorm"),
         .qkv = dense_names({attention + "query", attention + "key", attention + "value"}),
         .attention_out = dense_names({layer + "attention.output.dense"}),
         .feed_in = dense_names({layer + "intermediate.dense"}),
         .feed_out = dense_names({layer + "output.dense"}),
         .q_norm = {},
         .k_norm = {}});
  }
  model.pooling = reader.task == Task::sequence ? Pooling::cls : Pooling::mean;
  model.unused = {embeddings + "position_ids", embeddings + "token_type_ids", prefix + "pooler."};
  return model;
}

ModelDescription describe_bert(FamilyReader& reader) {
  const std::string prefix = reader.prefix("bert.", "embeddings.word_embeddings.weight");
  ModelDescription model = bert_encoder(reader, prefix);
  if (reader.task == Task::sequence) {
    model.head.dense = dense_names({prefix + "pooler.dense"});
    model.head.activation = Activation::tanh;
  }
  if (reader.task != Task::embed) model.head.classifier = dense_names({"classifier"});
  if (reader.masked_words) {
    const std::string head = "cls.predictions.";
    model.masked_words.dense = dense_names({head + "transform.dense"});
    model.masked_words.activation = model.architecture.activation;
    model.masked_words.norm = norm_names(head + "transform.LayerNorm");
    model.masked_words.classifier = {{model.encoder.words}, {head + "bias"}};
    model.unused.push_back(head + "decoder.");  // the word embeddings once more
  }
  model.unused.push_back(reader.masked_words ? "cls.seq_relationship." : "cls.");
  return model;
}

}  // namespace serval::bei
