#include "plugins/llm/cost_model.h"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <random>

#include "tests/plugins/llm/virtual_machine.h"

namespace serval::llm {
namespace {

StepShape shape(int position, int count, int streams = 0, int context = 0) {
  StepShape s;
  for (int i = 0; i < streams; ++i) s.add(context, 1);
  if (count > 0) s.add(position, count);
  return s;
}

// Some minutes of mixed work: streams at all contexts, prompts in chunks of all sizes.
void learn(CostModel& model, const VirtualMachine& machine, int steps, std::mt19937& random,
           double jitter = 0) {
  for (int i = 0; i < steps; ++i) {
    const int streams = int(random() % 4), chunk = 1 << random() % 10;
    const StepShape s =
        shape(int(random() % 4000), random() % 2 ? chunk : 0, 1 + streams, int(random() % 4000));
    const double noise = 1 + jitter * (double(random() % 1000) / 500 - 1);
    model.observe(s, machine.step_ns(s) * noise);
  }
}

TEST(CostModel, LearnsAMachine) {
  std::mt19937 random(1);
  const VirtualMachine machine;
  CostModel model(1e8);
  EXPECT_FALSE(model.trusted(1));
  learn(model, machine, 600, random, 0.1);
  for (int chunk : {0, 4, 16, 64, 256, 512}) {
    for (int context : {10, 1000, 4000}) {
      const StepShape s = shape(context, chunk, 2, context);
      EXPECT_NEAR(model.predict_ns(s) / machine.step_ns(s), 1, 0.25) << chunk << ' ' << context;
    }
  }
  EXPECT_TRUE(model.trusted(512));
}

TEST(CostModel, TheFirstStepSetsTheScale) {
  CostModel model(1e8);
  const StepShape s = shape(0, 100);
  model.observe(s, 7e8);
  EXPECT_NEAR(model.predict_ns(s), 7e8, 1e6);
  EXPECT_GT(model.predict_ns(shape(0, 1)), 1e6);  // and nothing is free
}

TEST(CostModel, MoreWorkIsNeverQuicker) {
  std::mt19937 random(2);
  CostModel model(1e8);
  for (int i = 0; i < 3000; ++i) {  // times that follow no rule
    model.observe(shape(int(random() % 5000), 1 + int(random() % 600)), 1 + random() % 100'000'000);
    const int count = 1 + int(random() % 500), position = int(random() % 4000);
    const double base = model.predict_ns(shape(position, count));
    ASSERT_GE(base, 0);
    ASSERT_TRUE(std::isfinite(base));
    ASSERT_GE(model.predict_ns(shape(position, count + 1)), base);
    ASSERT_GE(model.predict_ns(shape(position + 50, count)), base);
    ASSERT_GE(model.predict_ns(shape(position, count, 1, 10)), base);
  }
  EXPECT_FALSE(model.trusted(1));  // it knows that it knows nothing
}

TEST(CostModel, AnOutlierCountsForLittleAndAChangeIsFollowed) {
  CostModel model(1e8);
  const StepShape s = shape(100, 0, 1, 100);
  for (int i = 0; i < 200; ++i) model.observe(s, 3e6);
  model.observe(s, 500e6);  // the machine was away
  EXPECT_LT(model.predict_ns(s), 3.3e6);
  model.observe(s, NAN);
  model.observe(s, -1);
  model.observe({}, 1e6);
  EXPECT_LT(model.predict_ns(s), 3.3e6);
  for (int i = 0; i < 400; ++i) model.observe(s, 30e6);
  EXPECT_NEAR(model.predict_ns(s), 30e6, 2e6);
}

// A long answer's context grows step by step; what it costs must not be put on every other step.
TEST(CostModel, KeepsWhatItKnewOfShortContexts) {
  std::mt19937 random(3);
  const VirtualMachine machine;
  CostModel model(1e8);
  learn(model, machine, 400, random);
  for (int context = 0; context < 6000; ++context) {
    const StepShape s = shape(0, 0, 1, context);
    model.observe(s, machine.step_ns(s));
  }
  for (int context : {20, 6000}) {
    const StepShape s = shape(0, 0, 1, context);
    EXPECT_NEAR(model.predict_ns(s) / machine.step_ns(s), 1, 0.15) << context;
  }
}

TEST(CostModel, TrustsNoSizeFarAboveWhatItSaw) {
  CostModel model(1e8);
  for (int i = 0; i < 50; ++i) model.observe(shape(0, 8), 3e6);
  EXPECT_TRUE(model.trusted(64));
  EXPECT_FALSE(model.trusted(512));
}

}  // namespace
}  // namespace serval::llm
