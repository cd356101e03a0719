// The pre-tokenizers of DeepSeek's models: several patterns, each on the pieces that
// those before it made.
#pragma once

#include <functional>
#include <string_view>

namespace serval {

// As cut_words (pre_tokenizer.h).
using WordSink = std::function<void(std::string_view)>;
void cut_deepseek_llm(std::string_view text, const WordSink& word);
void cut_deepseek_coder(std::string_view text, const WordSink& word);
void cut_deepseek_v3(std::string_view text, const WordSink& word);

}  // namespace serval
