// What the rules of pre-tokenizers are made of: characters with their classes, rows of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "common/formats/unicode_classes.h"
#include "common/utf8.h"

namespace serval {

// A character to the rules; code is past the last one at the end of the text.
struct Char {
  char32_t code;
  uint8_t length;
  uint16_t classes;

  bool is(int any_of) const { return (classes & any_of) != 0; }
  bool newline() const { return code == '\r' || code == '\n'; }
  bool ascii_letter() const { return (code | 32) >= 'a' && (code | 32) <= 'z'; }
};

constexpr char32_t kEnd = 0x110000;
constexpr int kOther = 1 << 15;  // neither letter nor number nor space

// A view of a text from a word's start on. Positions are bytes at which a character starts.
class WordScanner {
 public:
  // `stop`: classes at which the text counts as ended. `also_letters`: classes taken for letters.
  explicit WordScanner(std::string_view text, int stop = 0, int also_letters = 0)
      : text_(text), classes_(CharClasses::instance()), stop_(stop), also_letters_(also_letters) {}

  Char at(std::size_t position) const {
    if (position >= text_.size()) return {kEnd, 0, 0};
    const uint8_t byte = uint8_t(text_[position]);
    Char c{byte, 1, 0};
    if (byte >= 0x80) {
      const Utf8Char wide = next_utf8(text_.substr(position));
      c.code = wide.code;
      c.length = wide.length;
    }
    c.classes = classes_.of(c.code);
    if (c.is(stop_)) return {kEnd, 0, 0};
    if (c.is(also_letters_)) c.classes |= kLetter;
    if (!c.is(kLetter | kNumber | kSpace)) c.classes |= kOther;
    return c;
  }

  // End of the row of characters of `any_of` that starts at `position`, at most `most` of them.
  std::size_t row(std::size_t position, int any_of, std::size_t most = ~std::size_t{0}) const {
    for (; most > 0; --most) {
      const Char c = at(position);
      if (!c.is(any_of)) break;
      position += c.length;
    }
    return position;
  }

  // End of the row of \r and \n that starts at `position`.
  std::size_t newlines(std::size_t position) const {
    while (at(position).newline()) ++position;
    return position;
  }

  // Bytes of 's 't 'm 'd 're 've 'll at the front, or 0.
  std::size_t contraction(bool any_case) const {
    if (text_.size() < 2 || text_[0] != '\'') return 0;
    const auto letter = [&](std::size_t i) -> char {
      if (i >= text_.size()) return 0;
      const char c = text_[i];
      return any_case && c >= 'A' && c <= 'Z' ? char(c + 32) : c;
    };
    const char first = letter(1), second = letter(2);
    if (first == 's' || first == 't' || first == 'm' || first == 'd') return 2;
    if ((first == 'r' || first == 'v') && second == 'e') return 3;
    if (first == 'l' && second == 'l') return 3;
    if (any_case && text_.substr(1).starts_with("\u017F")) return 3;  // long s folds to s
    return 0;
  }

  // \s*[\r\n]+|\s+(?!\S)|\s+ and the last two alone: all the space at the end of the text, else
  // all but its last character, which belongs to the word behind; a single one stands alone.
  std::size_t space_or_newlines() const {
    std::size_t end = 0, found = 0;
    for (Char c = at(0); c.is(kSpace); c = at(end)) {
      end += c.length;
      if (c.newline()) found = end;
    }
    return found > 0 ? found : space();
  }
  std::size_t space() const {
    std::size_t end = 0, last = 0;
    for (Char c = at(0); c.is(kSpace); c = at(end)) {
      last = end;
      end += c.length;
    }
    return at(end).code == kEnd || last == 0 ? end : last;
  }

 private:
  std::string_view text_;
  const CharClasses& classes_;
  int stop_;
  int also_letters_;
};

}  // namespace serval
