#include "common/tokenizers/expression.h"

#include "common/tokenizers/aligned_text.h"

namespace serval::tok {

using Kind = ExpressionStep::Kind;

// One walk through a text: all ways through the steps at once, the preferred ones first.
class ExpressionRun {
 public:
  ExpressionRun(const Expression& expression, std::string_view text)
      : steps_(expression.steps_),
        sets_(expression.sets_),
        text_(text),
        seen_(steps_.size(), 0),
        budget_(text.size() * 4000 + 1000000) {}

  // The first match at or after `from`. false: there is none, or the budget is spent.
  bool find(std::size_t from, std::size_t& begin, std::size_t& end) {
    bool found = false;
    now_.clear();
    for (std::size_t at = from;; at += char_length(text_[at])) {
      std::size_t next = at;
      const char32_t code = at < text_.size() ? next_char(text_, next) : 0;
      // The ways that are here already come before one that starts here.
      open_.swap(now_);
      now_.clear();
      ++round_;
      if (!found) open_.push_back({0, at});
      for (std::size_t i = 0; i < open_.size(); ++i)
        if (follow(open_[i], at, code, begin, end, found)) break;  // those behind are worse
      if (at >= text_.size() || (found && now_.empty()) || budget_ == 0) break;
    }
    return found && budget_ > 0;
  }

 private:
  struct Way {
    uint32_t step;
    std::size_t begin;
  };

  // Follows a way up to the characters it wants. true: it matches here.
  bool follow(Way way, std::size_t at, char32_t code, std::size_t& begin, std::size_t& end,
              bool& found) {
    const bool at_end = at >= text_.size();
    stack_.assign(1, way.step);
    while (!stack_.empty()) {
      const uint32_t index = stack_.back();
      stack_.pop_back();
      if (seen_[index] == round_) continue;
      seen_[index] = round_;
      if (budget_ == 0 || --budget_ == 0) return true;
      const ExpressionStep& step = steps_[index];
      bool on = false;
      switch (step.kind) {
        case Kind::character:
          if (!at_end && sets_[step.set].has(code)) now_.push_back({index + 1, way.begin});
          break;
        case Kind::fork:
          stack_.push_back(step.second);
          stack_.push_back(step.first);
          break;
        case Kind::jump:
          stack_.push_back(step.first);
          break;
        case Kind::before:
          on = !at_end && sets_[step.set].has(code);
          break;
        case Kind::not_before:
          on = at_end || !sets_[step.set].has(code);
          break;
        case Kind::line_start:
          on = at == 0 || (text_[at - 1] == '\n' && !at_end);
          break;
        case Kind::line_end:
          on = at_end || code == '\n';
          break;
        case Kind::text_start:
          on = at == 0;
          break;
        case Kind::text_end:
          on = at_end;
          break;
        case Kind::match:
          found = true;
          begin = way.begin;
          end = at;
          return true;
      }
      if (on) stack_.push_back(index + 1);
    }
    return false;
  }

  const std::vector<ExpressionStep>& steps_;
  const std::vector<CharSet>& sets_;
  std::string_view text_;
  std::vector<uint64_t> seen_;  // round in which a step was last taken
  uint64_t round_ = 0, budget_;
  std::vector<Way> now_, open_;
  std::vector<uint32_t> stack_;
};

Result<Expression> Expression::compile(std::string_view text) {
  Result<CompiledExpression> compiled = compile_expression(text);
  if (!compiled) return compiled.error();
  Expression out;
  out.steps_ = std::move(compiled->steps);
  out.sets_ = std::move(compiled->sets);
  std::size_t begin = 0, end = 0;
  if (ExpressionRun(out, "").find(0, begin, end))
    return invalid("the expression matches an empty text");
  return out;
}

void Expression::each_match(std::string_view text,
                            const std::function<void(std::size_t, std::size_t)>& match) const {
  ExpressionRun run(*this, text);
  std::size_t from = 0, begin = 0, end = 0;
  while (from < text.size() && run.find(from, begin, end)) {
    if (end == begin) {  // nothing, in the midst of a text: looked at and passed
      from = end + (end < text.size() ? char_length(text[end]) : 1);
      continue;
    }
    match(begin, end);
    from = end;
  }
}

}  // namespace serval::tok
