#include "plugins/llm/sampler.h"

#include <cmath>
#include <gtest/gtest.h>
#include <map>
#include <numeric>

namespace serval::llm {
namespace {

const Ops& ops() {
  static const Ops* best = *best_ops();
  return *best;
}

// How often each token is drawn over `draws` positions.
std::map<int32_t, int> histogram(const SamplingParams& params, const std::vector<float>& logits,
                                 int draws) {
  std::vector<float> scratch;
  Sampler sampler(params, {}, 1, 0);
  std::map<int32_t, int> counts;
  for (int i = 0; i < draws; ++i) ++counts[sampler.sample(ops(), logits, i, scratch)];
  return counts;
}

std::vector<float> logits_of(const std::vector<double>& probabilities) {
  std::vector<float> logits;
  for (double p : probabilities) logits.push_back(float(std::log(p)));
  return logits;
}

TEST(Sampler, GreedyTakesTheFirstOfTheBest) {
  SamplingParams params;
  params.temperature = 0;
  EXPECT_EQ(histogram(params, {1, 3, 3, 2}, 10), (std::map<int32_t, int>{{1, 10}}));
}

TEST(Sampler, DrawsByProbability) {
  const auto counts = histogram({}, logits_of({0.5, 0.3, 0.2}), 20000);
  EXPECT_NEAR(counts.at(0), 10000, 300);
  EXPECT_NEAR(counts.at(1), 6000, 300);
  EXPECT_NEAR(counts.at(2), 4000, 300);
}

TEST(Sampler, TemperatureSharpens) {
  SamplingParams params;
  params.temperature = 0.5f;  // squares the odds: 25 : 9 : 4
  const auto counts = histogram(params, logits_of({0.5, 0.3, 0.2}), 20000);
  EXPECT_NEAR(counts.at(0), 20000 * 25 / 38, 300);
}

TEST(Sampler, TopKTopPAndMinPCutTheTail) {
  const auto logits = logits_of({0.02, 0.4, 0.3, 0.2, 0.08});
  const auto tokens = [&](const SamplingParams& params) {
    std::vector<int32_t> seen;
    for (const auto& [token, count] : histogram(params, logits, 5000)) seen.push_back(token);
    return seen;
  };
  SamplingParams top_k, top_p, min_p, both, none;
  top_k.top_k = 2;
  top_p.top_p = 0.65f;
  min_p.min_p = 0.45f;
  both.top_k = 3;
  both.top_p = 0.4f;  // of what top_k left: 0.4 / 0.9 = 0.44 covers it alone
  EXPECT_EQ(tokens(top_k), (std::vector<int32_t>{1, 2}));
  EXPECT_EQ(tokens(top_p), (std::vector<int32_t>{1, 2}));
  EXPECT_EQ(tokens(min_p), (std::vector<int32_t>{1, 2, 3}));
  EXPECT_EQ(tokens(both), (std::vector<int32_t>{1}));
  EXPECT_EQ(tokens(none).size(), 5u);
}

// The shortcut that looks at the likeliest tokens first finds the same set as sorting everything.
TEST(Sampler, FiltersAreExactOnFlatVocabularies) {
  std::vector<float> logits(5000);
  for (std::size_t i = 0; i < logits.size(); ++i) logits[i] = -0.004f * float(i);
  SamplingParams params;
  params.top_p = 0.999f;
  const auto counts = histogram(params, logits, 20000);
  // 1 - exp(-0.004 n) = 0.999 at n = 1727
  EXPECT_LE(counts.rbegin()->first, 1727);
  EXPECT_GT(counts.rbegin()->first, 1400);
  params.top_p = 1;
  params.top_k = 4000;
  EXPECT_LE(histogram(params, logits, 20000).rbegin()->first, 3999);
}

TEST(Sampler, PenaltiesAndBias) {
  SamplingParams params;
  params.temperature = 0;
  params.presence_penalty = 1.0f;
  std::vector<float> scratch;
  Sampler presence(params, {}, 1, 0);
  const std::vector<float> logits{2.0f, 1.5f, 0.0f};
  EXPECT_EQ(presence.sample(ops(), logits, 0, scratch), 0);
  presence.accept(0);
  EXPECT_EQ(presence.sample(ops(), logits, 1, scratch), 1);

  params = {};
  params.temperature = 0;
  params.repetition_penalty = 2.0f;
  const std::vector<int32_t> prompt{0};
  Sampler repetition(params, prompt, 1, 0);
  EXPECT_EQ(repetition.sample(ops(), logits, 0, scratch), 1);

  params = {};
  params.temperature = 0;
  params.logit_bias = {{0, -100.0f}, {2, 5.0f}};
  Sampler bias(params, {}, 1, 0);
  EXPECT_EQ(bias.sample(ops(), logits, 0, scratch), 2);
}

TEST(Sampler, SaysWhenThereIsNoNumber) {
  SamplingParams params;
  std::vector<float> scratch;
  Sampler sampler(params, {}, 1, 0);
  EXPECT_EQ(sampler.sample(ops(), std::vector<float>(8, NAN), 0, scratch), -1);
}

TEST(TokenLogprobs, AreTheSoftmaxBestFirst) {
  const auto logprobs = token_logprobs(ops(), logits_of({0.1, 0.6, 0.3}), 0, 2);
  EXPECT_NEAR(logprobs.logprob, std::log(0.1), 1e-5);
  ASSERT_EQ(logprobs.top.size(), 2u);
  EXPECT_EQ(logprobs.top[0].first, 1);
  EXPECT_NEAR(logprobs.top[1].second, std::log(0.3), 1e-5);
}

}  // namespace
}  // namespace serval::llm
