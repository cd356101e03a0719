#include "bench/divergence.h"

#include <gtest/gtest.h>

namespace serval::llm {
namespace {

TEST(Divergence, OfKnownDistributions) {
  // p = (1/2, 1/4, 1/4), q = (1/4, 1/4, 1/2); what is added to all logits changes nothing.
  const float half = std::log(2.0f);
  const float p_logits[] = {half + 50, 50, 50}, q_logits[] = {0, 0, half};
  const Distribution p = distribution(p_logits, 3), q = distribution(q_logits, 3);
  EXPECT_EQ(p.top, 0);
  EXPECT_EQ(q.top, 2);
  EXPECT_NEAR(p.log_probability(0), std::log(0.5), 1e-5);
  EXPECT_NEAR(q.log_probability(1), std::log(0.25), 1e-6);
  EXPECT_NEAR(divergence(p, q, 3), 0.25 * std::log(2.0), 1e-5);
  EXPECT_EQ(divergence(p, p, 3), 0);
}

TEST(Divergence, IsNotSymmetric) {
  const float p_logits[] = {0, 0}, q_logits[] = {0, std::log(3.0f)};
  const Distribution p = distribution(p_logits, 2), q = distribution(q_logits, 2);
  EXPECT_NEAR(divergence(p, q, 2), 0.5 * std::log(4.0 / 3.0), 1e-6);
  EXPECT_NEAR(divergence(q, p, 2), 0.75 * std::log(3.0) - std::log(2.0), 1e-6);
}

// A logit far below the rest, as of a token that is never drawn, must not spoil the sum.
TEST(Divergence, OfLogitsFarApart) {
  const float p_logits[] = {80, -80}, q_logits[] = {80, -1e6f};
  const Distribution p = distribution(p_logits, 2), q = distribution(q_logits, 2);
  EXPECT_EQ(p.top, 0);
  EXPECT_NEAR(divergence(p, q, 2), 0, 1e-6);
}

}  // namespace
}  // namespace serval::llm
