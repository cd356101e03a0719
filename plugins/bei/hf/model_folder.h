// A Hugging Face folder, read and understood, its weights not yet touched.
#pragma once

#include <filesystem>

#include "plugins/bei/architecture.h"
#include "plugins/bei/hf/sentence_modules.h"
#include "plugins/bei/hf/tensor_table.h"

namespace serval::bei {

struct ModelFolder {
  SentenceModules modules;
  TensorTable tensors;
  ModelDescription description;     // its pooling is the modules' where they name one
  int max_tokens = 0;               // the longest text, by everything the folder says
  std::size_t tokenizer_bytes = 0;  // of tokenizer.json
};

// wanted_tokens: the configuration's longest text; 0: the folder's own limit, which a larger number
// raises as far as the weights go.
// Errors: not_found for missing files; data_loss for damaged ones; unimplemented, by name, for what
// is not known.
Result<ModelFolder> open_model_folder(const std::filesystem::path& path, int wanted_tokens);

}  // namespace serval::bei
