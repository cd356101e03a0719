#include "common/tokenizers/normalizers.h"

#include <algorithm>
#include <optional>

#include "common/tokenizers/char_traits.h"

namespace serval::tok {
namespace {

bool has_trait(std::string_view text, int trait) {
  const CharTraits& traits = CharTraits::instance();
  for (std::size_t at = 0; at < text.size();)
    if (traits.of(next_char(text, at)) & trait) return true;
  return false;
}

void drop_with_trait(AlignedText& text, int trait) {
  if (!has_trait(text.text, trait)) return;
  Rewriter out(text);
  while (out.position() < text.text.size()) {
    std::size_t at = out.position();
    if (CharTraits::instance().of(next_char(text.text, at)) & trait)
      out.drop(1);
    else
      out.keep(at - out.position());
  }
  text = out.finish();
}

bool nmt_drops(char32_t c) {
  return (c >= 1 && c <= 8) || c == 0xB || (c >= 0xE && c <= 0x1F) || c == 0x7F || c == 0x8F ||
         c == 0x9F;
}

bool nmt_space(char32_t c) {
  return c == 9 || c == 0xA || c == 0xC || c == 0xD || c == 0x1680 ||
         (c >= 0x200B && c <= 0x200F) || c == 0x2028 || c == 0x2029 || c == 0x2581 || c == 0xFEFF ||
         c == 0xFFFD;
}

}  // namespace

void StripNormalizer::apply(AlignedText& text) const {
  const CharTraits& traits = CharTraits::instance();
  const std::string_view view = text.text;
  std::size_t first = 0, last = 0;  // of what stays
  bool found = false;
  for (std::size_t at = 0; at < view.size();) {
    const std::size_t start = at;
    if (traits.of(next_char(view, at)) & kWhite) continue;
    if (!found) first = start;
    found = true;
    last = at;
  }
  if (!found) {
    if (left_ || right_) {
      text.text.clear();
      text.spans.clear();
    }
    return;
  }
  if (!left_) first = 0;
  if (!right_) last = view.size();
  if (first == 0 && last == view.size()) return;
  text.spell_out_spans();
  text.text = text.text.substr(first, last - first);
  text.spans = std::vector<ByteSpan>(text.spans.begin() + std::ptrdiff_t(first),
                                     text.spans.begin() + std::ptrdiff_t(last));
}

void StripAccents::apply(AlignedText& text) const { drop_with_trait(text, kCombining); }

void Lowercase::apply(AlignedText& text) const {
  if (!has_trait(text.text, kLowers)) return;
  if (std::all_of(text.text.begin(), text.text.end(), [](char c) { return uint8_t(c) < 0x80; })) {
    for (char& c : text.text) c = char(lower_case(char32_t(c))[0]);
    return;
  }
  Rewriter out(text);
  while (out.position() < text.text.size()) {
    std::size_t at = out.position();
    const auto lower = lower_case(next_char(text.text, at));
    out.replace(lower[0]);
    if (lower[1] != 0) out.insert(lower[1]);
  }
  text = out.finish();
}

void Nmt::apply(AlignedText& text) const {
  Rewriter out(text);
  while (out.position() < text.text.size()) {
    std::size_t at = out.position();
    const char32_t code = next_char(text.text, at);
    if (nmt_drops(code))
      out.drop(1);
    else
      out.replace(nmt_space(code) ? ' ' : code);
  }
  text = out.finish();
}

void prepend_to(AlignedText& text, std::string_view prefix) {
  if (text.text.empty() || prefix.empty()) return;
  const ByteSpan first = text.span(0);
  text.spell_out_spans();
  text.text.insert(0, prefix);
  text.spans.insert(text.spans.begin(), prefix.size(), first);
}

void Prepend::apply(AlignedText& text) const { prepend_to(text, text_); }

void Replace::apply(AlignedText& text) const {
  std::optional<Rewriter> out;
  pattern_.each_match(text.text, [&](std::size_t begin, std::size_t end) {
    if (!out) out.emplace(text);
    out->keep(begin - out->position());
    while (out->position() < end) out->drop(1);
    for (std::size_t at = 0; at < content_.size();) out->insert(next_char(content_, at));
  });
  if (!out) return;
  out->keep(text.text.size() - out->position());
  text = out->finish();
}

}  // namespace serval::tok
