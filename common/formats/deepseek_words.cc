#include "common/formats/deepseek_words.h"

#include "common/formats/word_scanner.h"

namespace serval {
namespace {

bool within(const Char& c, char32_t first, char32_t last) {
  return c.code >= first && c.code <= last;
}

// One pattern over a text: match(scanner at a character) gives the bytes of its match there or 0.
// What matches and what lies between goes to next(view), in order.
template <class Match, class Next>
void split(std::string_view text, const Match& match, const Next& next) {
  std::size_t start = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::string_view here = text.substr(at);
    const std::size_t size = match(WordScanner(here));
    if (size == 0) {
      at += next_utf8(here).length;
      continue;
    }
    if (start < at) next(text.substr(start, at - start));
    next(here.substr(0, size));
    start = at += size;
  }
  if (start < text.size()) next(text.substr(start));
}

// The row at the front of characters that belong.
template <class Belongs>
std::size_t row(const WordScanner& in, std::size_t from, const Belongs& belongs) {
  std::size_t end = from;
  for (Char c = in.at(end); c.length > 0 && belongs(c); c = in.at(end)) end += c.length;
  return end - from;
}

// \s?[...]+
template <class Belongs>
std::size_t spaced_row(const WordScanner& in, const Belongs& belongs) {
  const Char first = in.at(0);
  if (first.is(kSpace))
    if (const std::size_t size = row(in, first.length, belongs)) return first.length + size;
  return row(in, 0, belongs);
}

std::size_t one_newline(const WordScanner& in) { return in.at(0).newline() ? 1 : 0; }

std::size_t one_digit(const WordScanner& in) { return in.at(0).is(kDigit) ? in.at(0).length : 0; }

std::size_t eastern_row(const WordScanner& in) {
  return row(in, 0,
             [](const Char& c) { return within(c, 0x0800, 0x9FA5) || within(c, 0xAC00, 0xD7FF); });
}

void cut_eastern_and_digits(std::string_view text, const WordSink& word) {
  split(text, eastern_row, [&](std::string_view piece) { split(piece, one_digit, word); });
}

// \s+$
template <class Next>
void split_last_space(std::string_view text, const Next& next) {
  const WordScanner in(text);
  std::size_t solid = 0;  // end of the last character that is no space
  for (std::size_t at = 0; at < text.size();) {
    const Char c = in.at(at);
    at += c.length;
    if (!c.is(kSpace)) solid = at;
  }
  if (solid > 0) next(text.substr(0, solid));
  if (solid < text.size()) next(text.substr(solid));
}

std::size_t cased_row(const WordScanner& in) {
  return spaced_row(in, [](const Char& c) { return c.is(kCased); });
}

std::size_t letter_row(const WordScanner& in) {
  return spaced_row(in, [](const Char& c) { return c.is(kLetter); });
}

std::size_t punctuation_row(const WordScanner& in) {
  return spaced_row(in, [](const Char& c) { return c.is(kPunctuation); });
}

bool is_llm_punctuation(const Char& c) {
  return within(c, '!', '/') || within(c, ':', '~') || within(c, 0xFF01, 0xFF0F) ||
         within(c, 0xFF1A, 0xFF5E) || within(c, 0x2018, 0x201F) || within(c, 0x3000, 0x3002);
}

std::size_t llm_punctuation_row(const WordScanner& in) {
  return spaced_row(in, is_llm_punctuation);
}

bool is_ascii_punctuation(const Char& c) {
  return within(c, '!', '/') || within(c, ':', '@') || within(c, '[', '`') || within(c, '{', '~');
}

std::size_t three_digits(const WordScanner& in) { return in.row(0, kNumber, 3); }

std::size_t cjk_row(const WordScanner& in) {
  return row(in, 0,
             [](const Char& c) { return within(c, 0x4E00, 0x9FA5) || within(c, 0x3040, 0x30FF); });
}

std::size_t v3_word(const WordScanner& in) {
  const Char first = in.at(0), second = in.at(first.length);
  if (is_ascii_punctuation(first) && second.ascii_letter())
    return 1 + row(in, 1, [](const Char& c) { return c.ascii_letter(); });
  if (first.is(kLetter | kMark)) return in.row(0, kLetter | kMark);
  if (!first.newline() && !first.is(kPunctuation | kSymbol) && second.is(kLetter | kMark))
    return in.row(first.length, kLetter | kMark);
  if (first.is(kPunctuation | kSymbol) || (first.code == ' ' && second.is(kPunctuation | kSymbol)))
    return in.newlines(in.row(first.length, kPunctuation | kSymbol));
  return first.is(kSpace) ? in.space_or_newlines() : 0;
}

}  // namespace

void cut_deepseek_llm(std::string_view text, const WordSink& word) {
  const auto fifth = [&](std::string_view piece) { cut_eastern_and_digits(piece, word); };
  const auto fourth = [&](std::string_view piece) { split_last_space(piece, fifth); };
  const auto third = [&](std::string_view piece) { split(piece, llm_punctuation_row, fourth); };
  const auto second = [&](std::string_view piece) { split(piece, cased_row, third); };
  split(text, one_newline, second);
}

void cut_deepseek_coder(std::string_view text, const WordSink& word) {
  const auto fourth = [&](std::string_view piece) { cut_eastern_and_digits(piece, word); };
  const auto third = [&](std::string_view piece) { split(piece, punctuation_row, fourth); };
  const auto second = [&](std::string_view piece) { split(piece, letter_row, third); };
  split(text, one_newline, second);
}

void cut_deepseek_v3(std::string_view text, const WordSink& word) {
  const auto third = [&](std::string_view piece) { split(piece, v3_word, word); };
  const auto second = [&](std::string_view piece) { split(piece, cjk_row, third); };
  split(text, three_digits, second);
}

}  // namespace serval
