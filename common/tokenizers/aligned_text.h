// Text on its way through the normalisers, each byte of it tied to the part of the original that it
// came from.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/utf8.h"

namespace serval::tok {

// [begin, end) in bytes of the original text, at bounds of characters.
struct ByteSpan {
  uint32_t begin = 0, end = 0;
};

struct AlignedText {
  std::string text;  // valid UTF-8
  // One a byte of `text`. Empty: the text is as it was, its first byte at `origin`.
  std::vector<ByteSpan> spans;
  uint32_t origin = 0;

  bool untouched() const { return spans.empty(); }
  // REQUIRES: at < text.size()
  ByteSpan span(std::size_t at) const;
  // Fills `spans`.
  void spell_out_spans();
};

// Writes the next state of a text, character by character. What is new is tied to the original as
// the reference does it, which shows in the offsets of tokens.
class Rewriter {
 public:
  explicit Rewriter(const AlignedText& from) : from_(from) {
    text_.reserve(from.text.size() + 16);
    spans_.reserve(from.text.size() + 16);
  }

  std::size_t position() const { return at_; }

  // The next character of the old text becomes `code`, and `dropped` characters behind it go.
  void replace(char32_t code, int dropped = 0) {
    put(code, span(at_));
    drop(1 + dropped);
  }
  // A character with none of its own: it shares the part of the one before the place reached.
  void insert(char32_t code) {
    put(code, at_ == 0 ? ByteSpan{from_.origin, from_.origin} : span(at_ - 1));
  }
  // The reference's notation: 1 inserts, 0 replaces, -n replaces and drops n more.
  void emit(char32_t code, int change) { change > 0 ? insert(code) : replace(code, -change); }
  void drop(int characters);
  // The next `bytes` bytes stay. REQUIRES: whole characters.
  void keep(std::size_t bytes);

  // Drops what is left of the old text.
  AlignedText finish();

 private:
  ByteSpan span(std::size_t at) const {
    return at < from_.text.size() ? from_.span(at) : ByteSpan{from_.origin, from_.origin};
  }
  void put(char32_t code, ByteSpan span);

  const AlignedText& from_;
  std::size_t at_ = 0;
  std::string text_;
  std::vector<ByteSpan> spans_;
};

// Bytes of the character that starts with this one. REQUIRES: valid UTF-8.
inline std::size_t char_length(char first) {
  const auto byte = uint8_t(first);
  return byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

// The character at `at`, and `at` moved behind it. REQUIRES: valid UTF-8, at < text.size().
inline char32_t next_char(std::string_view text, std::size_t& at) {
  const auto byte = uint8_t(text[at]);
  if (byte < 0x80) {
    ++at;
    return byte;
  }
  const Utf8Char c = next_utf8(text.substr(at));
  at += c.length;
  return c.code;
}

}  // namespace serval::tok
