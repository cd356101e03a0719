// Regular expressions as tokenizer files hold them, matched without backtracking.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "common/tokenizers/expression_set.h"

namespace serval::tok {

// One step of a compiled expression.
struct ExpressionStep {
  enum class Kind : uint8_t {
    character,   // one of sets[set]; then the next step
    fork,        // both `first` and `second`, the first preferred
    jump,        // `first`
    before,      // goes on if the next character is of sets[set]
    not_before,  // goes on if there is none or it is not
    line_start,
    line_end,
    text_start,
    text_end,
    match
  };
  Kind kind;
  uint32_t first = 0, second = 0;
  uint32_t set = 0;
};

// Immutable; each_match() may be called from any number of threads.
class Expression {
 public:
  // Knows alternatives, groups, (?i:...), classes, \s \d \w \p{..}, greedy and lazy repetition,
  // anchors, and looking ahead at one character. Errors: unimplemented, naming what else is there;
  // invalid_argument for what is malformed, too large, or matches nothing at all.
  static Result<Expression> compile(std::string_view text);

  // Calls match(begin, end) for each match, from left to right, as Perl's rules choose them; they
  // do not overlap. REQUIRES: valid UTF-8. Cost: each character at most once for each step of the
  // expression, in expressions that need not look far beyond their matches. Others are bounded:
  // when the work exceeds 4,000 steps a byte, the rest of the text counts as having no match.
  void each_match(std::string_view text,
                  const std::function<void(std::size_t, std::size_t)>& match) const;

 private:
  friend class ExpressionRun;
  std::vector<ExpressionStep> steps_;
  std::vector<CharSet> sets_;
};

// The steps of an expression; parsing and compiling in one go (expression_parser.cc).
struct CompiledExpression {
  std::vector<ExpressionStep> steps;
  std::vector<CharSet> sets;
};
Result<CompiledExpression> compile_expression(std::string_view text);

}  // namespace serval::tok
