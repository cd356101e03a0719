// One text to tokens, before special tokens come around it.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "common/tokenizers/text_tokenizer.h"
#include "common/tokenizers/tokenizer_parts.h"

namespace serval::tok {

struct RowToken {
  TokenId id;
  ByteSpan span;  // in the text
  SpacesAround spaces;
};

struct TextRow {
  std::vector<RowToken> tokens;
  bool more = false;  // the text has more
};

constexpr std::size_t kNoLimit = ~std::size_t{0};

// At most `most` tokens, those at the end that is not cut away; no more is read than that takes.
// REQUIRES: valid UTF-8.
TextRow make_row(const TokenizerParts& parts, std::string_view text, std::size_t most,
                 TruncationSide side);

// Leaves `most` of the tokens.
void cut_row(TextRow& row, std::size_t most, TruncationSide side);

}  // namespace serval::tok
