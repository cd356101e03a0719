#include "plugins/whisper/live/stable_prefix.h"

#include <algorithm>

#include "common/tokenizers/char_traits.h"
#include "common/utf8.h"

namespace serval::whisper {
namespace {

constexpr std::string_view kBroken = "\xEF\xBF\xBD";  // U+FFFD: a character that was cut

}  // namespace

std::string word_key(std::string_view word) {
  const tok::CharTraits& traits = tok::CharTraits::instance();
  std::string key;
  while (!word.empty()) {
    const Utf8Char next = next_utf8(word);
    word.remove_prefix(next.length);
    if ((traits.of(next.code) & (tok::kWhite | tok::kPunctuation)) != 0) continue;
    for (const char32_t code : tok::lower_case(next.code))
      if (code != 0) append_utf8(key, code);
  }
  return key;
}

bool StablePrefix::hear(const std::vector<std::string>& words) {
  std::vector<std::string> keys;
  std::vector<std::size_t> places;  // in words
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i].find(kBroken) != words[i].npos) break;
    std::string key = word_key(words[i]);
    if (key.empty()) continue;
    keys.push_back(std::move(key));
    places.push_back(i);
  }
  const auto agreed = std::size_t(
      std::mismatch(keys.begin(), keys.end(), last_.begin(), last_.end()).first - keys.begin());
  const bool begins_as_shown =
      agreed > shown_.size() && std::equal(shown_.begin(), shown_.end(), keys.begin());
  if (begins_as_shown) {
    for (std::size_t i = shown_.empty() ? 0 : places[shown_.size() - 1] + 1;
         i <= places[agreed - 1]; ++i)
      text_ += words[i];
    shown_.assign(keys.begin(), keys.begin() + std::ptrdiff_t(agreed));
  }
  last_ = std::move(keys);
  return begins_as_shown;
}

void StablePrefix::clear() {
  last_.clear();
  shown_.clear();
  text_.clear();
}

}  // namespace serval::whisper
