// The tokenizer of a Whisper model: GPT-2's byte-level BPE for text, and the tokens that steer the
// decoder. Ids are as tokenizer.json names them, so that models with more or fewer languages (.en,
// large-v3) need no tables of their own.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "common/tokenizers/text_tokenizer.h"
#include "plugins/whisper/decoding/languages.h"

namespace serval::whisper {

// One time token stands for two frames of 10 ms.
constexpr double kSecondsPerTimestamp = 0.02;
constexpr int kFramesPerTimestamp = 2;
constexpr int kFramesPerSecond = 100;
constexpr int kTimestamps = 1501;    // <|0.00|> to <|30.00|>
constexpr int kTextPositions = 448;  // the decoder's

struct SpecialTokens {
  TokenId sot = 0, eot = 0;
  TokenId transcribe = 0, translate = 0;
  TokenId sot_prev = 0, sot_lm = 0;
  TokenId no_speech = 0, no_timestamps = 0;
  TokenId timestamp_begin = 0;  // <|0.00|>; all above are times
};

struct LanguageToken {
  const Language* language;
  TokenId id;
};

// Immutable; every const function may be called from any number of threads.
class SpeechTokenizer {
 public:
  // folder: holds tokenizer.json. multilingual: what the model's config says; nullopt: by the
  // vocabulary (English-only models have GPT-2's end of text, 50256).
  // Errors: those of TextTokenizer; data_loss, naming it, for a token Whisper needs that is absent.
  static Result<SpeechTokenizer> load(const std::filesystem::path& folder,
                                      std::optional<bool> multilingual = {});
  static Result<SpeechTokenizer> from(TextTokenizer text, std::optional<bool> multilingual,
                                      const std::string& name);

  const SpecialTokens& special() const { return special_; }
  bool multilingual() const { return multilingual_; }
  // Only English for an English-only model, whose language tokens mean nothing.
  std::span<const LanguageToken> languages() const { return languages_; }
  // nullptr: not of this model. code_or_name: as find_language takes it.
  const LanguageToken* find_language_token(std::string_view code_or_name) const;

  // Ids that a row of logits has, time tokens included; what a model has behind them is padding.
  int vocab_size() const { return special_.timestamp_begin + kTimestamps; }
  bool is_text(TokenId id) const { return id < special_.eot; }
  bool is_timestamp(TokenId id) const { return id >= special_.timestamp_begin; }

  // No special tokens are added; any that are written out in the text are read as text.
  std::vector<TokenId> encode(std::string_view text) const;
  // The text tokens only; bytes that are not UTF-8 become U+FFFD.
  std::string decode(std::span<const TokenId> ids) const;
  // Times as <|1.24|>, special tokens left out.
  std::string decode_with_timestamps(std::span<const TokenId> ids) const;

  // Sorted: what `suppress = -1` stands for, symbols that are not spoken ("(", "[", "♪", ...).
  std::span<const TokenId> non_speech() const { return non_speech_; }
  // Sorted: a lone space and the end; not wanted as the first token.
  std::span<const TokenId> blank() const { return blank_; }

 private:
  SpeechTokenizer(TextTokenizer text) : text_(std::move(text)) {}
  Status find_special(const std::string& name);
  void find_suppressed();

  TextTokenizer text_;
  SpecialTokens special_;
  bool multilingual_ = false;
  std::vector<LanguageToken> languages_;
  std::vector<TokenId> non_speech_, blank_;
};

}  // namespace serval::whisper
