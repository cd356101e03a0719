// RoBERTa (Liu et al. 2019) and XLM-R (Conneau et al. 2019): BERT whose positions count from behind
// the padding token's, with a head of two layers for classes.
#include "plugins/bei/families/family.h"

namespace serval::bei {

void roberta_heads(const FamilyReader& reader, ModelDescription& model) {
  if (reader.task == Task::sequence) {
    model.head.dense = dense_names({"classifier.dense"});
    model.head.activation = Activation::tanh;
    model.head.classifier = dense_names({"classifier.out_proj"});
  }
  if (reader.task == Task::token) model.head.classifier = dense_names({"classifier"});
  if (reader.masked_words) {
    model.masked_words.dense = dense_names({"lm_head.dense"});
    model.masked_words.activation = Activation::gelu_erf;
    model.masked_words.norm = norm_names("lm_head.layer_norm");
    model.masked_words.classifier = {{model.encoder.words}, {"lm_head.bias"}};
    model.unused.push_back("lm_head.decoder.");
  } else {
    model.unused.push_back("lm_head.");
  }
}

ModelDescription describe_roberta(FamilyReader& reader) {
  const std::string prefix = reader.prefix("roberta.", "embeddings.word_embeddings.weight");
  ModelDescription model = bert_encoder(reader, prefix);
  Architecture& a = model.architecture;
  a.position_offset = int(reader.config.integer("pad_token_id").value_or(1)) + 1;
  if (a.position_offset < 1 || a.position_offset >= a.max_positions) {
    reader.config.wrong("pad_token_id", "a row of the position table");
    return model;
  }
  a.max_positions -= a.position_offset;
  roberta_heads(reader, model);
  return model;
}

}  // namespace serval::bei
