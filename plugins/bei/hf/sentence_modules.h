// What a sentence-transformers folder says beside the model: the modules behind the transformer,
// the longest input, the prompts.
//
//   modules.json                        which modules, in which folders
//   sentence_bert_config.json           max_seq_length
//   N_Pooling/config.json               which states become the text's vector
//   N_Dense/config.json, model.safetensors
//   config_sentence_transformers.json   prompts, similarity
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/result.h"
#include "plugins/bei/architecture.h"

namespace serval::bei {

struct DenseModule {
  std::filesystem::path folder;  // its weights: linear.weight [out, in], linear.bias [out]
  int in = 0, out = 0;
  bool bias = true;
  Activation activation = Activation::tanh;
};

struct SentenceModules {
  std::filesystem::path transformer;  // where config.json and the weights are
  std::optional<Pooling> pooling;     // none: the folder has no modules
  std::vector<DenseModule> dense;
  bool normalize = false;
  int max_tokens = 0;  // 0: not said
  std::map<std::string, std::string> prompts;
  std::string default_prompt;  // a name; empty: none
  std::string similarity = "cosine";
};

// A folder without these files gives the defaults above. Errors: data_loss for damaged files;
// unimplemented, by name, for modules and settings that are not known.
Result<SentenceModules> read_sentence_modules(const std::filesystem::path& folder);

}  // namespace serval::bei
