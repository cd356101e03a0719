// Traits of characters that decide what normalisers and pre-tokenizers do to them, as the reference
// has them (tools/golden/text_traits.py).
#pragma once

#include <array>
#include <cstdint>

#include "common/formats/char_pages.h"

namespace serval::tok {

enum CharTrait : uint16_t {
  kRemoved = 1,      // BERT's cleaning drops it
  kPunctuation = 2,  // stands alone before WordPiece
  kNonspacing = 4,   // BERT's accents: dropped once text is decomposed
  kCombining = 8,    // the same to the StripAccents normaliser
  kWord = 16,        // \w
  kCanonical = 32,   // NFD changes it
  kCompatible = 64,  // NFKD changes it
  kOrdered = 128,    // NFD may change its place: its combining class is not 0
  kWhite = 256,      // white space
  kLowers = 512      // lower case changes it
};

// Built at first use, 80 KB.
class CharTraits {
 public:
  static const CharTraits& instance();

  // A union of CharTrait. REQUIRES: code <= 0x10FFFF
  uint16_t of(char32_t code) const { return pages_.of(code); }

 private:
  CharTraits();

  CharPages pages_;
};

// The lower case of a character: one or two of them; [1] is 0 if it is one.
std::array<char32_t, 2> lower_case(char32_t code);

}  // namespace serval::tok
