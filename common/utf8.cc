#include "common/utf8.h"

#include <cstring>

namespace serval {
namespace {

// What may follow a lead byte: how many continuation bytes, and the range of the first of them (the
// others are always 80..BF). Unicode, table 3-7.
struct Lead {
  uint8_t more, low, high;  // more == 0: not a lead byte
};

Lead lead(uint8_t byte) {
  if (byte < 0xC2) return {0, 0, 0};
  if (byte < 0xE0) return {1, 0x80, 0xBF};
  if (byte == 0xE0) return {2, 0xA0, 0xBF};
  if (byte == 0xED) return {2, 0x80, 0x9F};  // no surrogates
  if (byte < 0xF0) return {2, 0x80, 0xBF};
  if (byte == 0xF0) return {3, 0x90, 0xBF};
  if (byte < 0xF4) return {3, 0x80, 0xBF};
  if (byte == 0xF4) return {3, 0x80, 0x8F};  // up to 10FFFF
  return {0, 0, 0};
}

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

}  // namespace

Utf8Char next_utf8(std::string_view text) {
  const auto byte = [&](std::size_t i) { return uint8_t(text[i]); };
  const uint8_t first = byte(0);
  if (first < 0x80) return {first, 1, true, false};
  const Lead want = lead(first);
  if (want.more == 0) return {0xFFFD, 1, false, false};
  char32_t code = first & (0x3F >> want.more);
  for (uint8_t i = 1; i <= want.more; ++i) {
    if (i == text.size()) return {0xFFFD, i, false, true};
    const uint8_t low = i == 1 ? want.low : 0x80, high = i == 1 ? want.high : 0xBF;
    if (byte(i) < low || byte(i) > high) return {0xFFFD, i, false, false};
    code = code << 6 | (byte(i) & 0x3F);
  }
  return {code, uint8_t(want.more + 1), true, false};
}

std::size_t valid_utf8_prefix(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    uint64_t eight;
    if (text.size() - at >= sizeof(eight)) {  // most text is ASCII: take it eight bytes at a time
      std::memcpy(&eight, text.data() + at, sizeof(eight));
      if ((eight & 0x8080808080808080) == 0) {
        at += sizeof(eight);
        continue;
      }
    }
    const Utf8Char c = next_utf8(text.substr(at));
    if (!c.valid) return at;
    at += c.length;
  }
  return at;
}

bool is_valid_utf8(std::string_view text) { return valid_utf8_prefix(text) == text.size(); }

std::size_t incomplete_utf8_tail(std::string_view text) {
  // A character has at most three bytes before its last: look for a lead byte among the last three.
  for (std::size_t back = 1; back <= 3 && back <= text.size(); ++back) {
    const std::string_view tail = text.substr(text.size() - back);
    if ((uint8_t(tail[0]) & 0xC0) == 0x80) continue;
    const Utf8Char c = next_utf8(tail);
    return c.incomplete ? back : 0;
  }
  return 0;
}

std::string replace_invalid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (true) {
    const std::size_t good = valid_utf8_prefix(text);
    out.append(text.substr(0, good));
    text.remove_prefix(good);
    if (text.empty()) return out;
    out.append(kReplacement);
    text.remove_prefix(next_utf8(text).length);
  }
}

void append_utf8(std::string& out, char32_t code) {
  if (code < 0x80) {
    out += char(code);
  } else if (code < 0x800) {
    out += {char(0xC0 | code >> 6), char(0x80 | (code & 0x3F))};
  } else if (code < 0x10000) {
    out += {char(0xE0 | code >> 12), char(0x80 | (code >> 6 & 0x3F)), char(0x80 | (code & 0x3F))};
  } else {
    out += {char(0xF0 | code >> 18), char(0x80 | (code >> 12 & 0x3F)),
            char(0x80 | (code >> 6 & 0x3F)), char(0x80 | (code & 0x3F))};
  }
}

}  // namespace serval
