// Finds tokens that are written out in a text: "<|im_start|>" and the like.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "common/formats/vocabulary.h"

namespace serval {

// Immutable; const functions may be called from any thread, with the vocabulary it was built from.
class SpecialTokens {
 public:
  // Those of these kinds, but for empty ones.
  SpecialTokens(const Vocabulary& vocabulary, std::initializer_list<TokenKind> kinds);

  // The first of them in `text` at or after `from`, the longest of those that start there.
  // `length` is 0 if there is none, `at` then is the end of the text.
  struct Match {
    std::size_t at, length;
    TokenId id;
  };
  Match find(const Vocabulary& vocabulary, std::string_view text, std::size_t from) const;

 private:
  std::vector<TokenId> ids_;  // sorted by bytes
  bool first_[256] = {};      // bytes one of them starts with
};

}  // namespace serval
