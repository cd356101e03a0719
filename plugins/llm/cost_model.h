// How long a step will take, learnt from the steps that have run.
//
//   t = c + a n + h max(0, n - kKnee) + r reads + p pairs
//
// c is the reading of the weights; up to about kKnee tokens the arithmetic hides behind it, beyond
// them each costs its own. Attention reads the keys and values of each slice's context once and
// works on every pair of a token and a key. Coefficients are the least squares of relative errors,
// none below 0, so a larger step is never predicted to be quicker.
//
// Bookkeeping only, without a clock: times come in as arguments. Not thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <map>

namespace serval::llm {

// What a step computes, as far as its time depends on it.
struct StepShape {
  int tokens = 0;
  int64_t reads = 0;  // keys in the contexts of all slices
  int64_t pairs = 0;  // of a token and a key it attends to

  // `count` consecutive tokens of one sequence, the first at `position`.
  void add(int position, int count) {
    tokens += count;
    reads += position + count;
    pairs += int64_t(count) * position + int64_t(count) * (count + 1) / 2;
  }
};

class CostModel {
 public:
  // Tokens of a step that are nearly free.
  static constexpr int kKnee = 8;

  // Seeded by what the weights' size suggests; the first step that is observed sets the scale.
  explicit CostModel(double weights_bytes);

  double predict_ns(const StepShape& shape) const;

  // A step of this shape took so long. Old steps are forgotten as new ones of their kind come; a
  // single one that took unlike its prediction counts for little.
  void observe(const StepShape& shape, double ns);

  // Enough was seen, and predicted well enough, to turn work away by a prediction for a step of
  // that many tokens.
  bool trusted(int tokens) const;

 private:
  static constexpr int kTerms = 5;
  using Terms = std::array<double, kTerms>;
  // Sums over steps of one kind, each step weighted by 1 / t^2.
  struct Sums {
    std::array<Terms, kTerms> products{};  // of terms
    Terms terms{};                         // of terms and time
  };

  static Terms terms_of(const StepShape& shape);
  void fit();

  Terms coefficients_;
  Terms spread_;               // how far a coefficient moves without evidence
  std::map<int, Sums> kinds_;  // by tokens and context, each to a factor of 2
  int observed_ = 0;
  int largest_ = 0;   // tokens of the largest step seen
  double error_ = 0;  // smoothed relative error of the predictions
};

}  // namespace serval::llm
