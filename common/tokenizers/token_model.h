// Models: one piece of text to tokens.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "common/formats/bpe_merger.h"
#include "common/formats/vocabulary.h"
#include "common/result.h"
#include "common/tokenizers/component.h"

namespace serval::tok {

// A token and the part of the piece it stands for, in bytes.
struct ModelToken {
  TokenId id;
  uint32_t begin, end;
};

// Memory that calls reuse; grows with the longest piece.
struct ModelScratch {
  BpeMerger::Scratch merger;
  std::vector<BpeMerger::Part> parts;
  struct Best {
    double score;
    int32_t begin;  // of the token that ends here on the best way; -1: none does
    TokenId id;
  };
  std::vector<Best> best;
  std::string text;
};

// Immutable; encode() may be called from any number of threads, each with its own scratch.
class TokenModel {
 public:
  virtual ~TokenModel() = default;
  // Appends the tokens of `piece`. REQUIRES: valid UTF-8, not empty, less than 2^31 bytes.
  virtual void encode(std::string_view piece, ModelScratch& scratch,
                      std::vector<ModelToken>& out) const = 0;
};

// The tokens of "model" by id: views into the JSON; an empty one where no token has the id.
struct ModelTokens {
  std::vector<std::string_view> texts;
  std::vector<bool> known;
};
Result<ModelTokens> read_model_tokens(Component& model);

// vocabulary: holds the model's tokens as normal ones, and outlives the model. byte_level: pieces
// are bytes, each of them a character of GPT-2's alphabet to the model. Errors: unimplemented for a
// type or an option that is not known; data_loss for what is malformed or at odds.
Result<std::unique_ptr<const TokenModel>> read_model(Component model, const Vocabulary& vocabulary,
                                                     bool byte_level);

using MadeModel = Result<std::unique_ptr<const TokenModel>>;
MadeModel read_bpe(Component& model, const Vocabulary& vocabulary, bool byte_level);
MadeModel read_unigram(Component& model);
MadeModel read_word_piece(Component& model, const Vocabulary& vocabulary);
MadeModel read_word_level(Component& model, const Vocabulary& vocabulary);

// The model's own token with this text, or -1.
inline TokenId find_normal(const Vocabulary& vocabulary, std::string_view text) {
  const TokenId id = vocabulary.find(text);
  return id >= 0 && vocabulary.kind(id) == TokenKind::normal ? id : -1;
}

constexpr std::size_t kMostTokenBytes = 1024;
constexpr int64_t kMostTokens = 1 << 22;

}  // namespace serval::tok
