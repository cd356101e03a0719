// The merging of SentencePiece's BPE over one stretch of text.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "common/formats/vocabulary.h"

namespace serval {

// Immutable; const functions may be called from any thread, each with its own Scratch.
class SpmMerger {
 public:
  // REQUIRES: vocabulary outlives the merger; one score a token, none of them NaN.
  SpmMerger(const Vocabulary& vocabulary, std::vector<float> scores);

  // Memory that calls reuse; grows with the longest stretch.
  struct Scratch {
    struct Symbol {
      int32_t before, after;  // neighbours; kNone at the ends, kGone once merged away
      uint32_t start;         // in the text
    };
    struct Candidate {
      float score;
      int32_t left;   // symbol
      uint32_t size;  // bytes of both
    };
    std::vector<Symbol> symbols;
    std::vector<Candidate> heap;
  };

  // Cuts `text` into pieces: of all adjacent pairs whose join is a normal token, the one of the
  // highest score, and the leftmost of those, is joined until there is none. Calls piece(view) for
  // each, in order. REQUIRES: valid UTF-8, not empty, less than 2^30 bytes.
  template <class Piece>
  void cut(std::string_view text, Scratch& scratch, const Piece& piece) const {
    merge(text, scratch);
    for (int32_t i = 0; i != kNone; i = scratch.symbols[std::size_t(i)].after)
      piece(text.substr(scratch.symbols[std::size_t(i)].start, size_of(text, scratch, i)));
  }

  // The normal token with these bytes or -1.
  TokenId find(std::string_view bytes) const {
    if (bytes.size() > longest_) return -1;
    const TokenId id = vocabulary_->find(bytes);
    return id >= 0 && vocabulary_->kind(id) == TokenKind::normal ? id : -1;
  }

 private:
  static constexpr int32_t kNone = -1, kGone = -2;

  void merge(std::string_view text, Scratch& scratch) const;
  static std::size_t size_of(std::string_view text, const Scratch& scratch, int32_t symbol);

  const Vocabulary* vocabulary_;
  std::vector<float> scores_;
  std::size_t longest_ = 0;  // bytes of the longest normal token
};

}  // namespace serval
