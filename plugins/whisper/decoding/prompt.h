// What the decoder is shown before it writes: earlier text, the start of the transcript, language
// and task, and perhaps the first words of the result.
#pragma once

#include <vector>

#include "plugins/whisper/decoding/decode_options.h"

namespace serval::whisper {

struct Prompt {
  std::vector<TokenId> context;  // <|startofprev|> and earlier text; or empty
  std::vector<TokenId> head;     // start, language, task (both only multilingual), no timestamps
  std::vector<TokenId> prefix;   // with its time token, if times are asked for; or empty

  // Tokens a result may have, those of the prefix included, as in CTranslate2: half the positions,
  // or what is left of them.
  int most_tokens(const DecodeOptions& options) const;
};

// language: the token to show; nullptr for an English-only model. previous: tokens of the windows
// before. Of what is too long, earlier text loses its beginning, hotwords and prefix their end.
Prompt build_prompt(const SpeechTokenizer& tokenizer, const DecodeOptions& options,
                    const LanguageToken* language, std::span<const TokenId> previous);

// Tokens of the windows before that the next one is shown: those of windows decoded at a low
// temperature. Of one file, one thread.
class PreviousText {
 public:
  // A window's tokens, in order of time. Text of a temperature above 0.5 is not to be trusted and
  // makes the model forget what was before, too.
  void add(std::span<const TokenId> tokens, float temperature);
  std::span<const TokenId> tokens() const { return tokens_; }

 private:
  std::vector<TokenId> tokens_;
};

}  // namespace serval::whisper
