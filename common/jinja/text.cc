#include "common/jinja/text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string.h>

namespace serval::jinja {

CodePoint decode(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) -> unsigned {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
  };
  const unsigned b0 = byte(at);
  if (b0 < 0x80) return {b0, 1};
  const int more = b0 >= 0xF0 && b0 < 0xF5 ? 3 : b0 >= 0xE0 && b0 < 0xF0 ? 2 : b0 >= 0xC2 ? 1 : 0;
  if (more == 0 || b0 >= 0xF5) return {0xFFFD, 1};
  char32_t c = b0 & (0x3F >> more);
  for (int i = 1; i <= more; ++i) {
    const unsigned b = byte(at + i);
    if ((b & 0xC0) != 0x80) return {0xFFFD, 1};
    c = (c << 6) | (b & 0x3F);
  }
  return {c, static_cast<std::size_t>(more) + 1};
}

void append_utf8(std::string& out, char32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xC0 | (c >> 6));
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    out += static_cast<char>(0xE0 | (c >> 12));
    out += static_cast<char>(0x80 | ((c >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | (c >> 18));
    out += static_cast<char>(0x80 | ((c >> 12) & 0x3F));
    out += static_cast<char>(0x80 | ((c >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  }
}

std::size_t count_code_points(std::string_view text) {
  std::size_t n = 0;
  for (std::size_t i = 0; i < text.size(); i += decode(text, i).size) ++n;
  return n;
}

std::vector<uint32_t> code_point_starts(std::string_view text) {
  std::vector<uint32_t> starts;
  for (std::size_t i = 0; i < text.size(); i += decode(text, i).size)
    starts.push_back(static_cast<uint32_t>(i));
  starts.push_back(static_cast<uint32_t>(text.size()));
  return starts;
}

std::size_t byte_offset(std::string_view text, std::size_t index) {
  std::size_t at = 0;
  while (index > 0 && at < text.size()) {
    at += decode(text, at).size;
    --index;
  }
  return at;
}

bool is_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 ||
         c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
         c == 0x205F || c == 0x3000;
}

bool is_line_break(char32_t c) {
  return (c >= 0x0A && c <= 0x0D) || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 ||
         c == 0x2029;
}

namespace {

// Drops code points at the ends while `drop` says so.
template <class Drop>
std::string_view strip_while(std::string_view text, Side side, Drop drop) {
  if (side != Side::right) {
    while (!text.empty()) {
      const CodePoint c = decode(text, 0);
      if (!drop(c, text.substr(0, c.size))) break;
      text.remove_prefix(c.size);
    }
  }
  if (side != Side::left) {
    while (!text.empty()) {
      std::size_t start = text.size() - 1;  // back to the first byte of the last code point
      while (start > 0 && text.size() - start < 4 && (text[start] & 0xC0) == 0x80) --start;
      if (start + decode(text, start).size != text.size()) start = text.size() - 1;
      const CodePoint c = decode(text, start);
      if (!drop(c, text.substr(start))) break;
      text.remove_suffix(text.size() - start);
    }
  }
  return text;
}

}  // namespace

std::string_view strip(std::string_view text, Side side) {
  return strip_while(text, side, [](CodePoint c, std::string_view) { return is_space(c.value); });
}

std::string_view strip(std::string_view text, std::string_view chars, Side side) {
  std::vector<std::string_view> set;
  for (std::size_t i = 0; i < chars.size();) {
    const std::size_t n = decode(chars, i).size;
    set.push_back(chars.substr(i, n));
    i += n;
  }
  std::sort(set.begin(), set.end());
  return strip_while(text, side, [&](CodePoint, std::string_view c) {
    return std::binary_search(set.begin(), set.end(), c);
  });
}

std::size_t find(std::string_view text, std::string_view part, std::size_t from) {
  if (from > text.size()) return std::string_view::npos;
  if (part.empty()) return from;
  const void* hit = memmem(text.data() + from, text.size() - from, part.data(), part.size());
  if (!hit) return std::string_view::npos;
  return static_cast<std::size_t>(static_cast<const char*>(hit) - text.data());
}

std::vector<std::string_view> split(std::string_view text, std::string_view separator,
                                    int64_t most) {
  std::vector<std::string_view> parts;
  std::size_t from = 0;
  while (most < 0 || static_cast<int64_t>(parts.size()) < most) {
    const std::size_t at = find(text, separator, from);
    if (at == std::string_view::npos) break;
    parts.push_back(text.substr(from, at - from));
    from = at + separator.size();
  }
  parts.push_back(text.substr(from));
  return parts;
}

std::vector<std::string_view> rsplit(std::string_view text, std::string_view separator,
                                     int64_t most) {
  std::vector<std::string_view> parts;
  std::size_t end = text.size();
  while ((most < 0 || static_cast<int64_t>(parts.size()) < most) && end >= separator.size()) {
    const std::size_t at = text.substr(0, end).rfind(separator);
    if (at == std::string_view::npos) break;
    parts.push_back(text.substr(at + separator.size(), end - at - separator.size()));
    end = at;
  }
  parts.push_back(text.substr(0, end));
  std::reverse(parts.begin(), parts.end());
  return parts;
}

std::vector<std::string_view> split_space(std::string_view text, int64_t most) {
  std::vector<std::string_view> parts;
  text = strip(text, Side::left);
  while (!text.empty()) {
    if (most >= 0 && static_cast<int64_t>(parts.size()) == most) {
      parts.push_back(text);
      break;
    }
    std::size_t end = 0;
    while (end < text.size() && !is_space(decode(text, end).value)) end += decode(text, end).size;
    parts.push_back(text.substr(0, end));
    text = strip(text.substr(end), Side::left);
  }
  return parts;
}

std::vector<std::string_view> rsplit_space(std::string_view text, int64_t most) {
  std::vector<std::string_view> words = split_space(text, -1);
  if (most < 0 || static_cast<int64_t>(words.size()) <= most) return words;
  // All but the last `most` words stay together, as they were written.
  const std::size_t first = words.size() - static_cast<std::size_t>(most);
  const std::string_view before = words[first - 1];
  const auto kept = static_cast<std::size_t>(before.data() + before.size() - text.data());
  std::vector<std::string_view> parts{text.substr(0, kept)};
  parts.insert(parts.end(), words.begin() + static_cast<std::ptrdiff_t>(first), words.end());
  return parts;
}

std::vector<std::string_view> split_lines(std::string_view text, bool keep_ends) {
  std::vector<std::string_view> lines;
  std::size_t from = 0;
  for (std::size_t i = 0; i < text.size();) {
    const CodePoint c = decode(text, i);
    if (!is_line_break(c.value)) {
      i += c.size;
      continue;
    }
    std::size_t next = i + c.size;
    if (c.value == '\r' && next < text.size() && text[next] == '\n') ++next;
    lines.push_back(text.substr(from, (keep_ends ? next : i) - from));
    from = i = next;
  }
  if (from < text.size()) lines.push_back(text.substr(from));
  return lines;
}

std::string escape_html(std::string_view text) {
  std::string out;
  for (char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&#34;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string quote(std::string_view text) {
  const bool has_single = text.find('\'') != text.npos, has_double = text.find('"') != text.npos;
  const char mark = has_single && !has_double ? '"' : '\'';
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out(1, mark);
  for (std::size_t i = 0; i < text.size();) {
    const CodePoint c = decode(text, i);
    const std::string_view bytes = text.substr(i, c.size);
    i += c.size;
    const auto hex = [&](char kind, int digits) {
      out += '\\';
      out += kind;
      for (int d = digits - 1; d >= 0; --d) out += kHex[(c.value >> (4 * d)) & 15];
    };
    if (c.value == static_cast<unsigned char>(mark) || c.value == '\\') {
      out += '\\';
      out += static_cast<char>(c.value);
    } else if (c.value == '\n') {
      out += "\\n";
    } else if (c.value == '\r') {
      out += "\\r";
    } else if (c.value == '\t') {
      out += "\\t";
    } else if (is_printable(c.value)) {
      out += bytes;
    } else if (c.value < 0x100) {
      hex('x', 2);
    } else if (c.value < 0x10000) {
      hex('u', 4);
    } else {
      hex('U', 8);
    }
  }
  return out += mark;
}

std::string float_text(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char buffer[40];
  const auto end =
      std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific);
  const std::string digits(buffer, end.ptr);
  const std::size_t e = digits.find('e');
  const int exponent = std::stoi(digits.substr(e + 1));
  if (exponent < -4 || exponent >= 16) return digits;  // 1e-05, 1e+16: as Python writes it
  const auto plain = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed);
  std::string out(buffer, plain.ptr);
  if (out.find('.') == out.npos) out += ".0";
  return out;
}

}  // namespace serval::jinja
