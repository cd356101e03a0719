#include "plugins/llm/scheduler.h"

#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <random>
#include <set>

#include "tests/plugins/llm/tiny_memory.h"

namespace serval::llm {
namespace {

// A prompt that shares no token with any other.
std::unique_ptr<Sequence> prompt(int tokens) {
  static int32_t next = 0;
  auto sequence = std::make_unique<Sequence>();
  sequence->tokens.assign(std::size_t(tokens), ++next);
  sequence->prompt_size = tokens;
  return sequence;
}

int planned(const std::vector<PlanEntry>& plan) {
  int tokens = 0;
  for (const PlanEntry& entry : plan) tokens += entry.count;
  return tokens;
}

TEST(Scheduler, CutsALongPromptIntoChunks) {
  KvMemory memory = tiny_memory(100);
  KvCache cache(100, memory);
  Scheduler scheduler({.sequences = 4, .tokens_per_step = 100}, cache);
  auto a = prompt(250);
  scheduler.add(*a);
  std::vector<int> chunks;
  while (a->todo() > 0) {
    const auto plan = scheduler.plan_step();
    ASSERT_EQ(plan.size(), 1u);
    chunks.push_back(plan[0].count);
    scheduler.commit(plan);
  }
  EXPECT_EQ(chunks, (std::vector<int>{100, 100, 50}));
}

TEST(Scheduler, DecodeComesBeforePrompts) {
  KvMemory memory = tiny_memory(100);
  KvCache cache(100, memory);
  Scheduler scheduler({.sequences = 4, .tokens_per_step = 64}, cache);
  auto decoding = prompt(10), filling = prompt(1000);
  scheduler.add(*decoding);
  scheduler.commit(scheduler.plan_step());
  decoding->tokens.push_back(2);
  scheduler.add(*filling);
  scheduler.commit(scheduler.plan_step());
  for (int step = 0; step < 5; ++step) {
    decoding->tokens.push_back(2);
    const auto plan = scheduler.plan_step();
    ASSERT_EQ(plan.size(), 2u);
    EXPECT_EQ(plan[0].sequence, decoding.get());
    EXPECT_EQ(plan[0].count, 1);
    EXPECT_EQ(planned(plan), 64);
    scheduler.commit(plan);
  }
}

TEST(Scheduler, PreemptsTheYoungestAndResumesIt) {
  KvMemory memory = tiny_memory(4);
  KvCache cache(4, memory);
  Scheduler scheduler({.sequences = 4, .tokens_per_step = 512}, cache);
  auto old = prompt(64), young = prompt(60);
  scheduler.add(*old);
  scheduler.add(*young);
  scheduler.commit(scheduler.plan_step());
  EXPECT_EQ(cache.used(), 4);
  old->tokens.push_back(1);  // needs a third block
  young->tokens.push_back(1);
  auto plan = scheduler.plan_step();
  ASSERT_EQ(plan.size(), 1u);
  EXPECT_EQ(plan[0].sequence, old.get());
  EXPECT_EQ(young->computed, 0);
  EXPECT_EQ(scheduler.preemptions(), 1u);
  scheduler.commit(plan);
  scheduler.remove(*old);
  plan = scheduler.plan_step();
  ASSERT_EQ(plan.size(), 1u);
  EXPECT_EQ(plan[0].sequence, young.get());
  EXPECT_EQ(plan[0].count, 61 - kBlockTokens);  // the older one needed one of its two blocks only
}

TEST(Scheduler, AParkedSequenceIsSkippedAndLosesItsBlocksFirst) {
  KvMemory memory = tiny_memory(4);
  KvCache cache(4, memory);
  Scheduler scheduler({.sequences = 4, .tokens_per_step = 512}, cache);
  auto parked = prompt(64), other = prompt(64), third = prompt(20);
  scheduler.add(*parked);
  scheduler.add(*other);
  scheduler.commit(scheduler.plan_step());
  parked->tokens.push_back(1);
  parked->parked = true;
  other->tokens.push_back(1);
  scheduler.add(*third);
  auto plan = scheduler.plan_step();
  ASSERT_EQ(plan.size(),
            1u);  // the parked one gave its blocks, so nobody was admitted in this step
  EXPECT_EQ(plan[0].sequence, other.get());
  EXPECT_FALSE(parked->running);
  scheduler.commit(plan);
  plan = scheduler.plan_step();
  ASSERT_EQ(plan.size(), 1u);
  EXPECT_EQ(plan[0].sequence, third.get());  // overtakes the parked one in the line
}

// Random submissions, cancellations and parking: blocks are conserved, never shared by accident,
// every plan keeps the limits, and every sequence that stays gets its tokens.
TEST(Scheduler, RandomSchedulesLeakNothing) {
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    std::mt19937 random(seed);
    const int blocks = 6 + int(random() % 20);
    KvMemory memory = tiny_memory(blocks);
    KvCache cache(blocks, memory);
    const SchedulerLimits limits{1 + int(random() % 6), 8 + int(random() % 90)};
    Scheduler scheduler(limits, cache);
    std::map<int, std::pair<std::unique_ptr<Sequence>, int>>
        alive;  // with how many tokens it wants
    int next = 0, finished = 0;
    for (int step = 0; step < 5000; ++step) {
      if (random() % 3 == 0 && alive.size() < 12) {
        const int most = blocks * kBlockTokens - 40;
        auto sequence = prompt(1 + int(random() % std::uint32_t(most)));
        scheduler.add(*sequence);
        alive[next++] = {std::move(sequence), 1 + int(random() % 40)};
      }
      for (auto& [id, entry] : alive) entry.first->parked = random() % 10 == 0;
      const auto plan = scheduler.plan_step();
      ASSERT_LE(planned(plan), limits.tokens_per_step);
      std::set<int> owned;
      std::size_t held = 0;
      for (auto& [id, entry] : alive) {
        const Sequence& s = *entry.first;
        held += s.blocks.size();
        owned.insert(s.blocks.begin(), s.blocks.end());
      }
      ASSERT_EQ(owned.size(), held);
      ASSERT_EQ(int(held), cache.used());
      for (const PlanEntry& entry : plan) {
        ASSERT_FALSE(entry.sequence->parked);
        ASSERT_GE(int(entry.sequence->blocks.size()),
                  blocks_for(entry.sequence->computed + entry.count));
      }
      scheduler.commit(plan);
      for (auto it = alive.begin(); it != alive.end();) {
        Sequence& s = *it->second.first;
        if (s.todo() == 0 && s.running) {
          if (s.output_size() >= it->second.second) {
            scheduler.remove(s);
            ++finished;
            it = alive.erase(it);
            continue;
          }
          s.tokens.push_back(1);
        } else if (random() % 200 == 0) {
          scheduler.remove(s);
          it = alive.erase(it);
          continue;
        }
        ++it;
      }
    }
    EXPECT_GT(finished, 20);
    for (auto& [id, entry] : alive) scheduler.remove(*entry.first);
    EXPECT_EQ(cache.used(), 0);
  }
}

TEST(BlockPool, CountsReferences) {
  BlockPool pool(2);
  const int a = pool.take();
  pool.retain(a);
  EXPECT_EQ(pool.references(a), 2);
  EXPECT_FALSE(pool.release(a));
  EXPECT_EQ(pool.free(), 1);
  EXPECT_FALSE(pool.release(a));
  EXPECT_EQ(pool.free(), 2);
}

TEST(BlockPool, WhatIsKeptIsIdleUntilItIsForgotten) {
  BlockPool pool(2);
  const int a = pool.take();
  pool.keep(a);
  EXPECT_EQ(pool.idle(), 0);
  EXPECT_TRUE(pool.release(a));
  EXPECT_EQ(pool.idle(), 1);
  EXPECT_EQ(pool.free(), 1);
  pool.retain(a);
  EXPECT_EQ(pool.idle(), 0);
  pool.forget(a);  // in use: it goes with its reference
  EXPECT_EQ(pool.free(), 1);
  EXPECT_FALSE(pool.release(a));
  EXPECT_EQ(pool.free(), 2);
  const int b = pool.take();
  pool.keep(b);
  pool.release(b);
  pool.forget(b);
  EXPECT_EQ(pool.free(), 2);
  EXPECT_EQ(pool.idle(), 0);
}

}  // namespace
}  // namespace serval::llm
