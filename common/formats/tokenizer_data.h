// What a tokenizer is made of, wherever it comes from.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "common/formats/bpe_rules.h"
#include "common/formats/token.h"

namespace serval {

// The views may go once the tokenizer is built.
struct TokenizerData {
  enum class Kind { byte_bpe, sentencepiece };

  Kind kind = Kind::byte_bpe;
  std::vector<std::string_view> tokens;  // by id, spelt as vocabulary.h says of each kind
  std::vector<TokenKind> kinds;          // one a token; empty: all normal

  // byte_bpe
  std::vector<std::string_view> merges;  // "left right", best first
  BpeRules rules{PreTokenizer::gpt2};

  // sentencepiece
  std::vector<float> scores;  // one a token; of two merges the one to the higher score comes first
  bool space_prefix = false;  // a space goes in front of a text

  // Ids in the vocabulary.
  std::optional<int64_t> bos, eos;
  std::optional<int64_t> unknown;  // stands for characters a SentencePiece vocabulary cannot spell
  std::vector<int64_t> ends;       // end an answer, beside eos and those with well-known names
  bool add_bos = false, add_eos = false;  // around a text
};

}  // namespace serval
