// Sets of characters in a regular expression: [^\r\n\p{L}] and the like.
#pragma once

#include <bitset>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace serval::tok {

class CharSet {
 public:
  void add(char32_t first, char32_t last);
  // The character in either case.
  void add_any_case(char32_t code);
  // \s \d \w \S \D \W, by the letter. false: no such class.
  bool add_escape(char letter);
  // \p{name}. false: the name is not known.
  bool add_property(std::string_view name, bool negated);
  // All but those so far.
  void negate() { negated_ = !negated_; }
  // Once it is whole.
  void finish();

  bool has(char32_t code) const { return code < 0x80 ? ascii_[code] : has_slowly(code); }

 private:
  // Characters of some of these classes (CharClass) or general categories (as utf8proc numbers
  // them), or, if `not_these`, of none.
  struct Kinds {
    uint16_t classes = 0;
    uint32_t categories = 0;
    bool words = false, not_these = false;
  };
  bool has_slowly(char32_t code) const;
  static bool is_of(const Kinds& kinds, char32_t code);

  std::vector<std::pair<char32_t, char32_t>> ranges_;
  std::vector<Kinds> kinds_;
  bool negated_ = false;
  std::bitset<0x80> ascii_;
};

}  // namespace serval::tok
