// One kind of tokenizer: text without special tokens to ids.
#pragma once

#include <string_view>
#include <vector>

#include "common/formats/token.h"

namespace serval {

// Immutable; encode() may be called from any number of threads.
class TextEncoder {
 public:
  virtual ~TextEncoder() = default;

  // Appends the ids of `text`. REQUIRES: valid UTF-8, less than 2^30 bytes.
  virtual void encode(std::string_view text, std::vector<TokenId>& out) const = 0;
};

}  // namespace serval
