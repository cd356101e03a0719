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

  struct Rule {
    TokenId left, right, id;  // `id` is what the two make
  };
  // rules: best first; of two for the same pair the later one holds. Nothing is asked of a
  // vocabulary: for merge() only.
  explicit BpeMerger(std::span<const Rule> rules);

  // A token and how much of the word it stands for, in whatever the caller counts.
  struct Part {
    TokenId id;
    uint32_t size;
  };

  // Memory that calls reuse; grows with the longest word.
  struct Scratch {
    struct Symbol {
      TokenId id;
      uint32_t size;
      int32_t before, after;  // neighbours, -1 at the ends; id is -1 once merged away
    };
    struct Candidate {
      uint32_t rank;
      int32_t left;  // symbol
      TokenId id;
    };
    std::vector<Symbol> symbols;
    std::vector<Candidate> heap;
    std::vector<Part> parts;
  };

  // Of all adjacent pairs that may merge, the best ranked and leftmost is merged until none is
  // left; their sizes are added. REQUIRES: < 2^31 parts. Cost: n log n.
  void merge(std::vector<Part>& word, Scratch& scratch) const;

  // Appends the ids of `word`, merged from its bytes. Bytes without a token are dropped.
  // REQUIRES: < 2^31 bytes.
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
  void merge_short(std::vector<Part>& word) const;
  void merge_long(std::vector<Part>& word, Scratch& scratch) const;

  uint64_t seed_ = 0;
  std::array<TokenId, 256> byte_tokens_{};
  std::vector<Merge> merges_;  // open addressing, power of two
};

}  // namespace serval
