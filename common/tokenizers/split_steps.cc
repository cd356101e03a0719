#include "common/tokenizers/split_steps.h"

#include "common/formats/unicode_classes.h"
#include "common/tokenizers/char_traits.h"

namespace serval::tok {

void CharacterSplit::apply(Pieces& pieces) const {
  const auto split = [&](const auto& is) {
    split_pieces(pieces, behavior_, [&](std::string_view view, std::vector<SplitPart>& parts) {
      parts_of_characters(view, parts, is);
    });
  };
  const CharTraits& traits = CharTraits::instance();
  switch (kind_) {
    case Kind::white_space:
      return split([&](char32_t c) { return (traits.of(c) & kWhite) != 0; });
    case Kind::punctuation:
      return split([&](char32_t c) { return (traits.of(c) & kPunctuation) != 0; });
    case Kind::digit:
      return split([](char32_t c) { return (CharClasses::instance().of(c) & kDigit) != 0; });
    case Kind::one:
      return split([this](char32_t c) { return c == one_; });
  }
}

void BertSplit::apply(Pieces& pieces) const {
  const CharTraits& traits = CharTraits::instance();
  split_pieces(pieces, SplitBehavior::isolated,
               [&](std::string_view view, std::vector<SplitPart>& parts) {
                 std::size_t word = 0;  // start of the one being read
                 const auto end_word = [&](std::size_t at) {
                   if (word < at) parts.push_back({uint32_t(word), uint32_t(at), false});
                 };
                 for (std::size_t at = 0; at < view.size();) {
                   const std::size_t start = at;
                   const int kind = traits.of(next_char(view, at)) & (kWhite | kPunctuation);
                   if (kind == 0) continue;
                   end_word(start);
                   if (kind & kPunctuation) parts.push_back({uint32_t(start), uint32_t(at), true});
                   word = at;
                 }
                 end_word(view.size());
               });
}

void WordSplit::apply(Pieces& pieces) const {
  const CharTraits& traits = CharTraits::instance();
  split_pieces(pieces, SplitBehavior::isolated,
               [&](std::string_view view, std::vector<SplitPart>& parts) {
                 int before = kWhite;
                 for (std::size_t at = 0; at < view.size();) {
                   const std::size_t start = at;
                   const int found = traits.of(next_char(view, at));
                   const int kind = (found & kWord) ? kWord : found & kWhite;
                   if (kind != kWhite) {
                     if (kind == before)
                       parts.back().end = uint32_t(at);
                     else
                       parts.push_back({uint32_t(start), uint32_t(at), false});
                   }
                   before = kind;
                 }
               });
}

void PatternSplit::apply(Pieces& pieces) const {
  split_pieces(pieces, behavior_, [&](std::string_view view, std::vector<SplitPart>& parts) {
    std::size_t last = 0;
    pattern_.each_match(view, [&](std::size_t begin, std::size_t end) {
      if (last < begin) parts.push_back({uint32_t(last), uint32_t(begin), invert_});
      parts.push_back({uint32_t(begin), uint32_t(end), !invert_});
      last = end;
    });
    if (last < view.size()) parts.push_back({uint32_t(last), uint32_t(view.size()), invert_});
  });
}

}  // namespace serval::tok
