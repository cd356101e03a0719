// The prefix cache together with order and deadlines: who waits for whose tokens, who makes room
// for whom, and what cached tokens cost.
#include <gtest/gtest.h>
#include <memory>

#include "plugins/llm/prefix_wait.h"
#include "plugins/llm/scheduler.h"
#include "tests/plugins/llm/test_model.h"
#include "tests/plugins/llm/tiny_memory.h"
#include "tests/plugins/llm/virtual_machine.h"

namespace serval::llm {
namespace {

// All prompts of one `kind` begin alike.
std::unique_ptr<Sequence> prompt(int kind, int tokens, int priority = 0) {
  auto sequence = std::make_unique<Sequence>();
  sequence->tokens.assign(std::size_t(tokens), kind);
  sequence->prompt_size = tokens;
  sequence->rank.priority = priority;
  return sequence;
}

int planned(const std::vector<PlanEntry>& plan, const Sequence& sequence) {
  for (const PlanEntry& entry : plan)
    if (entry.sequence == &sequence) return entry.count;
  return 0;
}

TEST(PrefixPriority, OnlyThoseBehindInOrderWait) {
  KvMemory memory = tiny_memory(100);
  KvCache cache(100, memory);
  Scheduler scheduler({.sequences = 8, .tokens_per_step = 64}, cache);
  auto low = prompt(1, 400, 2), later = prompt(1, 400, 2), top = prompt(1, 400, -1);
  scheduler.add(*low);
  scheduler.add(*later);
  scheduler.commit(scheduler.plan_step());
  EXPECT_TRUE(low->running);
  EXPECT_FALSE(later->running);
  // The important one goes on from where the other is, and does not wait for it.
  scheduler.add(*top);
  const auto plan = scheduler.plan_step();
  EXPECT_EQ(planned(plan, *top), 64);
  EXPECT_EQ(planned(plan, *low), 0);
  EXPECT_EQ(top->computed, 64);
  scheduler.commit(plan);
  // Those that wait do so for the one that is first.
  EXPECT_EQ(prefix_source(*later, std::vector<Sequence*>{top.get(), low.get()}, cache), top.get());
  EXPECT_EQ(prefix_source(*top, std::vector<Sequence*>{low.get()}, cache), nullptr);
  int steps = 0;
  for (; later->todo() > 1 && steps < 40; ++steps) scheduler.commit(scheduler.plan_step());
  EXPECT_GE(later->cached, 384);
  for (Sequence* s : {low.get(), later.get(), top.get()}) scheduler.remove(*s);
}

TEST(PrefixPriority, SharedBlocksAreNotTakenInVain) {
  KvMemory memory = tiny_memory(6);
  KvCache cache(6, memory);
  Scheduler scheduler({.sequences = 8, .tokens_per_step = 512}, cache);
  auto normal = prompt(1, 100), bulk = prompt(1, 100, 1), newcomer = prompt(2, 90, 0);
  bulk->tokens[99] = 7;
  scheduler.add(*normal);
  scheduler.commit(scheduler.plan_step());
  scheduler.add(*bulk);
  scheduler.commit(scheduler.plan_step());
  ASSERT_EQ(bulk->blocks[2], normal->blocks[2]);
  ASSERT_EQ(cache.used(), 5);
  // Four blocks are bulk's, but three of them would stay with the other one.
  scheduler.add(*newcomer);
  static_cast<void>(scheduler.plan_step());
  EXPECT_FALSE(newcomer->running);
  EXPECT_TRUE(bulk->running);
  EXPECT_EQ(scheduler.preemptions(), 0u);
  scheduler.remove(*normal);
  static_cast<void>(scheduler.plan_step());
  EXPECT_TRUE(newcomer->running);
  EXPECT_FALSE(bulk->running);
}

TEST(PrefixPriority, ANewcomerTakesOverTheBlocksOfOneThatYields) {
  KvMemory memory = tiny_memory(4);
  KvCache cache(4, memory);
  Scheduler scheduler({.sequences = 8, .tokens_per_step = 512}, cache);
  auto bulk = prompt(1, 96, 1), top = prompt(1, 120);
  scheduler.add(*bulk);
  scheduler.commit(scheduler.plan_step());
  bulk->tokens.push_back(5);
  scheduler.add(*top);
  // Three of top's four blocks are there; the fourth is free, but bulk's next token has it.
  const auto plan = scheduler.plan_step();
  EXPECT_EQ(top->computed, 96);
  EXPECT_EQ(planned(plan, *top), 24);
  EXPECT_EQ(planned(plan, *bulk), 0);
  EXPECT_FALSE(bulk->running);
}

// What a prompt with a deadline would wait for gets the larger share of the steps in its place.
TEST(PrefixPriority, WhoWaitsLendsItsUrgency) {
  for (const bool pressed : {false, true}) {
    KvMemory memory = tiny_memory(400);
    KvCache cache(400, memory);
    CostModel cost(1e8);
    const VirtualMachine machine;
    for (int i = 0; i < 200; ++i) {
      StepShape shape;
      shape.add(i % 7 * 100, 1 + i * 37 % 512);
      cost.observe(shape, machine.step_ns(shape));
    }
    Scheduler scheduler({.sequences = 8, .tokens_per_step = 512}, cache, &cost);
    std::vector<std::unique_ptr<Sequence>> streams;
    for (int i = 0; i < 4; ++i) {
      streams.push_back(prompt(10 + i, 40));
      scheduler.add(*streams.back());
    }
    scheduler.commit(scheduler.plan_step());
    for (const auto& stream : streams) stream->tokens.push_back(5);
    auto source = prompt(1, 4000), late = prompt(1, 4000);
    late->tokens.push_back(9);
    if (pressed) late->deadline_ns = 1'000'000'000;
    scheduler.add(*source);
    scheduler.commit(scheduler.plan_step());
    for (const auto& stream : streams) stream->tokens.push_back(5);
    scheduler.add(*late);
    const auto plan = scheduler.plan_step();
    EXPECT_FALSE(late->running);
    StepShape alone, whole;
    for (const PlanEntry& entry : plan) {
      if (entry.sequence != source.get()) alone.add(entry.sequence->computed, entry.count);
      whole.add(entry.sequence->computed, entry.count);
    }
    EXPECT_EQ(alone.tokens, 4);
    const double factor = cost.predict_ns(whole) / cost.predict_ns(alone);
    EXPECT_EQ(factor > 1.8, pressed);
    EXPECT_LE(factor, 8);
  }
}

// Every reading of the clock takes 5 ms, so every step is believed to.
struct CachedDeadlines : testing::Test {
  static constexpr uint64_t kMs = 1'000'000;
  uint64_t now = 1000 * kMs;
  std::unique_ptr<LoadedModel> loaded;

  CachedDeadlines() {
    LlmConfig config;
    config.tokens_per_step = 16;
    loaded = load_golden("llama", config, [this] { return now += 5 * kMs; });
    generate(loaded->engine(), std::string(60, 'y'), R"({"max_tokens":40,"ignore_eos":true})");
  }
  void ask(uint64_t id, Outcome& outcome, const std::string& text, uint64_t left_ms,
           int priority = 0) {
    submit(loaded->engine(), id, outcome, text,
           R"({"temperature":0,"max_tokens":1,"ignore_eos":true})", "complete",
           {.priority = priority, .deadline_ns = left_ms > 0 ? now + left_ms * kMs : 0});
  }
  void finish(const Outcome& outcome) {
    for (int i = 0; i < 1000 && !outcome.ended; ++i) loaded->engine().step();
    ASSERT_TRUE(outcome.ended);
  }
};

TEST_F(CachedDeadlines, CachedTokensTakeNoTime) {
  const std::string text(160, 'x');  // ten steps
  Outcome cold, first, warm;
  ask(1, cold, text, 40);
  finish(cold);
  EXPECT_EQ(cold.error.code, Code::deadline_exceeded);
  ask(2, first, text, 0);
  finish(first);
  ask(3, warm, text, 40);
  finish(warm);
  EXPECT_EQ(warm.error.code, Code::ok) << warm.error.message;
  EXPECT_EQ(warm.texts, first.texts);
}

TEST_F(CachedDeadlines, WhoWaitsForAnothersTokensIsNotRefusedForThem) {
  const std::string text(160, 'x');
  Outcome source, late;
  ask(1, source, text, 0, -1);
  for (int i = 0; i < 8; ++i) loaded->engine().step();
  // For eleven steps of its own there is no time, but it needs one.
  ask(2, late, text + "z", 54);
  loaded->engine().step();
  EXPECT_EQ(loaded->engine().counts().waiting, 1);
  finish(late);
  EXPECT_EQ(late.error.code, Code::ok) << late.error.message;
  EXPECT_TRUE(source.ended);
}

}  // namespace
}  // namespace serval::llm
