// What somebody may have meant who mistyped a word.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace serval {

// Of `words` the one nearest to `word`, if it is near enough to be meant; else "". The first of
// several that are equally near.
std::string_view nearest_word(std::string_view word, std::span<const std::string_view> words);

// "; did you mean body?" for a message, or "". prefix and suffix stand around the word.
std::string did_you_mean(std::string_view word, std::span<const std::string_view> words,
                         std::string_view prefix = {}, std::string_view suffix = {});

}  // namespace serval
