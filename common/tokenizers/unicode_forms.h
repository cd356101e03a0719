// Unicode's normal forms on aligned text, to the reference's version of Unicode.
#pragma once

#include "common/tokenizers/aligned_text.h"

namespace serval::tok {

enum class UnicodeForm { nfc, nfd, nfkc, nfkd };

// Cost: linear but for rows of marks, n log n.
void put_into_form(AlignedText& text, UnicodeForm form);

// The canonical decomposition of one character, in full. Returns how many it is: 1..4.
constexpr int kMostParts = 32;
int decompose(char32_t code, bool compatible, char32_t (&parts)[kMostParts]);

}  // namespace serval::tok
