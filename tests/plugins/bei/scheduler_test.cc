// The scheduler by hand: who goes first, how steps are filled.
#include "plugins/bei/scheduler.h"

#include <gtest/gtest.h>

namespace serval::bei {
namespace {

constexpr uint64_t kMs = 1'000'000;

void fill(Scheduler& scheduler, Flow& flow, int texts, int tokens) {
  for (int i = 0; i < texts; ++i) scheduler.push(flow, {i, tokens});
}

int texts_of(const std::vector<Scheduler::Pick>& picks, const Flow& flow) {
  int count = 0;
  for (const Scheduler::Pick& pick : picks) count += pick.flow == &flow;
  return count;
}

TEST(BeiScheduler, FillsAStepByTokens) {
  Scheduler scheduler(100);
  Flow a;
  scheduler.add(a);
  fill(scheduler, a, 20, 9);
  EXPECT_EQ(scheduler.plan(0).size(), 11u);
  EXPECT_EQ(scheduler.plan(0).size(), 9u);
  EXPECT_EQ(scheduler.ready_tokens(), 0);
  EXPECT_TRUE(scheduler.plan(0).empty());
}

TEST(BeiScheduler, FlowsShareAlike) {
  Scheduler scheduler(120);
  Flow a, b, c;
  for (Flow* flow : {&a, &b, &c}) scheduler.add(*flow);
  fill(scheduler, a, 100, 10);
  fill(scheduler, b, 100, 10);
  fill(scheduler, c, 100, 20);
  const auto picks = scheduler.plan(0);
  EXPECT_EQ(texts_of(picks, a), 4);
  EXPECT_EQ(texts_of(picks, b), 4);
  EXPECT_EQ(texts_of(picks, c), 2);
}

TEST(BeiScheduler, ANewFlowIsNotBehindWhatOthersHaveHad) {
  Scheduler scheduler(100);
  Flow batch, query;
  scheduler.add(batch);
  fill(scheduler, batch, 100, 50);
  for (int i = 0; i < 10; ++i) scheduler.plan(0);
  scheduler.add(query);
  fill(scheduler, query, 1, 10);
  const auto picks = scheduler.plan(0);
  EXPECT_EQ(texts_of(picks, query), 1);
  // Nor does it get ahead by what it never asked for.
  fill(scheduler, query, 100, 10);
  EXPECT_GE(texts_of(scheduler.plan(0), batch) + texts_of(scheduler.plan(0), batch), 1);
}

// However many new requests come, one that waits gets its turn.
TEST(BeiScheduler, WaitingCountsAgainstAFlood) {
  Scheduler scheduler(100);
  Flow batch;
  batch.since_ns = 0;
  scheduler.add(batch);
  fill(scheduler, batch, 50, 90);
  scheduler.plan(0);
  std::deque<Flow> flood;
  int served = 0;
  for (int step = 1; step <= 40; ++step) {
    const uint64_t now = uint64_t(step) * 50 * kMs;
    for (int i = 0; i < 10; ++i) {
      flood.emplace_back().since_ns = now;
      scheduler.add(flood.back());
      fill(scheduler, flood.back(), 1, 10);
    }
    served += texts_of(scheduler.plan(now), batch);
  }
  EXPECT_GE(served, 3);
}

TEST(BeiScheduler, WhatDoesNotFitLetsShorterByAndGoesFirstThen) {
  Scheduler scheduler(100);
  Flow a, b, c;
  for (Flow* flow : {&a, &b, &c}) scheduler.add(*flow);
  scheduler.push(a, {0, 60});
  scheduler.push(b, {0, 80});
  scheduler.push(c, {0, 30});
  const auto first = scheduler.plan(0);
  ASSERT_EQ(first.size(), 2u);
  EXPECT_EQ(texts_of(first, b), 0);
  fill(scheduler, a, 5, 10);
  const auto second = scheduler.plan(0);
  EXPECT_EQ(second[0].flow, &b);
}

TEST(BeiScheduler, ATextLongerThanAStepGoesAlone) {
  Scheduler scheduler(100);
  Flow a, b;
  scheduler.add(a);
  scheduler.add(b);
  scheduler.push(a, {0, 500});
  fill(scheduler, b, 3, 10);
  const auto picks = scheduler.plan(0);
  ASSERT_EQ(picks.size(), 1u);
  EXPECT_EQ(picks[0].flow, &a);
  EXPECT_EQ(texts_of(scheduler.plan(0), b), 3);
}

TEST(BeiScheduler, PriorityGoesFirstAndWaitingWinsInTheEnd) {
  Scheduler scheduler(100);
  Flow low, high;
  low.priority = 1;
  scheduler.add(low);
  scheduler.add(high);
  fill(scheduler, low, 10, 50);
  fill(scheduler, high, 1000, 50);
  EXPECT_EQ(texts_of(scheduler.plan(0), high), 2);
  bool came = false;
  for (uint64_t now = 0; now < 20'000 * kMs && !came; now += 500 * kMs)
    came = texts_of(scheduler.plan(now), low) > 0;
  EXPECT_TRUE(came);
}

TEST(BeiScheduler, ParkedAndRemovedFlowsGetNothing) {
  Scheduler scheduler(100);
  Flow a, b;
  scheduler.add(a);
  scheduler.add(b);
  fill(scheduler, a, 3, 10);
  fill(scheduler, b, 3, 10);
  a.parked = true;
  EXPECT_EQ(scheduler.take_back(a), (std::vector<int>{0, 1, 2}));
  EXPECT_EQ(scheduler.ready_tokens(), 30);
  scheduler.remove(b);
  EXPECT_EQ(scheduler.ready_tokens(), 0);
  EXPECT_TRUE(scheduler.plan(0).empty());
}

}  // namespace
}  // namespace serval::bei
