// Priorities and deadlines in the scheduler, stepped by hand.
#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <random>
#include <set>

#include "plugins/llm/scheduler.h"
#include "tests/plugins/llm/tiny_memory.h"
#include "tests/plugins/llm/virtual_machine.h"

namespace serval::llm {
namespace {

// It shares no token with any other.
std::unique_ptr<Sequence> prompt(int tokens, int priority = 0, uint64_t deadline_ns = 0) {
  static int32_t next = 0;
  auto sequence = std::make_unique<Sequence>();
  sequence->tokens.assign(std::size_t(tokens), ++next);
  sequence->prompt_size = tokens;
  sequence->rank.priority = priority;
  sequence->deadline_ns = deadline_ns;
  if (deadline_ns != 0) sequence->rank.latest_start_ns = deadline_ns;
  return sequence;
}

// The plan's sequences and their counts.
std::vector<std::pair<const Sequence*, int>> listed(const std::vector<PlanEntry>& plan) {
  std::vector<std::pair<const Sequence*, int>> list;
  for (const PlanEntry& entry : plan) list.emplace_back(entry.sequence, entry.count);
  return list;
}
using List = std::vector<std::pair<const Sequence*, int>>;

// One step; sequences that are through with their tokens get another.
std::vector<PlanEntry> step(Scheduler& scheduler) {
  auto plan = scheduler.plan_step();
  scheduler.commit(plan);
  for (const PlanEntry& entry : plan)
    if (entry.sequence->todo() == 0) entry.sequence->tokens.push_back(1);
  return plan;
}

TEST(SchedulerPriority, OrdersTheLineAndThoseThatRun) {
  KvMemory memory = tiny_memory(100);
  KvCache cache(100, memory);
  Scheduler scheduler({.sequences = 8, .tokens_per_step = 100}, cache);
  auto running = prompt(250), late = prompt(30, 1), soon = prompt(30, 0, 50), top = prompt(60, -1);
  scheduler.add(*running);
  step(scheduler);
  scheduler.add(*late);
  scheduler.add(*soon);
  scheduler.add(*top);
  EXPECT_EQ(listed(step(scheduler)),
            (List{{top.get(), 60}, {soon.get(), 30}, {running.get(), 10}}));
  EXPECT_EQ(listed(step(scheduler)), (List{{top.get(), 1}, {soon.get(), 1}, {running.get(), 98}}));
}

TEST(SchedulerPriority, TheLeastImportantLosesItsBlocks) {
  KvMemory memory = tiny_memory(6);
  KvCache cache(6, memory);
  Scheduler scheduler({.sequences = 8, .tokens_per_step = 512}, cache);
  // Each holds two full blocks; the next token of any takes a third.
  auto bulk = prompt(64, 2), normal = prompt(64), eager = prompt(64, 0, 50);
  for (Sequence* s : {bulk.get(), normal.get(), eager.get()}) scheduler.add(*s);
  step(scheduler);
  ASSERT_EQ(cache.used(), cache.total());
  EXPECT_EQ(listed(step(scheduler)), (List{{eager.get(), 1}, {normal.get(), 1}}));
  EXPECT_FALSE(bulk->running);
  EXPECT_EQ(scheduler.preemptions(), 1u);
}

TEST(SchedulerPriority, WithoutADeadlineBeforeALaterOne) {
  KvMemory memory = tiny_memory(6);
  KvCache cache(6, memory);
  Scheduler scheduler({.sequences = 8, .tokens_per_step = 512}, cache);
  auto patient = prompt(64), soon = prompt(64, 0, 50), later = prompt(64, 0, 90);
  for (Sequence* s : {patient.get(), later.get(), soon.get()}) scheduler.add(*s);
  step(scheduler);
  EXPECT_EQ(listed(step(scheduler)), (List{{soon.get(), 1}, {later.get(), 1}}));
  EXPECT_FALSE(patient->running);
}

TEST(SchedulerPriority, AnImportantNewcomerTakesBlocksButNotFromItsEquals) {
  KvMemory memory = tiny_memory(4);
  KvCache cache(4, memory);
  Scheduler scheduler({.sequences = 8, .tokens_per_step = 512}, cache);
  auto bulk = prompt(60, 1), normal = prompt(60), equal = prompt(40), top = prompt(50, -1);
  scheduler.add(*bulk);
  scheduler.add(*normal);
  step(scheduler);
  ASSERT_EQ(cache.used(), cache.total());
  scheduler.add(*equal);  // takes bulk's blocks
  EXPECT_EQ(listed(step(scheduler)), (List{{normal.get(), 1}, {equal.get(), 40}}));
  EXPECT_FALSE(bulk->running);
  auto another = prompt(40);
  scheduler.add(*another);  // nobody here is less important than it
  EXPECT_EQ(listed(step(scheduler)), (List{{normal.get(), 1}, {equal.get(), 1}}));
  scheduler.add(*top);
  EXPECT_EQ(listed(step(scheduler)), (List{{normal.get(), 1}, {top.get(), 50}}));
  EXPECT_FALSE(equal->running);
}

TEST(SchedulerPriority, NobodyLosesBlocksForANewcomerThatCannotEnterAllTheSame) {
  KvMemory memory = tiny_memory(4);
  KvCache cache(4, memory);
  Scheduler scheduler({.sequences = 8, .tokens_per_step = 512}, cache);
  auto bulk = prompt(30, 1), normal = prompt(90), big = prompt(120, 0);
  scheduler.add(*bulk);
  scheduler.add(*normal);
  step(scheduler);
  scheduler.add(*big);
  EXPECT_EQ(listed(step(scheduler)), (List{{normal.get(), 1}, {bulk.get(), 1}}));
}

// Random priorities, deadlines and ages, with a cost model that learns: nothing leaks, no sequence
// is planned twice, the limits hold, and what stays gets its tokens.
TEST(SchedulerPriority, RandomSchedulesLeakNothing) {
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    std::mt19937 random(seed);
    const int blocks = 6 + int(random() % 20);
    KvMemory memory = tiny_memory(blocks);
    KvCache cache(blocks, memory);
    CostModel cost(1e8);
    const VirtualMachine machine;
    const SchedulerLimits limits{1 + int(random() % 6), 8 + int(random() % 90), 1.8};
    Scheduler scheduler(limits, cache, &cost);
    std::map<int, std::pair<std::unique_ptr<Sequence>, int>> alive;  // and the tokens it wants
    double now_ns = 0;
    int next = 0, finished = 0;
    for (int i = 0; i < 4000; ++i) {
      if (random() % 3 == 0 && alive.size() < 12) {
        const int most = blocks * kBlockTokens - 40;
        auto sequence = prompt(1 + int(random() % uint32_t(most)), int(random() % 4) - 1);
        sequence->rank.arrived_ns = uint64_t(now_ns);
        if (random() % 2 == 0) {
          sequence->deadline_ns = uint64_t(now_ns) + random() % 400'000'000;
          sequence->rank.latest_start_ns = sequence->deadline_ns;
        }
        scheduler.add(*sequence);
        alive[next++] = {std::move(sequence), 1 + int(random() % 40)};
      }
      for (auto& [id, entry] : alive) entry.first->parked = random() % 10 == 0;
      const auto plan = scheduler.plan_step(uint64_t(now_ns));
      StepShape shape;
      std::set<const Sequence*> planned;
      for (const PlanEntry& entry : plan) {
        ASSERT_TRUE(planned.insert(entry.sequence).second);
        ASSERT_TRUE(entry.sequence->running && !entry.sequence->parked);
        ASSERT_GT(entry.count, 0);
        ASSERT_LE(entry.count, entry.sequence->todo());
        ASSERT_GE(int(entry.sequence->blocks.size()),
                  blocks_for(entry.sequence->computed + entry.count));
        shape.add(entry.sequence->computed, entry.count);
      }
      ASSERT_LE(shape.tokens, limits.tokens_per_step);
      std::size_t held = 0;
      for (auto& [id, entry] : alive) held += entry.first->blocks.size();
      ASSERT_EQ(int(held), cache.used());
      if (!plan.empty()) {
        cost.observe(shape, machine.step_ns(shape));
        now_ns += machine.step_ns(shape);
      }
      scheduler.commit(plan);
      for (auto it = alive.begin(); it != alive.end();) {
        Sequence& s = *it->second.first;
        const bool complete = s.running && s.todo() == 0 && s.output_size() >= it->second.second;
        if (complete || random() % 400 == 0) {
          finished += complete;
          scheduler.remove(s);
          it = alive.erase(it);
          continue;
        }
        if (s.running && s.todo() == 0) s.tokens.push_back(1);
        ++it;
      }
    }
    EXPECT_GT(finished, 10);
    for (auto& [id, entry] : alive) scheduler.remove(*entry.first);
    EXPECT_EQ(cache.used(), 0);
  }
}

}  // namespace
}  // namespace serval::llm
