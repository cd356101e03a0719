// Character classes as the reference tokenizers see them (tools/golden/unicode_classes.py).
#pragma once

#include <cstdint>

#include "common/formats/char_pages.h"

namespace serval {

enum CharClass : uint16_t {
  kLetter = 1,        // \p{L}
  kNumber = 2,        // \p{N}
  kSpace = 4,         // \s
  kDigit = 8,         // a number to the reference's digit splitter, which knows a newer Unicode
  kComposes = 16,     // NFC may change it, reorder it or join it to the character before
  kMark = 32,         // \p{M}
  kPunctuation = 64,  // \p{P}
  kSymbol = 128,      // \p{S}
  kCased = 256        // letters that know case, as DeepSeek LLM's tokenizer lists them
};

// Built at first use, 200 KB.
class CharClasses {
 public:
  static const CharClasses& instance();

  // A union of CharClass. REQUIRES: code <= 0x10FFFF
  uint16_t of(char32_t code) const { return pages_.of(code); }

 private:
  CharClasses();

  CharPages pages_;
};

}  // namespace serval
