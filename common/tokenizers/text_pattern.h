// What Replace and Split look for: a text as it is, or a regular expression.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "common/formats/pre_tokenizer.h"
#include "common/tokenizers/component.h"
#include "common/tokenizers/expression.h"

namespace serval::tok {

class TextPattern {
 public:
  // {"String": ".."} or {"Regex": ".."}, the member "pattern" of `part`. Errors: those of
  // Expression::compile; data_loss for an empty text.
  static Result<TextPattern> read(const Component& part);

  // As Expression::each_match.
  void each_match(std::string_view text,
                  const std::function<void(std::size_t, std::size_t)>& match) const;
  // One of the usual expressions that cut a text into words without leaving anything out.
  std::optional<PreTokenizer> words() const { return words_; }
  // No match reaches over a space between two letters or digits.
  bool ends_at_spaces() const { return ends_at_spaces_; }

 private:
  std::string text_;
  std::optional<Expression> expression_;
  std::optional<PreTokenizer> words_;
  bool ends_at_spaces_ = false;
};

}  // namespace serval::tok
