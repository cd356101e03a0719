// The languages Whisper knows, as OpenAI's tokenizer lists them.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace serval::whisper {

struct Language {
  std::string_view code;  // "de"; its token is <|de|>
  std::string_view name;  // English, lower case: "german"
};

// 100, in the order of the tokens of the newest models; older ones lack the last.
std::span<const Language> all_languages();

// By code or English name ("Mandarin" and a few others are known too), in any case; nullptr if
// there is none.
const Language* find_language(std::string_view code_or_name);

// Words cannot be told by spaces: zh, ja, th, lo, my, yue.
bool is_written_without_spaces(std::string_view code);

}  // namespace serval::whisper
