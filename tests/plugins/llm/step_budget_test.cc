#include "plugins/llm/step_budget.h"

#include <gtest/gtest.h>

#include "tests/plugins/llm/virtual_machine.h"

namespace serval::llm {
namespace {

// Knows the virtual machine.
CostModel taught() {
  CostModel cost(1e8);
  const VirtualMachine machine;
  for (int round = 0; round < 20; ++round)
    for (const int context : {0, 500, 4000})
      for (const int count : {1, 2, 4, 8, 12, 16, 32, 128, 512}) {
        StepShape shape;
        shape.add(context, count);
        cost.observe(shape, machine.step_ns(shape));
      }
  return cost;
}

StepShape streams(int count, int context) {
  StepShape shape;
  for (int i = 0; i < count; ++i) shape.add(context, 1);
  return shape;
}

TEST(StepBudget, WithoutStreamsTheTimeIsNotLimited) {
  const CostModel cost = taught();
  EXPECT_EQ(StepBudget(&cost, 1, {}).chunk(4000, 512), 512);
  EXPECT_EQ(StepBudget(nullptr, 1, streams(3, 10)).chunk(0, 77), 77);
  EXPECT_EQ(StepBudget(&cost, 1.8, streams(3, 10)).chunk(0, 0), 0);
}

TEST(StepBudget, ChunksAreTheLargestThatFit) {
  const CostModel cost = taught();
  for (const double factor : {1.0, 1.2, 1.8, 4.0, 20.0})
    for (const int running : {1, 4, 32})
      for (const int position : {0, 1000, 6000}) {
        const StepShape decode = streams(running, 300);
        const int chunk = StepBudget(&cost, factor, decode).chunk(position, 512);
        const auto predicted = [&](int count) {
          StepShape with = decode;
          with.add(position, count);
          return cost.predict_ns(with);
        };
        const double limit = factor * cost.predict_ns(decode);
        EXPECT_TRUE(chunk == 0 || predicted(chunk) <= limit);
        EXPECT_TRUE(chunk == 512 || predicted(chunk + 1) > limit);
      }
}

TEST(StepBudget, WhatIsAddedLeavesLess) {
  const CostModel cost = taught();
  StepBudget budget(&cost, 4, streams(2, 100));
  const int first = budget.chunk(0, 512);
  ASSERT_GT(first, 8);
  budget.add(0, first / 2);
  const int second = budget.chunk(0, 512);
  EXPECT_LE(second, first - first / 2);
  budget.add(0, second);
  EXPECT_LE(budget.chunk(0, 512), 1);
}

TEST(StepBudget, TheTimeOfAPromptIsThatOfItsSteps) {
  const CostModel cost = taught();
  const VirtualMachine machine;
  double steps = 0;
  for (int position = 0; position < 4096; position += 512) {
    StepShape shape;
    shape.add(position, 512);
    steps += machine.step_ns(shape);
  }
  EXPECT_NEAR(StepBudget(&cost, 1, {}).time_ns(0, 4096, 512) / steps, 1, 0.15);
  // Beside streams it takes longer, the longer the smaller the factor.
  const double spared = StepBudget(&cost, 1.5, streams(4, 100)).time_ns(0, 4096, 512);
  const double pressed = StepBudget(&cost, 8, streams(4, 100)).time_ns(0, 4096, 512);
  EXPECT_GT(spared, pressed);
  EXPECT_GT(pressed, steps);
  EXPECT_EQ(StepBudget(&cost, 1, {}).time_ns(9, 0, 512), 0);
}

}  // namespace
}  // namespace serval::llm
