// Pre-tokenizers that only cut.
#pragma once

#include "common/tokenizers/pre_tokenizer.h"
#include "common/tokenizers/text_pattern.h"

namespace serval::tok {

// Cuts at characters of some kind.
class CharacterSplit final : public PreStep {
 public:
  enum class Kind { white_space, punctuation, digit, one };
  CharacterSplit(Kind kind, SplitBehavior behavior, char32_t one = 0)
      : kind_(kind), behavior_(behavior), one_(one) {}
  void apply(Pieces& pieces) const override;
  bool cuts_at_spaces() const override {
    return kind_ == Kind::white_space || (kind_ == Kind::one && one_ == ' ');
  }

 private:
  const Kind kind_;
  const SplitBehavior behavior_;
  const char32_t one_;
};

// White space goes, punctuation stands alone.
class BertSplit final : public PreStep {
 public:
  void apply(Pieces& pieces) const override;
  bool cuts_at_spaces() const override { return true; }
};

// Rows of word characters, rows of others; white space goes.
class WordSplit final : public PreStep {
 public:
  void apply(Pieces& pieces) const override;
  bool cuts_at_spaces() const override { return true; }
};

class PatternSplit final : public PreStep {
 public:
  PatternSplit(TextPattern pattern, SplitBehavior behavior, bool invert)
      : pattern_(std::move(pattern)), behavior_(behavior), invert_(invert) {}
  void apply(Pieces& pieces) const override;
  bool is_local() const override { return cuts_at_spaces(); }
  bool cuts_at_spaces() const override {
    return pattern_.words() && behavior_ == SplitBehavior::isolated;
  }

 private:
  const TextPattern pattern_;
  const SplitBehavior behavior_;
  const bool invert_;
};

}  // namespace serval::tok
