// UTF-8: validity, incomplete tails of a stream, replacement of invalid bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace serval {

// One step through a text. Invalid bytes are cut as Unicode recommends (section 3.9, "maximal
// subparts") and as Python's errors="replace" does: `length` bytes become one U+FFFD.
struct Utf8Char {
  char32_t code;   // 0xFFFD if !valid
  uint8_t length;  // bytes taken, 1..4
  bool valid;
  bool incomplete;  // !valid, and only because the text ends here: more bytes could mend it
};

// REQUIRES: !text.empty()
Utf8Char next_utf8(std::string_view text);

bool is_valid_utf8(std::string_view text);

// Bytes at the front that are valid UTF-8.
std::size_t valid_utf8_prefix(std::string_view text);

// Bytes at the end (0..3) that begin a character whose other bytes are still to come. A stream
// holds these back, passes on the rest.
std::size_t incomplete_utf8_tail(std::string_view text);

// The text with every invalid sequence replaced by U+FFFD, as bytes.decode("utf-8", "replace")
// gives it.
std::string replace_invalid_utf8(std::string_view text);

// REQUIRES: code <= 0x10FFFF
void append_utf8(std::string& out, char32_t code);

}  // namespace serval
