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

Choice choose(ExpertShape shape, std::vector<float> scores, const float* bias = nullptr) {
  const auto used = std::size_t(shape.used);
  shape.count = int(scores.size());
  Choice choice{std::vector<int>(used), std::vector<float>(used)};
  choose_experts(shape, scores.data(), bias, choice.experts.data(), choice.weights.data());
  return choice;
}

Choice choose(std::vector<float> scores, int used, bool normalise) {
  ExpertShape shape;
  shape.used = used;
  shape.normalise = normalise;
  return choose(shape, std::move(scores));
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

TEST(Routing, SigmoidsAndTheirScale) {
  ExpertShape shape{.used = 2, .gating = Gating::sigmoid, .normalise = false, .scale = 2};
  const Choice plain = choose(shape, {0, std::log(3.0f), -1});
  EXPECT_EQ(plain.experts, (std::vector<int>{1, 0}));
  EXPECT_NEAR(plain.weights[0], 2 * 0.75, 1e-6);
  EXPECT_NEAR(plain.weights[1], 2 * 0.5, 1e-6);
  shape.normalise = true;
  EXPECT_NEAR(choose(shape, {0, std::log(3.0f), -1}).weights[0], 2 * 0.75 / 1.25, 1e-6);
  // All of them 0: nothing to share out, and nothing that is not a number.
  EXPECT_EQ(choose(shape, {-1e30f, -1e30f, -1e30f}).weights, (std::vector<float>{0, 0}));
}

TEST(Routing, TheBiasChoosesButDoesNotWeigh) {
  const ExpertShape shape{.used = 2, .gating = Gating::sigmoid, .normalise = false};
  const float bias[] = {0.6f, 0, 0, -0.9f};
  const Choice choice = choose(shape, {0, 1, -1, 2}, bias);
  EXPECT_EQ(choice.experts, (std::vector<int>{0, 1}));
  EXPECT_FLOAT_EQ(choice.weights[0], 0.5f);
  EXPECT_FLOAT_EQ(choice.weights[1], 1 / (1 + std::exp(-1.0f)));
}

// Groups of two; the last has the best expert, the second the best pair.
TEST(Routing, ExpertsComeFromTheBestGroups) {
  ExpertShape shape{.used = 2, .gating = Gating::sigmoid, .groups = 3, .groups_used = 1};
  const std::vector<float> scores{0, 0.5f, 2, 1.5f, 3, -9};
  EXPECT_EQ(choose(shape, scores).experts, (std::vector<int>{4, 5}));
  const float bias[6] = {};
  EXPECT_EQ(choose(shape, scores, bias).experts, (std::vector<int>{2, 3}));
  shape.groups_used = 2;
  EXPECT_EQ(choose(shape, scores).experts, (std::vector<int>{4, 2}));
  shape.groups_used = 3;
  shape.used = 4;
  EXPECT_EQ(choose(shape, scores).experts, (std::vector<int>{4, 2, 3, 1}));
  // One expert a group.
  shape = {.used = 2, .gating = Gating::sigmoid, .groups = 6, .groups_used = 2};
  EXPECT_EQ(choose(shape, scores, bias).experts, (std::vector<int>{4, 2}));
}

// A broken model must not make the router pick what is not there.
TEST(Routing, NanNeverLeavesTheRange) {
  for (const Choice& choice : {choose({NAN, NAN, NAN}, 2, true), choose({1, NAN, 2}, 3, true)})
    for (std::size_t i = 0; i < choice.experts.size(); ++i) {
      EXPECT_GE(choice.experts[i], 0);
      EXPECT_LT(choice.experts[i], 3);
      for (std::size_t j = 0; j < i; ++j) EXPECT_NE(choice.experts[i], choice.experts[j]);
    }
  const ExpertShape grouped{.used = 2, .gating = Gating::sigmoid, .groups = 2, .groups_used = 1};
  const float bias[] = {0, NAN, 0, NAN};
  EXPECT_EQ(choose(grouped, {NAN, 1, NAN, 1}, bias).experts, (std::vector<int>{0, 1}));
}

}  // namespace
}  // namespace serval::llm
