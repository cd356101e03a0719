#include "common/tokenizers/text_pattern.h"

namespace serval::tok {
namespace {

struct Known {
  std::string_view expression;
  PreTokenizer words;
};
// As published files spell them; scanners written by hand find the same words faster.
constexpr Known kKnown[] = {
    {R"re('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)re",
     PreTokenizer::gpt2},
    {R"re('(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)re",
     PreTokenizer::gpt2},
    {R"re((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)re",
     PreTokenizer::qwen2},
    {R"re((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)re",
     PreTokenizer::llama3},
};

// Expressions that match nothing but spaces.
constexpr std::string_view kSpaces[] = {" {2,}", " +", "\\s+", "\\s{2,}", "[ ]{2,}", "\\n", "\n"};

}  // namespace

Result<TextPattern> TextPattern::read(const Component& part) {
  const json::value* pattern = part.member("pattern");
  if (pattern == nullptr || !pattern->is_object()) return part.bad("has no pattern");
  const auto member = [&](const char* key) -> std::string_view {
    const json::value* found = pattern->get_object().if_contains(key);
    return found != nullptr && found->is_string() ? std::string_view(found->get_string())
                                                  : std::string_view();
  };
  TextPattern out;
  out.text_ = member("String");
  if (!out.text_.empty()) {
    out.ends_at_spaces_ = out.text_.size() == 1 || out.text_.find(' ') == out.text_.npos;
    return out;
  }
  const std::string_view text = member("Regex");
  if (text.empty()) return part.bad("has an empty pattern");
  for (const Known& known : kKnown)
    if (known.expression == text) out.words_ = known.words;
  for (const std::string_view known : kSpaces) out.ends_at_spaces_ |= known == text;
  out.ends_at_spaces_ |= out.words_.has_value();
  if (out.words_) return out;
  Result<Expression> expression = Expression::compile(text);
  if (!expression)
    return error(expression.error().code, part.where() + ": " + expression.error().message);
  out.expression_ = std::move(*expression);
  return out;
}

void TextPattern::each_match(std::string_view text,
                             const std::function<void(std::size_t, std::size_t)>& match) const {
  if (words_) {
    std::size_t at = 0;
    cut_words(*words_, text, [&](std::string_view word) {
      match(at, at + word.size());
      at += word.size();
    });
  } else if (expression_) {
    expression_->each_match(text, match);
  } else {
    for (std::size_t at = 0; (at = text.find(text_, at)) != text.npos; at += text_.size())
      match(at, at + text_.size());
  }
}

}  // namespace serval::tok
