// Deadlines, priorities and cancels in the engine, on a clock of the test's own.
#include <gtest/gtest.h>

#include "tests/plugins/llm/test_model.h"

namespace serval::llm {
namespace {

constexpr uint64_t kMs = 1'000'000;
constexpr const char* kEndless =
    R"({"temperature":0,"max_tokens":200,"ignore_eos":true,"logit_bias":{"0":-100}})";

// Every step takes 5 ms, whatever it computes.
struct Deadlines : testing::Test {
  uint64_t now = 1000 * kMs;
  std::unique_ptr<LoadedModel> loaded;

  Deadlines() {
    LlmConfig config;
    config.tokens_per_step = 16;
    loaded = load_golden("llama", config, [this] { return now += 5 * kMs; });
  }
  Engine& engine() { return loaded->engine(); }

  // Steps enough for the cost model to be believed.
  void learn() {
    ASSERT_EQ(generate(engine(), std::string(60, 'x'), R"({"max_tokens":40,"ignore_eos":true})")
                  .error.code,
              Code::ok);
  }
  Outcome& submit_until(Outcome& outcome, uint64_t id, const std::string& prompt, uint64_t left_ms,
                        const char* params = kEndless) {
    submit(engine(), id, outcome, prompt, params, "complete", {.deadline_ns = now + left_ms * kMs});
    return outcome;
  }
};

TEST_F(Deadlines, WhatCannotMeetItsDeadlineNeverRuns) {
  learn();
  const uint64_t computed = engine().counts().prefill_tokens;
  Outcome outcome;
  submit_until(outcome, 1, std::string(160, 'x'), 30);  // ten steps
  engine().step();
  EXPECT_TRUE(outcome.ended);
  EXPECT_EQ(outcome.error.code, Code::deadline_exceeded);
  EXPECT_NE(outcome.error.message.find("cannot be met"), std::string::npos);
  EXPECT_EQ(engine().counts().prefill_tokens, computed);
  EXPECT_EQ(engine().counts().deadline_refusals, 1u);
  EXPECT_EQ(engine().counts().blocks_used, 0);
}

TEST_F(Deadlines, WhatCanMeetItRuns) {
  learn();
  Outcome outcome;
  submit_until(outcome, 1, std::string(160, 'x'), 5000, R"({"max_tokens":2,"ignore_eos":true})");
  while (!outcome.ended) engine().step();
  EXPECT_EQ(outcome.error.code, Code::ok) << outcome.error.message;
  EXPECT_EQ(outcome.finish[0], "length");
}

TEST_F(Deadlines, NothingIsRefusedByAModelThatKnowsNothing) {
  Outcome outcome;
  submit_until(outcome, 1, std::string(160, 'x'), 30);
  engine().step();
  EXPECT_FALSE(outcome.ended);
  EXPECT_GT(engine().counts().prefill_tokens, 0u);
  while (!outcome.ended) engine().step();  // but its time passes
  EXPECT_EQ(outcome.error.code, Code::deadline_exceeded);
}

TEST_F(Deadlines, ADeadlineCutsTheOutput) {
  learn();
  Outcome outcome, other;
  submit_until(outcome, 1, "the thing", 400);
  submit(engine(), 2, other, "the thing", kEndless);
  while (!outcome.ended) engine().step();
  EXPECT_EQ(outcome.error.code, Code::ok) << outcome.error.message;
  EXPECT_EQ(outcome.finish[0], "deadline");
  EXPECT_NE(outcome.texts[0], "");
  EXPECT_LT(now, 1'000'000 * kMs);
  while (!other.ended) engine().step();
  EXPECT_EQ(other.finish[0], "length");
  EXPECT_EQ(other.texts[0].substr(0, outcome.texts[0].size()), outcome.texts[0]);
  EXPECT_EQ(engine().counts().deadline_stops, 1u);
  EXPECT_EQ(engine().counts().blocks_used, 0);
}

TEST_F(Deadlines, TheLastStepEndsBeforeTheDeadline) {
  learn();
  Outcome outcome;
  submit_until(outcome, 1, "the thing", 300);
  const uint64_t deadline = now + 300 * kMs - 5 * kMs;
  uint64_t last = 0;
  std::string seen;
  while (!outcome.ended) {
    engine().step();
    if (!outcome.texts.empty() && outcome.texts[0] != seen) last = now;
    if (!outcome.texts.empty()) seen = outcome.texts[0];
  }
  EXPECT_LE(last, deadline + 5 * kMs);
}

TEST_F(Deadlines, EveryChoiceIsCut) {
  learn();
  Outcome outcome;
  submit_until(outcome, 1, "the thing", 300,
               R"({"n":3,"temperature":1,"max_tokens":200,"ignore_eos":true})");
  while (!outcome.ended) engine().step();
  EXPECT_EQ(outcome.finish, (std::vector<std::string>(3, "deadline")));
  EXPECT_EQ(engine().running(), 0u);
}

TEST_F(Deadlines, APassedDeadlineIsRefusedAtOnce) {
  Outcome outcome;
  submit(engine(), 1, outcome, "the thing", kEndless, "complete", {.deadline_ns = now});
  EXPECT_TRUE(outcome.ended);
  EXPECT_EQ(outcome.error.code, Code::deadline_exceeded);
  EXPECT_EQ(engine().running(), 0u);
}

// A slow reader's request is the host's to end: the engine can pass nothing on.
TEST_F(Deadlines, ABlockedRequestWaitsForTheHost) {
  learn();
  Outcome outcome;
  outcome.credit = 1;
  submit_until(outcome, 1, "the thing", 300);
  for (int i = 0; i < 100; ++i) engine().step();
  EXPECT_FALSE(outcome.ended);
  outcome.cancelled = true;
  engine().step();
  EXPECT_TRUE(outcome.ended);
  EXPECT_NE(outcome.usage.find("\"completion_tokens\":"), std::string::npos);
}

TEST_F(Deadlines, MoreImportantPromptsComeFirst) {
  Outcome low, high;
  submit(engine(), 1, low, std::string(160, 'x'), kEndless, "complete", {.priority = 1});
  engine().step();
  submit(engine(), 2, high, std::string(32, 'x'), kEndless, "complete", {.priority = -1});
  for (int i = 0; i < 3; ++i) engine().step();
  EXPECT_FALSE(high.texts.empty());
  EXPECT_TRUE(low.texts.empty());
  engine().abort(error(Code::unavailable, "stop"));
}

TEST_F(Deadlines, ACancelFreesThePromptsBlocksWithinOneStep) {
  Outcome stream, prompt;
  submit(engine(), 1, stream, "the thing", kEndless);
  while (stream.texts.empty()) engine().step();
  const int before = engine().counts().blocks_used;
  submit(engine(), 2, prompt, std::string(180, 'x'), kEndless);
  engine().step();
  EXPECT_GT(engine().counts().blocks_used, before);
  EXPECT_TRUE(prompt.texts.empty());  // still in its prompt
  prompt.cancelled = true;
  engine().step();
  EXPECT_TRUE(prompt.ended);
  EXPECT_LE(engine().counts().blocks_used, before + 1);  // the stream's next may have begun
  EXPECT_FALSE(stream.ended);
}

}  // namespace
}  // namespace serval::llm
