// Cuts text into words before byte-pair merging, as the regular expressions of the reference
// tokenizers do. Scanners written by hand: one pass, no backtracking.
#pragma once

#include <cstddef>
#include <string_view>

#include "common/result.h"

namespace serval {

enum class PreTokenizer {
  // 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
  gpt2,
  // Each digit on its own, then gpt2 on what lies between.
  smollm,
  // (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*
  // |\s*[\r\n]+|\s+(?!\S)|\s+
  qwen2,
  // The same with \p{N}{1,3}.
  llama3,
};

// By the name a GGUF file gives (tokenizer.ggml.pre): gpt-2, gpt2 or default; smollm or starcoder;
// qwen2; llama-bpe, llama3 or llama-v3. Errors: unimplemented, naming it.
Result<PreTokenizer> pre_tokenizer_named(std::string_view name);

// Bytes of the first word of `text`, at least 1. Words do not depend on what came before.
// REQUIRES: text is not empty and valid UTF-8.
std::size_t first_word(PreTokenizer rules, std::string_view text);

}  // namespace serval
