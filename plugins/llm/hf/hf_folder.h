// A Hugging Face folder shown as a GGUF file: keys and tensors get the names a GGUF file of the
// model would have, so that families and tokenizers need no second way.
//
//   config.json                     hyperparameters (hf_config.cc)
//   *.safetensors                   weights, F32, F16 or BF16 (hf_tensors.cc)
//   tokenizer.json, tokenizer_config.json, generation_config.json, chat_template.jinja
//                                   (hf_tokenizer.cc)
#pragma once

#include <filesystem>

#include "common/formats/gguf.h"

namespace serval::llm {

// true if the weights of this model stand in the order in which Hugging Face's llama code rotates
// them: both halves of a head one after the other, where a GGUF file has the pairs side by side.
inline constexpr std::string_view kRopeHalvesKey = "serval.rope_halves";

bool is_hf_folder(const std::filesystem::path& folder);

// The tensors' bytes are not touched but for small ones that have to be changed.
// Errors: not_found for missing files; data_loss for damaged ones; unimplemented, by name, for
// models, tokenizers and settings that this build does not know.
Result<GgufFile> open_hf_folder(const std::filesystem::path& folder);

}  // namespace serval::llm
