#include "host/protocols/json_text.h"

#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>

namespace serval::host {
namespace {

// "-1.17549435e-38" is one of the longest.
constexpr std::size_t kFloatChars = 24;

static_assert(std::endian::native == std::endian::little, "tensors are little-endian");

constexpr bool needs_escape(unsigned char c) {
  return c < 0x20 || c == '"' || c == '\\' || c == 0x7f;
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  std::size_t begin = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const unsigned char c = static_cast<unsigned char>(text[i]);
    if (!needs_escape(c)) continue;
    out.append(text, begin, i - begin);
    begin = i + 1;
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        out += "\\u00";
        out += kHex[c >> 4];
        out += kHex[c & 15];
    }
  }
  out.append(text, begin, text.size() - begin);
  out += '"';
}

void append_number(std::string& out, int64_t number) {
  char text[24];
  const auto end = std::to_chars(text, text + sizeof text, number).ptr;
  out.append(text, end);
}

void append_float(std::string& out, float number) {
  char text[kFloatChars];
  const auto end = std::to_chars(text, text + sizeof text, number).ptr;
  out.append(text, end);
}

void append_double(std::string& out, double number) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, number).ptr;
  out.append(text, end);
}

bool append_floats(std::string& out, std::string_view bytes) {
  out += '[';
  std::size_t at = out.size();
  out.resize(at + bytes.size() / 4 * (kFloatChars + 1) + 1);
  bool finite = true;
  for (std::size_t i = 0; i < bytes.size(); i += 4) {
    float number;
    std::memcpy(&number, bytes.data() + i, 4);
    finite = finite && std::isfinite(number);
    if (i > 0) out[at++] = ',';
    at = std::size_t(std::to_chars(&out[at], &out[at] + kFloatChars, number).ptr - out.data());
  }
  out[at++] = ']';
  out.resize(at);
  return finite;
}

void append_base64(std::string& out, std::string_view bytes) {
  static constexpr char kDigits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::size_t at = out.size();
  out.resize(at + (bytes.size() + 2) / 3 * 4 + 2);
  out[at++] = '"';
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t left = bytes.size() - i;
    uint32_t group = uint32_t(uint8_t(bytes[i])) << 16;
    if (left > 1) group |= uint32_t(uint8_t(bytes[i + 1])) << 8;
    if (left > 2) group |= uint8_t(bytes[i + 2]);
    out[at++] = kDigits[group >> 18];
    out[at++] = kDigits[group >> 12 & 63];
    out[at++] = left > 1 ? kDigits[group >> 6 & 63] : '=';
    out[at++] = left > 2 ? kDigits[group & 63] : '=';
  }
  out[at] = '"';
}

}  // namespace serval::host
