// Character classes as the reference tokenizers see them (tools/golden/unicode_classes.py).
#pragma once

#include <cstdint>

namespace serval {

enum CharClass : uint8_t {
  kLetter = 1,    // \p{L}
  kNumber = 2,    // \p{N}
  kSpace = 4,     // \s
  kDigit = 8,     // a number to the reference's digit splitter, which knows a newer Unicode
  kComposes = 16  // NFC may change it, reorder it or join it to the character before
};

// 256 codes share a page; most pages are alike and are kept once. Built at first use, 60 KB.
class CharClasses {
 public:
  static const CharClasses& instance();

  // A union of CharClass. REQUIRES: code <= 0x10FFFF
  uint8_t of(char32_t code) const { return pages_[page_[code >> 8]][code & 0xFF]; }

 private:
  CharClasses();

  static constexpr int kPages = 0x110000 >> 8;
  static constexpr int kMaxDistinct = 256;
  uint8_t page_[kPages] = {};
  uint8_t pages_[kMaxDistinct][256] = {};
};

}  // namespace serval
