#include "common/formats/nfc.h"

#include <algorithm>
#include <utf8proc.h>
#include <vector>

#include "common/formats/unicode_classes.h"
#include "common/utf8.h"

namespace serval {
namespace {

int combining_class(utf8proc_int32_t code) { return utf8proc_get_property(code)->combining_class; }

// Where the next character that composes starts, or text.size().
std::size_t find_composing(std::string_view text, std::size_t at) {
  const CharClasses& classes = CharClasses::instance();
  while (at < text.size()) {
    if (uint8_t(text[at]) < 0xCC) {  // below U+0300, or inside a character: nothing there composes
      ++at;
      continue;
    }
    const Utf8Char c = next_utf8(text.substr(at));
    if (classes.of(c.code) & kComposes) return at;
    at += c.length;
  }
  return at;
}

std::size_t find_not_composing(std::string_view text, std::size_t at) {
  const CharClasses& classes = CharClasses::instance();
  while (at < text.size()) {
    const Utf8Char c = next_utf8(text.substr(at));
    if (!(classes.of(c.code) & kComposes)) return at;
    at += c.length;
  }
  return at;
}

// The start of the character before `at`, if marks may join it; else `at`.
std::size_t base_before(std::string_view text, std::size_t floor, std::size_t at) {
  std::size_t start = at;
  while (start > floor && (uint8_t(text[--start]) & 0xC0) == 0x80) {
  }
  if (start == at) return at;
  const Utf8Char c = next_utf8(text.substr(start));
  // A mark to utf8proc but not to the reference: newer than the reference's tables.
  return combining_class(utf8proc_int32_t(c.code)) == 0 ? start : at;
}

// Decomposes, puts marks into canonical order, composes. utf8proc's own ordering is quadratic in
// the length of a row of marks, so that part is done here.
void normalize_run(std::string_view run, std::vector<utf8proc_int32_t>& codes, std::string& out) {
  codes.clear();
  while (!run.empty()) {
    const Utf8Char c = next_utf8(run);
    run.remove_prefix(c.length);
    utf8proc_int32_t parts[8];  // canonical decompositions have at most 4 characters
    int boundary = 0;
    const auto count =
        utf8proc_decompose_char(utf8proc_int32_t(c.code), parts, 8, UTF8PROC_DECOMPOSE, &boundary);
    if (count > 0 && count <= 8)
      codes.insert(codes.end(), parts, parts + count);
    else
      codes.push_back(utf8proc_int32_t(c.code));
  }
  for (auto from = codes.begin(); from != codes.end();) {
    const auto starter = [](utf8proc_int32_t code) { return combining_class(code) == 0; };
    from = std::find_if_not(from, codes.end(), starter);
    const auto to = std::find_if(from, codes.end(), starter);
    std::stable_sort(from, to, [](utf8proc_int32_t a, utf8proc_int32_t b) {
      return combining_class(a) < combining_class(b);
    });
    from = to;
  }
  const auto length =
      utf8proc_normalize_utf32(codes.data(), utf8proc_ssize_t(codes.size()),
                               utf8proc_option_t(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  for (utf8proc_ssize_t i = 0; i < length; ++i) append_utf8(out, char32_t(codes[std::size_t(i)]));
}

}  // namespace

bool normalize_nfc(std::string_view text, std::string& out) {
  std::size_t composing = find_composing(text, 0);
  if (composing == text.size()) return false;
  out.clear();
  out.reserve(text.size());
  std::vector<utf8proc_int32_t> codes;
  for (std::size_t done = 0; done < text.size();) {
    const std::size_t from = base_before(text, done, composing);
    out.append(text.substr(done, from - done));
    done = find_not_composing(text, composing);
    normalize_run(text.substr(from, done - from), codes, out);
    composing = find_composing(text, done);
  }
  return true;
}

}  // namespace serval
