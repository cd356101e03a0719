// White space at the ends of texts, as Python's str.strip() sees it.
#pragma once

#include <string_view>

#include "common/tokenizers/char_traits.h"
#include "common/utf8.h"

namespace serval::whisper {

inline std::string_view stripped(std::string_view text) {
  const tok::CharTraits& traits = tok::CharTraits::instance();
  std::size_t begin = text.size(), end = 0;
  for (std::size_t at = 0; at < text.size();) {
    const Utf8Char next = next_utf8(text.substr(at));
    if ((traits.of(next.code) & tok::kWhite) == 0) {
      begin = begin < at ? begin : at;
      end = at + next.length;
    }
    at += next.length;
  }
  return begin < end ? text.substr(begin, end - begin) : std::string_view();
}

}  // namespace serval::whisper
