#include "plugins/whisper/decoding/prompt.h"

#include <algorithm>

#include "plugins/whisper/decoding/text_strip.h"

namespace serval::whisper {
namespace {

constexpr std::size_t kMostContext = kTextPositions / 2 - 1;
constexpr std::size_t kMostPrefix = kTextPositions / 4 - 1;  // leaves as much again to be written
constexpr float kTrustedTemperature = .5f;
// Tokens have at least a byte, so no more of a text can matter; bounds the tokenizer's work.
constexpr std::size_t kMostPromptBytes = 64 * kTextPositions;

std::vector<TokenId> encode_trimmed(const SpeechTokenizer& tokenizer, std::string_view text) {
  text = stripped(text);
  return text.empty() ? std::vector<TokenId>() : tokenizer.encode(" " + std::string(text));
}

void keep_first(std::vector<TokenId>& ids, std::size_t most) {
  if (ids.size() > most) ids.resize(most);
}

std::vector<TokenId> first_tokens(const SpeechTokenizer& tokenizer, std::string_view text,
                                  std::size_t most) {
  std::vector<TokenId> ids = encode_trimmed(tokenizer, text.substr(0, kMostPromptBytes));
  keep_first(ids, most);
  return ids;
}

std::vector<TokenId> build_context(const SpeechTokenizer& tokenizer, const DecodeOptions& options,
                                   std::span<const TokenId> previous) {
  std::string_view prompt = options.initial_prompt;
  if (prompt.size() > kMostPromptBytes) prompt.remove_prefix(prompt.size() - kMostPromptBytes);
  std::vector<TokenId> earlier = encode_trimmed(tokenizer, prompt);
  earlier.insert(earlier.end(), previous.begin(), previous.end());
  std::vector<TokenId> hot;
  if (options.prefix.empty())
    hot = first_tokens(tokenizer, options.hotwords,
                       earlier.empty() ? kMostContext : kMostContext / 2);
  if (earlier.empty() && hot.empty()) return {};
  const std::size_t kept = std::min(earlier.size(), kMostContext - hot.size());
  std::vector<TokenId> out{tokenizer.special().sot_prev};
  out.insert(out.end(), hot.begin(), hot.end());
  out.insert(out.end(), earlier.end() - std::ptrdiff_t(kept), earlier.end());
  return out;
}

}  // namespace

int Prompt::most_tokens(const DecodeOptions& options) const {
  const int before = int(context.size() + head.size()) - 1;
  const int most = std::min(kTextPositions / 2, kTextPositions - before);
  if (options.max_new_tokens == 0) return most;
  return std::min(most, int(prefix.size()) + options.max_new_tokens);
}

Prompt build_prompt(const SpeechTokenizer& tokenizer, const DecodeOptions& options,
                    const LanguageToken* language, std::span<const TokenId> previous) {
  const SpecialTokens& special = tokenizer.special();
  const bool timestamps = options.timestamps != Timestamps::none;
  Prompt out;
  out.context = build_context(tokenizer, options, previous);
  out.head.push_back(special.sot);
  if (language != nullptr) {
    out.head.push_back(language->id);
    out.head.push_back(options.translate ? special.translate : special.transcribe);
  }
  if (!timestamps) out.head.push_back(special.no_timestamps);
  out.prefix = first_tokens(tokenizer, options.prefix, kMostPrefix);
  if (timestamps && !out.prefix.empty())
    out.prefix.insert(out.prefix.begin(), special.timestamp_begin);
  return out;
}

void PreviousText::add(std::span<const TokenId> tokens, float temperature) {
  if (temperature > kTrustedTemperature) return tokens_.clear();
  tokens_.insert(tokens_.end(), tokens.begin(), tokens.end());
  if (tokens_.size() > kMostContext)
    tokens_.erase(tokens_.begin(), tokens_.end() - std::ptrdiff_t(kMostContext));
}

}  // namespace serval::whisper
