// The small normalisers.
#pragma once

#include <string>
#include <vector>

#include "common/tokenizers/normalizer.h"
#include "common/tokenizers/text_pattern.h"
#include "common/tokenizers/unicode_forms.h"

namespace serval::tok {

class FormNormalizer final : public Normalizer {
 public:
  explicit FormNormalizer(UnicodeForm form) : form_(form) {}
  void apply(AlignedText& text) const override { put_into_form(text, form_); }

 private:
  const UnicodeForm form_;
};

// White space off the ends.
class StripNormalizer final : public Normalizer {
 public:
  StripNormalizer(bool left, bool right) : left_(left), right_(right) {}
  void apply(AlignedText& text) const override;

 private:
  const bool left_, right_;
};

class StripAccents final : public Normalizer {
 public:
  void apply(AlignedText& text) const override;
};

class Lowercase final : public Normalizer {
 public:
  void apply(AlignedText& text) const override;
};

// What machine translation took for control characters and spaces.
class Nmt final : public Normalizer {
 public:
  void apply(AlignedText& text) const override;
};

class Prepend final : public Normalizer {
 public:
  explicit Prepend(std::string_view text) : text_(text) {}
  void apply(AlignedText& text) const override;

 private:
  const std::string text_;
};

class Replace final : public Normalizer {
 public:
  Replace(TextPattern pattern, std::string_view content)
      : pattern_(std::move(pattern)), content_(content) {}
  void apply(AlignedText& text) const override;
  bool is_local() const override { return pattern_.ends_at_spaces(); }

 private:
  const TextPattern pattern_;
  const std::string content_;
};

class NormalizerRow final : public Normalizer {
 public:
  explicit NormalizerRow(std::vector<std::unique_ptr<const Normalizer>> row)
      : row_(std::move(row)) {}
  void apply(AlignedText& text) const override {
    for (const auto& normalizer : row_) normalizer->apply(text);
  }
  bool is_local() const override {
    for (const auto& normalizer : row_)
      if (!normalizer->is_local()) return false;
    return true;
  }

 private:
  const std::vector<std::unique_ptr<const Normalizer>> row_;
};

// Writes `prefix` before the first character of a text that is not empty.
void prepend_to(AlignedText& text, std::string_view prefix);

}  // namespace serval::tok
