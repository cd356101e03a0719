#include "common/tokenizers/aligned_text.h"

namespace serval::tok {

ByteSpan AlignedText::span(std::size_t at) const {
  if (!spans.empty()) return spans[at];
  while ((uint8_t(text[at]) & 0xC0) == 0x80) --at;
  return {origin + uint32_t(at), origin + uint32_t(at + char_length(text[at]))};
}

void AlignedText::spell_out_spans() {
  if (!spans.empty()) return;
  spans.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = char_length(text[at]);
    spans.insert(spans.end(), length, {origin + uint32_t(at), origin + uint32_t(at + length)});
    at += length;
  }
}

void Rewriter::put(char32_t code, ByteSpan span) {
  const std::size_t before = text_.size();
  append_utf8(text_, code);
  spans_.insert(spans_.end(), text_.size() - before, span);
}

void Rewriter::drop(int characters) {
  for (; characters > 0 && at_ < from_.text.size(); --characters)
    at_ += char_length(from_.text[at_]);
}

void Rewriter::keep(std::size_t bytes) {
  text_.append(from_.text, at_, bytes);
  if (!from_.spans.empty()) {
    const auto first = from_.spans.begin() + std::ptrdiff_t(at_);
    spans_.insert(spans_.end(), first, first + std::ptrdiff_t(bytes));
    at_ += bytes;
    return;
  }
  for (const std::size_t end = at_ + bytes; at_ < end;) {
    const std::size_t length = char_length(from_.text[at_]);
    spans_.insert(spans_.end(), length,
                  {from_.origin + uint32_t(at_), from_.origin + uint32_t(at_ + length)});
    at_ += length;
  }
}

AlignedText Rewriter::finish() { return {std::move(text_), std::move(spans_), from_.origin}; }

}  // namespace serval::tok
