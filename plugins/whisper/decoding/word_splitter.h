// Cuts a row of tokens into the words it spells.
#pragma once

#include <string>
#include <vector>

#include "plugins/whisper/decoding/speech_tokenizer.h"

namespace serval::whisper {

struct TokenWord {
  std::string text;  // with the space before it
  std::vector<TokenId> tokens;
};

// As OpenAI's split_to_word_tokens: at spaces and punctuation; in languages written without spaces
// at every character. A character spelled by several tokens is never cut. Ids from the end of text
// on stand alone and have no text.
std::vector<TokenWord> split_words(const SpeechTokenizer& tokenizer, std::string_view language_code,
                                   std::span<const TokenId> tokens);

}  // namespace serval::whisper
