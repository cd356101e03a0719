// The tokens of a vocabulary: id to bytes and back.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/formats/token.h"
#include "common/result.h"

namespace serval {

// How a vocabulary writes the bytes of its tokens.
enum class Spelling {
  // GPT-2's: each byte as a printable character, itself if it is one of Latin-1's, else U+0100 and
  // up in order. Special tokens are written as they are.
  byte_alphabet,
  // SentencePiece's: U+2581 for a space, <0x0A> for a token of kind byte, else the text itself.
  sentencepiece,
  // As it is.
  plain,
};

// Turns a text in GPT-2's alphabet back into bytes and appends them.
// false: a character outside that alphabet; `out` is then unchanged.
bool append_bytes_of_alphabet(std::string_view text, std::string& out);

// The other way round.
void append_alphabet_of_bytes(std::string_view bytes, std::string& out);

class Vocabulary {
 public:
  static constexpr std::size_t kMaxSpecialBytes = 1024;

  // texts: as the file holds them; kinds: one a text. Errors: invalid_argument if a control or
  // user-defined token, or any of SentencePiece's, is longer than kMaxSpecialBytes, if a byte token
  // is not spelt <0xNN>, or there are too many tokens.
  static Result<Vocabulary> build(std::span<const std::string_view> texts,
                                  std::vector<TokenKind> kinds, Spelling spelling);

  int32_t size() const { return int32_t(kinds_.size()); }
  bool contains(TokenId id) const { return id >= 0 && id < size(); }
  // REQUIRES for these two: contains(id)
  std::string_view bytes(TokenId id) const {
    return std::string_view(arena_).substr(starts_[std::size_t(id)],
                                           starts_[std::size_t(id) + 1] - starts_[std::size_t(id)]);
  }
  TokenKind kind(TokenId id) const { return kinds_[std::size_t(id)]; }

  // The token with these bytes or -1. Of equal ones a normal token comes first, then a user-defined
  // one, then the lowest id.
  TokenId find(std::string_view bytes) const;

 private:
  void index();
  void insert(TokenId id);

  struct Slot {
    uint32_t tag = 0;  // half of the hash: most other tokens are told apart by it
    TokenId id = -1;
  };
  const Slot& slot_of(std::string_view bytes, uint32_t& tag) const;

  std::string arena_;
  std::vector<uint64_t> starts_;  // [size + 1] into arena_
  std::vector<TokenKind> kinds_;
  uint64_t seed_ = 0;
  std::vector<Slot> slots_;  // open addressing, power of two
};

}  // namespace serval
