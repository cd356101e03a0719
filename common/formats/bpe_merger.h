// Byte-pair merging: one word's bytes to token ids.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "common/formats/vocabulary.h"
#include "common/result.h"

namespace serval {

// Immutable once built; const functions may be called from any thread, each with its own Scratch.
class BpeMerger {
 public:
  // merges: "left right" in GPT-2's byte alphabet, best first. Errors: invalid_argument, naming the
  // merge, if one is not of that form or a part or the result is not a token.
  static Result<BpeMerger> build(const Vocabulary& vocabulary,
                                 std::span<const std::string_view> merges);

  // Memory that calls reuse; grows with the longest word.
  struct Scratch {
    struct Symbol {
      TokenId id;
      int32_t before, after;  // neighbours, -1 at the ends; id is -1 once merged away
    };
    struct Candidate {
      uint32_t rank;
      int32_t left;  // symbol
      TokenId id;
    };
    std::vector<Symbol> symbols;
    std::vector<Candidate> heap;
  };

  // Appends the ids of `word`: of all adjacent pairs that may merge, the best ranked and leftmost
  // is merged until none is left. Bytes without a token are dropped. REQUIRES: < 2^31 bytes.
  // Cost: n log n.
  void encode(std::string_view word, Scratch& scratch, std::vector<TokenId>& out) const;

 private:
  struct Merge {
    uint64_t pair = ~uint64_t{0};  // left << 32 | right; all ones in a free slot
    uint32_t rank = 0;
    TokenId id = -1;
  };
  static constexpr std::size_t kShort = 32;

  const Merge* find(TokenId left, TokenId right) const;
  Merge& slot_of(uint64_t pair);
  void encode_short(std::string_view word, std::vector<TokenId>& out) const;
  void encode_long(std::string_view word, Scratch& scratch, std::vector<TokenId>& out) const;

  uint64_t seed_ = 0;
  std::array<TokenId, 256> byte_tokens_{};
  std::vector<Merge> merges_;  // open addressing, power of two
};

}  // namespace serval
