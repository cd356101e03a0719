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

}  // namespace
}  // namespace serval::llm
