// A family of models: how its config.json and its tensors' names become a ModelDescription.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/formats/hf_json.h"
#include "plugins/bei/architecture.h"
#include "plugins/bei/hf/tensor_table.h"

namespace serval::bei {

// What config.json says, for a family to read. Errors are kept in `config`.
struct FamilyReader {
  HfJson& config;
  const TensorTable& tensors;
  Task task;          // what the class named in `architectures` is for
  bool masked_words;  // it is a model for masked words

  // A size: whole and from 1 to `most`; `absent` if there is no such key and it is not 0.
  int size(std::string_view key, int64_t most, int64_t absent = 0);
  float epsilon(std::string_view key, double absent);
  double positive(std::string_view key, double absent);
  Activation activation(std::string_view key, std::string_view absent);
  // Refuses a key that is set to something else than `plain`.
  void only_text(std::string_view key, std::string_view plain);
  void only_false(std::string_view key);
  void only_null(std::string_view key);
  // `prefix` if the encoder's tensors stand under it, else nothing: a bare encoder has none.
  std::string prefix(std::string_view prefix, std::string_view tensor) const;
};

struct Family {
  std::string_view model_type;  // of config.json
  ModelDescription (*describe)(FamilyReader&);
};

// Names of a module's tensors.
NormNames norm_names(const std::string& module, bool bias = true);
DenseNames dense_names(const std::vector<std::string>& modules, bool bias = true);

// Errors: unimplemented for what this plugin does not know, by name; invalid_argument for values
// that are missing or impossible.
Result<ModelDescription> describe_model(HfJson& config, const TensorTable& tensors);

// Sizes under the names that BERT's configuration gives them, up to intermediate_size.
void read_sizes(FamilyReader& reader, Architecture& a);

// RoBERTa's heads, which MPNet has as well: two layers for classes of texts, one for those of
// tokens, and one for masked words that shares the word embeddings.
void roberta_heads(const FamilyReader& reader, ModelDescription& model);

// BERT's own layers and embeddings, which RoBERTa has as well.
ModelDescription bert_encoder(FamilyReader& reader, const std::string& prefix);

ModelDescription describe_bert(FamilyReader& reader);
ModelDescription describe_roberta(FamilyReader& reader);
ModelDescription describe_mpnet(FamilyReader& reader);
ModelDescription describe_distilbert(FamilyReader& reader);
ModelDescription describe_modernbert(FamilyReader& reader);
ModelDescription describe_nomic_bert(FamilyReader& reader);
ModelDescription describe_qwen2(FamilyReader& reader);
ModelDescription describe_qwen3(FamilyReader& reader);

}  // namespace serval::bei
