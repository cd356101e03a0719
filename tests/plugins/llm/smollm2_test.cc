// The real default model.
#include "tests/plugins/llm/test_model.h"

namespace serval::llm {
namespace {

TEST(SmolLm2, AnswersAndIsTheSameInABatch) {
  const auto path = test_model_path("smollm2-135m-instruct");
  SERVAL_NEED_MODEL(path);
  auto loaded = LoadedModel::load(path, {}, {});
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  Engine& engine = (*loaded)->engine();
  const Outcome chat =
      generate(engine, R"([{"role":"user","content":"Write one sentence about cats."}])",
               R"({"temperature":0,"max_tokens":40})", "chat");
  ASSERT_EQ(chat.error.code, Code::ok) << chat.error.message;
  EXPECT_NE(chat.texts[0].find("cat"), std::string::npos) << chat.texts[0];

  // The same alone and among others, with real quantised weights.
  const std::string params = R"({"temperature":0,"max_tokens":24})";
  const std::vector<std::string> prompts{"The capital of France is",
                                         "def fibonacci(n):", "1, 2, 3,",
                                         "Once upon a time there was a cat who"};
  std::vector<Outcome> outcomes(prompts.size());
  for (std::size_t i = 0; i < prompts.size(); ++i)
    submit(engine, i + 1, outcomes[i], prompts[i], params);
  while (engine.running() > 0) engine.step();
  for (std::size_t i = 0; i < prompts.size(); ++i)
    EXPECT_EQ(outcomes[i].texts[0], generate(engine, prompts[i], params).texts[0]);
}

// Log-probabilities need the whole head; without them a greedy step reads its coarse copy first.
TEST(SmolLm2, GreedyTokensAreThoseOfTheWholeHead) {
  const auto path = test_model_path("smollm2-135m-instruct");
  SERVAL_NEED_MODEL(path);
  auto loaded = LoadedModel::load(path, {}, {});
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  Engine& engine = (*loaded)->engine();
  for (const char* prompt : {"The capital of France is", "def fibonacci(n):", "\n\n", "1, 2, 3,"}) {
    const Outcome whole = generate(
        engine, prompt, R"({"temperature":0,"max_tokens":100,"ignore_eos":true,"logprobs":true})");
    const Outcome coarse =
        generate(engine, prompt, R"({"temperature":0,"max_tokens":100,"ignore_eos":true})");
    EXPECT_EQ(coarse.texts[0], whole.texts[0]) << prompt;
  }
}

// Alone, its keys are spread over the threads span by span; in a crowd one thread sees them all.
TEST(SmolLm2, ALongContextIsTheSameAloneAndInACrowd) {
  const auto path = test_model_path("smollm2-135m-instruct");
  SERVAL_NEED_MODEL(path);
  LlmConfig config;
  config.threads = 2;
  auto loaded = LoadedModel::load(path, config, {});
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  Engine& engine = (*loaded)->engine();
  std::string text;
  for (int i = 0; i < 150; ++i) text += "Line " + std::to_string(i) + " of a long text.\n";
  const std::string params =
      R"({"temperature":0,"max_tokens":12,"ignore_eos":true,"logprobs":true})";
  Outcome alone, crowded;
  submit(engine, 1, alone, text, params, "complete", {.space = "alone"});
  while (engine.running() > 0) engine.step();
  ASSERT_NE(alone.usage.find("\"prompt_tokens\":1"), std::string::npos) << alone.usage;

  std::vector<Outcome> others(16);
  submit(engine, 2, crowded, text, params, "complete", {.space = "crowd"});
  for (std::size_t i = 0; i < others.size(); ++i)
    submit(engine, 3 + i, others[i], "A story of " + std::to_string(i),
           R"({"temperature":0,"max_tokens":200,"ignore_eos":true})");
  while (!crowded.ended) engine.step();
  EXPECT_EQ(crowded.texts[0], alone.texts[0]);
  EXPECT_EQ(crowded.meta, alone.meta);
  for (Outcome& other : others) {
    EXPECT_FALSE(other.ended) << "the crowd was gone too early";
    other.cancelled = true;
  }
  while (engine.running() > 0) engine.step();
}

}  // namespace
}  // namespace serval::llm
