#include "plugins/llm/routing.h"

#include <cmath>
#include <gtest/gtest.h>
#include <vector>

namespace serval::llm {
namespace {

struct Choice {
  std::vector<int> experts;
  std::vector<float> weights;
};

Choice choose(std::vector<float> scores, int used, bool normalise) {
  ExpertShape shape;
  shape.count = int(scores.size());
  shape.used = used;
  shape.normalise = normalise;
  Choice choice{std::vector<int>(std::size_t(used)), std::vector<float>(std::size_t(used))};
  choose_experts(shape, scores.data(), choice.experts.data(), choice.weights.data());
  return choice;
}

TEST(Routing, TakesTheGreatestOfTheSoftmax) {
  const Choice plain = choose({0, std::log(3.0f), std::log(4.0f), std::log(2.0f)}, 2, false);
  EXPECT_EQ(plain.experts, (std::vector<int>{2, 1}));
  EXPECT_NEAR(plain.weights[0], 0.4, 1e-6);
  EXPECT_NEAR(plain.weights[1], 0.3, 1e-6);
  const Choice normal = choose({0, std::log(3.0f), std::log(4.0f), std::log(2.0f)}, 2, true);
  EXPECT_NEAR(normal.weights[0], 4.0 / 7, 1e-6);
  EXPECT_NEAR(normal.weights[1], 3.0 / 7, 1e-6);
}

TEST(Routing, TiesGoToTheLowerIndex) {
  EXPECT_EQ(choose({1, 2, 2, 1, 2}, 4, true).experts, (std::vector<int>{1, 2, 4, 0}));
}

TEST(Routing, ExtremeScoresKeepWeightsFinite) {
  const Choice choice = choose({-1e30f, 1e30f, -INFINITY, 0}, 4, true);
  EXPECT_EQ(choice.experts, (std::vector<int>{1, 0, 2, 3}));
  EXPECT_EQ(choice.weights, (std::vector<float>{1, 0, 0, 0}));
}

// A broken model must not make the router pick what is not there.
TEST(Routing, NanNeverLeavesTheRange) {
  for (const Choice& choice : {choose({NAN, NAN, NAN}, 2, true), choose({1, NAN, 2}, 3, true)})
    for (std::size_t i = 0; i < choice.experts.size(); ++i) {
      EXPECT_GE(choice.experts[i], 0);
      EXPECT_LT(choice.experts[i], 3);
      for (std::size_t j = 0; j < i; ++j) EXPECT_NE(choice.experts[i], choice.experts[j]);
    }
}

}  // namespace
}  // namespace serval::llm
