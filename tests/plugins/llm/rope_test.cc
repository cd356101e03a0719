#include "plugins/llm/rope.h"

#include <cmath>
#include <gtest/gtest.h>

namespace serval::llm {
namespace {

// plain / scaled frequencies of transformers 4.57.6, ROPE_INIT_FUNCTIONS["yarn"].
TEST(YarnFactors, EqualTransformers) {
  const std::vector<float> long_context =
      yarn_factors({.factor = 4, .original_context = 32768}, 1e6, 128);
  ASSERT_EQ(long_context.size(), 64u);
  const float ramp[] = {1,      1.04615f, 1.09677f, 1.15254f, 1.21429f, 1.28302f,
                        1.36f,  1.44681f, 1.54545f, 1.65854f, 1.78947f, 1.94286f,
                        2.125f, 2.34483f, 2.61538f, 2.95652f, 3.4f,     4};
  for (std::size_t i = 0; i < 64; ++i)
    EXPECT_NEAR(long_context[i], i < 23 ? 1 : i > 40 ? 4 : ramp[i - 23], 1e-5) << i;

  const std::vector<float> other_betas = yarn_factors(
      {.factor = 8, .original_context = 64, .beta_fast = 8, .beta_slow = 0.5}, 1e4, 16);
  const float want[] = {1, 1.41176f, 2.4f, 8, 8, 8, 8, 8};
  ASSERT_EQ(other_betas.size(), std::size(want));
  for (std::size_t i = 0; i < std::size(want); ++i) EXPECT_NEAR(other_betas[i], want[i], 1e-5);

  EXPECT_NEAR(yarn_magnitude(4), 1.138629436111989, 1e-12);
  EXPECT_NEAR(yarn_magnitude(8), 1.2079441541679836, 1e-12);
  EXPECT_EQ(yarn_magnitude(1), 1);
}

// The ramp is a step when both ends fall on one dimension, and never a division by zero.
TEST(YarnFactors, ShortContextIsAllSlow) {
  for (float factor : yarn_factors({.factor = 2, .original_context = 1}, 1e4, 16))
    EXPECT_TRUE(factor == 1 || factor == 2) << factor;
}

TEST(RopeTable, TakesFactorsAndMagnitude) {
  RopeShape rope;
  rope.base = 100;
  rope.factors = {1, 4};
  rope.magnitude = 2;
  const std::vector<float> table = rope_table(rope, 3, 4);
  ASSERT_EQ(table.size(), 12u);
  EXPECT_FLOAT_EQ(table[2 * 4 + 1], float(2 * std::cos(2 * 0.1 / 4)));
  EXPECT_FLOAT_EQ(table[2 * 4 + 2], float(2 * std::sin(2.0)));
}

}  // namespace
}  // namespace serval::llm
