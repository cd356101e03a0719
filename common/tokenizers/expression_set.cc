#include "common/tokenizers/expression_set.h"

#include <algorithm>
#include <utf8proc.h>

#include "common/formats/unicode_classes.h"
#include "common/tokenizers/char_traits.h"

namespace serval::tok {
namespace {

struct Named {
  std::string_view name;
  uint16_t classes;
  uint32_t categories;
};

constexpr uint32_t category(utf8proc_category_t c) { return 1u << int(c); }

// The general category; of characters newer than utf8proc's tables, the usual one of their class.
uint32_t category_of(char32_t code) {
  const uint32_t found = 1u << int(utf8proc_category(utf8proc_int32_t(code)));
  constexpr uint32_t kUnassigned = category(UTF8PROC_CATEGORY_CN);
  if (found != kUnassigned) return found;
  const int classes = CharClasses::instance().of(code);
  if (classes & kMark) return category(UTF8PROC_CATEGORY_MN);
  if (classes & kNumber)
    return category(classes & kDigit ? UTF8PROC_CATEGORY_ND : UTF8PROC_CATEGORY_NO);
  if (!(classes & kLetter)) return kUnassigned;
  const bool lowers = (CharTraits::instance().of(code) & kLowers) != 0;
  return category(lowers ? UTF8PROC_CATEGORY_LU : UTF8PROC_CATEGORY_LO);
}

constexpr Named kNames[] = {
    {"L", kLetter, 0},
    {"N", kNumber, 0},
    {"M", kMark, 0},
    {"P", kPunctuation, 0},
    {"S", kSymbol, 0},
    {"Lu", 0, category(UTF8PROC_CATEGORY_LU)},
    {"Ll", 0, category(UTF8PROC_CATEGORY_LL)},
    {"Lt", 0, category(UTF8PROC_CATEGORY_LT)},
    {"Lm", 0, category(UTF8PROC_CATEGORY_LM)},
    {"Lo", 0, category(UTF8PROC_CATEGORY_LO)},
    {"Mn", 0, category(UTF8PROC_CATEGORY_MN)},
    {"Mc", 0, category(UTF8PROC_CATEGORY_MC)},
    {"Me", 0, category(UTF8PROC_CATEGORY_ME)},
    {"Nd", 0, category(UTF8PROC_CATEGORY_ND)},
    {"Nl", 0, category(UTF8PROC_CATEGORY_NL)},
    {"No", 0, category(UTF8PROC_CATEGORY_NO)},
    {"Zs", 0, category(UTF8PROC_CATEGORY_ZS)},
    {"Cc", 0, category(UTF8PROC_CATEGORY_CC)},
};

}  // namespace

void CharSet::add(char32_t first, char32_t last) { ranges_.emplace_back(first, last); }

void CharSet::add_any_case(char32_t code) {
  add(code, code);
  for (const auto other :
       {utf8proc_tolower(utf8proc_int32_t(code)), utf8proc_toupper(utf8proc_int32_t(code))})
    add(char32_t(other), char32_t(other));
  if (code == 's' || code == 'S') add(0x17F, 0x17F);    // long s
  if (code == 'k' || code == 'K') add(0x212A, 0x212A);  // Kelvin
}

bool CharSet::add_escape(char letter) {
  Kinds kinds;
  switch (letter) {
    case 's':
    case 'S':
      kinds.classes = kSpace;
      break;
    case 'd':
    case 'D':
      kinds.categories = category(UTF8PROC_CATEGORY_ND);
      break;
    case 'w':
    case 'W':
      kinds.words = true;
      break;
    default:
      return false;
  }
  kinds.not_these = letter < 'a';
  kinds_.push_back(kinds);
  return true;
}

bool CharSet::add_property(std::string_view name, bool negated) {
  for (const Named& known : kNames) {
    if (known.name != name) continue;
    kinds_.push_back({known.classes, known.categories, false, negated});
    return true;
  }
  return false;
}

void CharSet::finish() {
  for (char32_t c = 0; c < 0x80; ++c) ascii_[c] = has_slowly(c);
}

bool CharSet::is_of(const Kinds& kinds, char32_t code) {
  bool found = (CharClasses::instance().of(code) & kinds.classes) != 0;
  if (kinds.words) found = found || (CharTraits::instance().of(code) & kWord) != 0;
  if (kinds.categories != 0) found = found || (kinds.categories & category_of(code)) != 0;
  return found != kinds.not_these;
}

bool CharSet::has_slowly(char32_t code) const {
  const bool in_range = std::any_of(ranges_.begin(), ranges_.end(), [&](const auto& range) {
    return code >= range.first && code <= range.second;
  });
  const bool found = in_range || std::any_of(kinds_.begin(), kinds_.end(), [&](const Kinds& kinds) {
                       return is_of(kinds, code);
                     });
  return found != negated_;
}

}  // namespace serval::tok
