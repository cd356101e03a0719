// Kullback-Leibler divergence between two models' next-token distributions.
#pragma once

#include <algorithm>
#include <cmath>

namespace serval::llm {

// softmax of a row of logits. Sums run in double: what is compared differs in the sixth digit.
struct Distribution {
  const float* logits;
  int top;         // the likeliest token, the first of equals
  double log_sum;  // log of the sum of exp(logit)
  double log_probability(int token) const { return double(logits[token]) - log_sum; }
};

// logits: [vocab], vocab >= 1; they must outlive the result.
inline Distribution distribution(const float* logits, int vocab) {
  const int top = int(std::max_element(logits, logits + vocab) - logits);
  double sum = 0;
  for (int i = 0; i < vocab; ++i) sum += double(std::exp(logits[i] - logits[top]));
  return {logits, top, double(logits[top]) + std::log(sum)};
}

// KL(p || q) in nats.
inline double divergence(const Distribution& p, const Distribution& q, int vocab) {
  double kl = 0;
  for (int i = 0; i < vocab; ++i) {
    const double log_p = p.log_probability(i);
    kl += double(std::exp(float(log_p))) * (log_p - q.log_probability(i));
  }
  return kl;
}

}  // namespace serval::llm
