// Cuts text into words before byte-pair merging, as the regular expressions of the reference
// tokenizers do. Scanners written by hand, without backtracking.
#pragma once

#include <functional>
#include <string_view>

namespace serval {

// The patterns in full: tools/golden/tokenizer.py.
enum class PreTokenizer {
  // 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
  gpt2,
  // Each digit on its own, then gpt2 on what lies between.
  smollm,
  // (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*
  // |\s*[\r\n]+|\s+(?!\S)|\s+
  qwen2,
  // The same with marks (\p{M}) as letters.
  qwen35,
  // qwen2 with \p{N}{1,3}.
  llama3,
  // One after the other on all pieces so far: [\r\n]; \s?[cased letters]+;
  // \s?[ASCII and fullwidth punctuation]+; \s+$; rows of U+0800 to U+9FA5 and Hangul; single
  // digits.
  deepseek_llm,
  // Likewise [\r\n]; \s?\p{L}+; \s?\p{P}+; the same rows; single digits.
  deepseek_coder,
  // Likewise \p{N}{1,3}; CJK and kana rows; [ASCII punctuation][A-Za-z]+
  // |[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
  deepseek_v3,
};

// Calls word(view) for each word of `text`, in order; they cover all of it and none is empty.
// Cost: linear. REQUIRES: valid UTF-8.
void cut_words(PreTokenizer rules, std::string_view text,
               const std::function<void(std::string_view)>& word);

}  // namespace serval
