// Letter case as Python's str has it; see text.h.
#include <algorithm>
#include <iterator>

#include "common/jinja/text.h"

namespace serval::jinja {
namespace {

struct CaseRun {  // every `stride`th code point of [first, last] moves by `delta`
  int32_t first, last, stride, delta;
};
struct CaseSpecial {  // one code point that becomes up to three; unused places are 0
  int32_t from, to[3];
};
struct Range {
  int32_t first, last;
};

#include "common/jinja/unicode_tables.inc"

template <std::size_t N>
const CaseSpecial* special(const CaseSpecial (&table)[N], char32_t c) {
  const auto at = std::lower_bound(std::begin(table), std::end(table), static_cast<int32_t>(c),
                                   [](const CaseSpecial& s, int32_t x) { return s.from < x; });
  return at != std::end(table) && at->from == static_cast<int32_t>(c) ? &*at : nullptr;
}

template <std::size_t N>
char32_t mapped(const CaseRun (&table)[N], char32_t c) {
  const auto x = static_cast<int32_t>(c);
  const auto at = std::upper_bound(std::begin(table), std::end(table), x,
                                   [](int32_t v, const CaseRun& r) { return v < r.first; });
  if (at == std::begin(table)) return c;
  const CaseRun& run = *std::prev(at);
  if (x > run.last || (x - run.first) % run.stride != 0) return c;
  return static_cast<char32_t>(x + run.delta);
}

void append_special(std::string& out, const CaseSpecial& s) {
  for (int32_t c : s.to)
    if (c != 0) append_utf8(out, static_cast<char32_t>(c));
}

void append_upper(std::string& out, char32_t c) {
  if (const CaseSpecial* s = special(kUpperSpecial, c)) return append_special(out, *s);
  append_utf8(out, mapped(kUpper, c));
}

void append_title(std::string& out, char32_t c) {
  if (const CaseSpecial* s = special(kTitle, c)) return append_special(out, *s);
  append_upper(out, c);
}

bool is_cased(char32_t c) {
  return mapped(kUpper, c) != c || mapped(kLower, c) != c || special(kUpperSpecial, c) ||
         special(kLowerSpecial, c) || special(kTitle, c);
}

bool is_case_ignorable(char32_t c) {  // of what stands inside words: apostrophes, accents, hyphens
  return c == '\'' || c == '.' || c == ':' || c == '^' || c == '`' || c == 0xA8 || c == 0xAD ||
         c == 0xB7 || c == 0x2019 || (c >= 0x300 && c <= 0x36F);
}

// A capital sigma at the end of a word has its own small letter.
bool ends_word(std::string_view text, std::size_t at, std::size_t size) {
  bool before = false;
  for (std::size_t i = at; i > 0;) {
    --i;
    while (i > 0 && (text[i] & 0xC0) == 0x80) --i;
    const char32_t c = decode(text, i).value;
    if (is_case_ignorable(c)) continue;
    before = is_cased(c);
    break;
  }
  if (!before) return false;
  for (std::size_t i = at + size; i < text.size(); i += decode(text, i).size) {
    const char32_t c = decode(text, i).value;
    if (!is_case_ignorable(c)) return !is_cased(c);
  }
  return true;
}

void append_lower(std::string& out, std::string_view text, std::size_t at, CodePoint c) {
  if (c.value == 0x3A3) return append_utf8(out, ends_word(text, at, c.size) ? 0x3C2 : 0x3C3);
  if (const CaseSpecial* s = special(kLowerSpecial, c.value)) return append_special(out, *s);
  append_utf8(out, mapped(kLower, c.value));
}

// Calls `put(at, code point)` for valid text and copies the bytes that are none.
template <class Put>
std::string convert(std::string_view text, Put put) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const CodePoint c = decode(text, i);
    if (c.value == 0xFFFD)
      out += text.substr(i, c.size);
    else
      put(out, i, c);
    i += c.size;
  }
  return out;
}

}  // namespace

bool is_printable(char32_t c) {
  const auto at = std::upper_bound(std::begin(kHidden), std::end(kHidden), static_cast<int32_t>(c),
                                   [](int32_t v, const Range& r) { return v < r.first; });
  return at == std::begin(kHidden) || std::prev(at)->last < static_cast<int32_t>(c);
}

std::string to_upper(std::string_view text) {
  return convert(text,
                 [](std::string& out, std::size_t, CodePoint c) { append_upper(out, c.value); });
}

std::string to_lower(std::string_view text) {
  return convert(
      text, [&](std::string& out, std::size_t at, CodePoint c) { append_lower(out, text, at, c); });
}

std::string capitalize(std::string_view text) {
  return convert(text, [&](std::string& out, std::size_t at, CodePoint c) {
    if (at == 0)
      append_title(out, c.value);
    else
      append_lower(out, text, at, c);
  });
}

std::string title_words(std::string_view text) {
  bool inside = false;
  return convert(text, [&](std::string& out, std::size_t at, CodePoint c) {
    if (inside)
      append_lower(out, text, at, c);
    else
      append_title(out, c.value);
    inside = is_cased(c.value);
  });
}

std::string title_filter(std::string_view text) {
  const auto opens_word = [](char32_t c) {
    return is_space(c) || c == '-' || c == '(' || c == '{' || c == '[' || c == '<';
  };
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    std::size_t end = i;
    const bool opener = opens_word(decode(text, i).value);
    while (end < text.size() && opens_word(decode(text, end).value) == opener)
      end += decode(text, end).size;
    const std::size_t first = decode(text, i).size;
    out += to_upper(text.substr(i, first));
    out += to_lower(text.substr(i + first, end - i - first));
    i = end;
  }
  return out;
}

}  // namespace serval::jinja
