#include "common/formats/pre_tokenizer.h"

#include <string>

#include "common/formats/unicode_classes.h"
#include "common/utf8.h"

namespace serval {
namespace {

// A character to the rules; code is past the last one at the end of the text.
struct Char {
  char32_t code;
  uint8_t length;
  uint8_t classes;

  bool is(int any_of) const { return (classes & any_of) != 0; }
  bool newline() const { return code == '\r' || code == '\n'; }
};

constexpr char32_t kEnd = 0x110000;
constexpr int kOther = 32;  // \P: neither letter nor number nor space

class Scanner {
 public:
  // `stop`: a class at which the text counts as ended, but for its first character.
  Scanner(std::string_view text, int stop)
      : text_(text), classes_(CharClasses::instance()), stop_(stop) {}

  Char at(std::size_t position) const {
    if (position >= text_.size()) return {kEnd, 0, 0};
    const uint8_t byte = uint8_t(text_[position]);
    Char c{byte, 1, 0};
    if (byte >= 0x80) {
      const Utf8Char wide = next_utf8(text_.substr(position));
      c.code = wide.code;
      c.length = wide.length;
    }
    c.classes = classes_.of(c.code);
    if (c.is(stop_)) return {kEnd, 0, 0};
    c.classes &= kLetter | kNumber | kSpace;
    if (c.classes == 0) c.classes = kOther;
    return c;
  }

  // End of the row of characters of `any_of` that starts at `position`, at most `most` of them.
  std::size_t row(std::size_t position, int any_of, std::size_t most = ~std::size_t{0}) const {
    for (; most > 0; --most) {
      const Char c = at(position);
      if (!c.is(any_of)) break;
      position += c.length;
    }
    return position;
  }

  // Bytes of 's 't 'm 'd 're 've 'll at the front, or 0.
  std::size_t contraction(bool any_case) const {
    if (text_.size() < 2 || text_[0] != '\'') return 0;
    const auto letter = [&](std::size_t i) -> char {
      if (i >= text_.size()) return 0;
      const char c = text_[i];
      return any_case && c >= 'A' && c <= 'Z' ? char(c + 32) : c;
    };
    const char first = letter(1), second = letter(2);
    if (first == 's' || first == 't' || first == 'm' || first == 'd') return 2;
    if ((first == 'r' || first == 'v') && second == 'e') return 3;
    if (first == 'l' && second == 'l') return 3;
    if (any_case && text_.substr(1).starts_with("\u017F")) return 3;  // long s folds to s
    return 0;
  }

  // \s+(?!\S)|\s+ : all the space at the end of the text, else all but its last character, which
  // belongs to the word behind; a single one stands alone.
  std::size_t space() const {
    std::size_t end = 0, last = 0;
    for (Char c = at(0); c.is(kSpace); c = at(end)) {
      last = end;
      end += c.length;
    }
    return at(end).code == kEnd || last == 0 ? end : last;
  }

  // End of the last \r or \n in the row of space at the front, or 0.
  std::size_t last_newline() const {
    std::size_t end = 0, found = 0;
    for (Char c = at(0); c.is(kSpace); c = at(end)) {
      end += c.length;
      if (c.newline()) found = end;
    }
    return found;
  }

 private:
  std::string_view text_;
  const CharClasses& classes_;
  int stop_;
};

std::size_t gpt2_word(const Scanner& in) {
  if (const std::size_t n = in.contraction(false)) return n;
  const Char first = in.at(0);
  const std::size_t skip = first.code == ' ' ? 1 : 0;
  const Char c = skip != 0 ? in.at(1) : first;
  if (c.is(kLetter | kNumber | kOther)) return in.row(skip, c.classes);
  return in.space();
}

std::size_t qwen_word(const Scanner& in, std::size_t digits) {
  if (const std::size_t n = in.contraction(true)) return n;
  const Char first = in.at(0);
  if (first.is(kLetter)) return in.row(0, kLetter);
  if (first.is(kNumber)) return in.row(0, kNumber, digits);
  const Char second = in.at(first.length);
  if (!first.newline() && second.is(kLetter)) return in.row(first.length, kLetter);
  if (first.is(kOther) || (first.code == ' ' && second.is(kOther))) {
    std::size_t end = in.row(first.length, kOther);
    while (in.at(end).newline()) ++end;
    return end;
  }
  if (const std::size_t n = in.last_newline()) return n;
  return in.space();
}

}  // namespace

Result<PreTokenizer> pre_tokenizer_named(std::string_view name) {
  if (name == "gpt-2" || name == "gpt2" || name == "default") return PreTokenizer::gpt2;
  if (name == "smollm" || name == "starcoder") return PreTokenizer::smollm;
  if (name == "qwen2") return PreTokenizer::qwen2;
  if (name == "llama-bpe" || name == "llama3" || name == "llama-v3") return PreTokenizer::llama3;
  return error(Code::unimplemented,
               "pre-tokenizer \"" + std::string(name.substr(0, 64)) +
                   "\" is not supported; supported are gpt-2, smollm, starcoder, qwen2, llama-bpe");
}

std::size_t first_word(PreTokenizer rules, std::string_view text) {
  switch (rules) {
    case PreTokenizer::gpt2:
      return gpt2_word(Scanner(text, 0));
    case PreTokenizer::smollm: {
      const Utf8Char first = next_utf8(text);
      if (CharClasses::instance().of(first.code) & kDigit) return first.length;
      return gpt2_word(Scanner(text, kDigit));
    }
    case PreTokenizer::qwen2:
      return qwen_word(Scanner(text, 0), 1);
    case PreTokenizer::llama3:
      return qwen_word(Scanner(text, 0), 3);
  }
  return text.size();
}

}  // namespace serval
