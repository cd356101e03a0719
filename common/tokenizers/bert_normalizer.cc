// BERT's cleaning in one pass: control characters out, white space to spaces, spaces around Chinese
// characters, accents off, lower case.
#include <array>

#include "common/tokenizers/char_traits.h"
#include "common/tokenizers/normalizer.h"
#include "common/tokenizers/unicode_forms.h"

namespace serval::tok {
namespace {

bool is_chinese(char32_t c) {
  return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) ||
         (c >= 0x20000 && c <= 0x2A6DF) || (c >= 0x2A700 && c <= 0x2B73F) ||
         (c >= 0x2B740 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF) ||
         (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x2F800 && c <= 0x2FA1F);
}

class BertNormalizer final : public Normalizer {
 public:
  explicit BertNormalizer(const BertRules& rules) : rules_(rules) {
    const CharTraits& traits = CharTraits::instance();
    for (char32_t c = 0; c < 0x80; ++c) {
      ascii_[c] = char(c);
      if (rules.lower_case) ascii_[c] = char(lower_case(c)[0]);
      if (!rules.clean_text) continue;
      if (traits.of(c) & kWhite) ascii_[c] = ' ';
      if (traits.of(c) & kRemoved) ascii_[c] = kGone;
    }
  }

  void apply(AlignedText& text) const override {
    if (stays_as_long(text.text)) return;
    if (rules_.strip_accents && keeps_ordered(text.text)) return apply_in_turn(text);
    AlignedText out;
    out.origin = text.origin;
    out.text.reserve(text.text.size() + 16);
    out.spans.reserve(text.text.size() + 16);
    for (std::size_t at = 0; at < text.text.size();) {
      const ByteSpan span = text.span(at);
      if (uint8_t(text.text[at]) < 0x80) {
        if (const char c = ascii_[uint8_t(text.text[at])]; c != kGone) {
          out.text += c;
          out.spans.push_back(span);
        }
        ++at;
        continue;
      }
      const std::size_t before = out.text.size();
      write(next_char(text.text, at), out.text);
      out.spans.insert(out.spans.end(), out.text.size() - before, span);
    }
    text = std::move(out);
  }

 private:
  static constexpr char kGone = char(0x80);

  // ASCII of which nothing goes: mapped in place, and each byte is still its own.
  bool stays_as_long(std::string& text) const {
    for (const char c : text)
      if (uint8_t(c) >= 0x80 || ascii_[uint8_t(c)] == kGone) return false;
    for (char& c : text) c = ascii_[uint8_t(c)];
    return true;
  }

  // Marks that are no accents to the reference but change places when text is decomposed.
  static bool keeps_ordered(std::string_view text) {
    const CharTraits& traits = CharTraits::instance();
    for (std::size_t at = 0; at < text.size();)
      if ((traits.of(next_char(text, at)) & (kOrdered | kNonspacing)) == kOrdered) return true;
    return false;
  }

  void write(char32_t code, std::string& out) const {
    const int traits = CharTraits::instance().of(code);
    if (rules_.clean_text) {
      if (traits & kRemoved) return;
      if (traits & kWhite) {
        out += ' ';
        return;
      }
    }
    const bool chinese = rules_.chinese_characters && is_chinese(code);
    if (chinese) out += ' ';
    if (rules_.strip_accents && (traits & (kCanonical | kNonspacing))) {
      char32_t parts[kMostParts];
      const int count = decompose(code, false, parts);
      for (int i = 0; i < count; ++i)
        if (!(CharTraits::instance().of(parts[i]) & kNonspacing)) write_lower(parts[i], out);
    } else {
      write_lower(code, out);
    }
    if (chinese) out += ' ';
  }

  void write_lower(char32_t code, std::string& out) const {
    if (!rules_.lower_case || !(CharTraits::instance().of(code) & kLowers))
      return append_utf8(out, code);
    for (const char32_t c : lower_case(code))
      if (c != 0) append_utf8(out, c);
  }

  // One rule after the other, as the reference does it.
  void apply_in_turn(AlignedText& text) const {
    BertNormalizer(BertRules{rules_.clean_text, rules_.chinese_characters, false, false})
        .apply(text);
    put_into_form(text, UnicodeForm::nfd);
    Rewriter out(text);
    while (out.position() < text.text.size()) {
      std::size_t at = out.position();
      const char32_t code = next_char(text.text, at);
      if (CharTraits::instance().of(code) & kNonspacing)
        out.drop(1);
      else
        out.keep(at - out.position());
    }
    text = out.finish();
    BertNormalizer(BertRules{false, false, false, rules_.lower_case}).apply(text);
  }

  const BertRules rules_;
  std::array<char, 0x80> ascii_{};
};

}  // namespace

std::unique_ptr<const Normalizer> make_bert_normalizer(const BertRules& rules) {
  return std::make_unique<BertNormalizer>(rules);
}

}  // namespace serval::tok
