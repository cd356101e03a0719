// The tokens of a byte-level BPE vocabulary: id to bytes and back.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace serval {

using TokenId = int32_t;

// Kinds as GGUF files number them.
enum class TokenKind : uint8_t {
  normal = 1,
  unknown = 2,
  control = 3,
  user_defined = 4,
  unused = 5,
  byte = 6,
};

// GPT-2's vocabularies write each byte as a printable character: itself if it is one of Latin-1's,
// else U+0100 and up in order. Turns such a text back into bytes and appends them.
// false: a character outside that alphabet; `out` is then unchanged.
bool append_bytes_of_alphabet(std::string_view text, std::string& out);

class BpeVocabulary {
 public:
  static constexpr std::size_t kMaxSpecialBytes = 1024;

  // texts: as the file holds them; kinds: one a text. Errors: invalid_argument if a control or
  // user-defined token is longer than kMaxSpecialBytes, or there are more than 2^31 - 1 tokens.
  static Result<BpeVocabulary> build(std::span<const std::string_view> texts,
                                     std::vector<TokenKind> kinds);

  int32_t size() const { return int32_t(kinds_.size()); }
  bool contains(TokenId id) const { return id >= 0 && id < size(); }
  // REQUIRES for these two: contains(id)
  std::string_view bytes(TokenId id) const {
    return std::string_view(arena_).substr(starts_[std::size_t(id)],
                                           starts_[std::size_t(id) + 1] - starts_[std::size_t(id)]);
  }
  TokenKind kind(TokenId id) const { return kinds_[std::size_t(id)]; }

  // The token with these bytes or -1. Of equal ones a normal token comes first, then the lowest id.
  TokenId find(std::string_view bytes) const;

  // The first control, unknown or user-defined token in `text` at or after `from`, the longest of
  // those that start there. `length` is 0 if there is none, `at` then is the end of the text.
  struct Special {
    std::size_t at, length;
    TokenId id;
  };
  Special find_special(std::string_view text, std::size_t from) const;

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
  std::vector<Slot> slots_;        // open addressing, power of two
  std::vector<TokenId> specials_;  // sorted by bytes
  bool special_first_[256] = {};   // bytes a special token starts with
};

}  // namespace serval
