#include "common/formats/pre_tokenizer.h"

#include "common/formats/deepseek_words.h"
#include "common/formats/word_scanner.h"

namespace serval {
namespace {

std::size_t gpt2_word(const WordScanner& in) {
  if (const std::size_t n = in.contraction(false)) return n;
  const Char first = in.at(0);
  const std::size_t skip = first.code == ' ' ? 1 : 0;
  const Char c = skip != 0 ? in.at(1) : first;
  for (const int one : {int(kLetter), int(kNumber), kOther})
    if (c.is(one)) return in.row(skip, one);
  return in.space();
}

std::size_t qwen_word(const WordScanner& in, std::size_t digits) {
  if (const std::size_t n = in.contraction(true)) return n;
  const Char first = in.at(0);
  if (first.is(kLetter)) return in.row(0, kLetter);
  if (first.is(kNumber)) return in.row(0, kNumber, digits);
  const Char second = in.at(first.length);
  if (!first.newline() && second.is(kLetter)) return in.row(first.length, kLetter);
  if (first.is(kOther) || (first.code == ' ' && second.is(kOther)))
    return in.newlines(in.row(first.length, kOther));
  return in.space_or_newlines();
}

// Bytes of the first word, at least 1. Words do not depend on what came before.
std::size_t first_word(PreTokenizer rules, std::string_view text) {
  switch (rules) {
    case PreTokenizer::smollm: {
      const Utf8Char first = next_utf8(text);
      if (CharClasses::instance().of(first.code) & kDigit) return first.length;
      return gpt2_word(WordScanner(text, kDigit));
    }
    case PreTokenizer::qwen2:
      return qwen_word(WordScanner(text), 1);
    case PreTokenizer::qwen35:
      return qwen_word(WordScanner(text, 0, kMark), 1);
    case PreTokenizer::llama3:
      return qwen_word(WordScanner(text), 3);
    default:
      return gpt2_word(WordScanner(text));
  }
}

}  // namespace

void cut_words(PreTokenizer rules, std::string_view text,
               const std::function<void(std::string_view)>& word) {
  if (rules == PreTokenizer::deepseek_llm) return cut_deepseek_llm(text, word);
  if (rules == PreTokenizer::deepseek_coder) return cut_deepseek_coder(text, word);
  if (rules == PreTokenizer::deepseek_v3) return cut_deepseek_v3(text, word);
  while (!text.empty()) {
    const std::size_t size = first_word(rules, text);
    word(text.substr(0, size));
    text.remove_prefix(size);
  }
}

}  // namespace serval
