#include "plugins/llm/engine.h"

#include <algorithm>
#include <cctype>
#include <random>

#include "tests/plugins/llm/test_model.h"

namespace serval::llm {
namespace {

constexpr const char* kGreedy = R"({"temperature":0,"max_tokens":40,"ignore_eos":true})";

std::vector<std::string> some_prompts(int count) {
  std::mt19937 random(3);
  std::vector<std::string> prompts;
  for (int i = 0; i < count; ++i) {
    std::string prompt;
    const int words = 1 + int(random() % 30);
    for (int w = 0; w < words; ++w)
      prompt += std::vector<std::string>{
          "the ", "thing ", "other ", "1 ", "a ", "\xC3\xA4 "}[random() % 6];
    prompts.push_back(prompt);
  }
  return prompts;
}

TEST(Engine, OutputIsTheSameAloneAndInAnyBatch) {
  auto alone = load_golden("llama");
  LlmConfig small;
  small.tokens_per_step = 7;  // odd chunks
  small.sequences = 5;
  auto batched = load_golden("llama", small);
  const auto prompts = some_prompts(12);
  std::vector<std::string> want;
  for (const auto& prompt : prompts)
    want.push_back(generate(alone->engine(), prompt, kGreedy).texts[0]);
  std::vector<Outcome> outcomes(prompts.size());
  for (std::size_t i = 0; i < prompts.size(); ++i)
    submit(batched->engine(), i + 1, outcomes[i], prompts[i], kGreedy);
  while (batched->engine().running() > 0) batched->engine().step();
  for (std::size_t i = 0; i < prompts.size(); ++i) EXPECT_EQ(outcomes[i].texts[0], want[i]);
}

TEST(Engine, PreemptedRequestsResumeAndNobodyFails) {
  auto alone = load_golden("qwen2");
  LlmConfig tight;
  tight.kv_cache_mib = 1;
  tight.context = 160;
  tight.tokens_per_step = 64;
  tight.kv_type = KvType::f32;
  auto plan = LoadedModel::plan(golden_path("qwen2.gguf"), tight);
  ASSERT_TRUE(plan.ok());
  auto batched = load_golden("qwen2", tight);
  LlmConfig exact;
  exact.kv_type = KvType::f32;
  alone = load_golden("qwen2", exact);
  const auto prompts = some_prompts(40);
  const std::string params = R"({"temperature":0,"max_tokens":90,"ignore_eos":true})";
  std::vector<Outcome> outcomes(prompts.size());
  for (std::size_t i = 0; i < prompts.size(); ++i)
    submit(batched->engine(), i + 1, outcomes[i], prompts[i], params);
  while (batched->engine().running() > 0) batched->engine().step();
  EXPECT_GT(batched->engine().counts().preemptions, 0u);
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    EXPECT_EQ(outcomes[i].error.code, Code::ok);
    EXPECT_EQ(outcomes[i].texts[0], generate(alone->engine(), prompts[i], params).texts[0]);
  }
  EXPECT_EQ(batched->engine().counts().blocks_used, 0);
}

TEST(Engine, ChoicesShareThePromptAndSeedsAreReproducible) {
  auto loaded = load_golden("llama");
  const std::string params =
      R"({"n":4,"temperature":1.2,"seed":11,"max_tokens":30,"ignore_eos":true})";
  const std::string prompt(70, 'x');  // two full blocks and a part
  const Outcome first = generate(loaded->engine(), prompt, params);
  EXPECT_EQ(loaded->engine().counts().prefill_tokens, 70u);  // once for all choices
  const Outcome second = generate(loaded->engine(), prompt, params);
  EXPECT_EQ(first.texts, second.texts);
  ASSERT_EQ(first.texts.size(), 4u);
  EXPECT_NE(first.texts[0], first.texts[1]);
  // Greedy choices are equal to each other and to a request of one.
  const Outcome greedy =
      generate(loaded->engine(), prompt, R"({"n":3,"temperature":0,"max_tokens":30})");
  const Outcome one = generate(loaded->engine(), prompt, R"({"temperature":0,"max_tokens":30})");
  for (const auto& text : greedy.texts) EXPECT_EQ(text, one.texts[0]);
  // Sampled in a crowd or alone: the same.
  Outcome crowd, other;
  submit(loaded->engine(), 1, other, "noise", R"({"n":6,"max_tokens":50})");
  submit(loaded->engine(), 2, crowd, prompt, params);
  while (loaded->engine().running() > 0) loaded->engine().step();
  EXPECT_EQ(crowd.texts, first.texts);
}

TEST(Engine, StopStringEndsTheTextBeforeIt) {
  auto loaded = load_golden("llama");
  int tried = 0;
  for (const std::string& prompt : some_prompts(12)) {
    const std::string whole = generate(loaded->engine(), prompt, kGreedy).texts[0];
    // Three letters of the output, wherever they stand: they may come from several tokens.
    const auto plain = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; };
    for (std::size_t at = whole.size() / 4; at + 3 <= whole.size(); ++at) {
      const std::string stop = whole.substr(at, 3);
      if (!std::all_of(stop.begin(), stop.end(), plain)) continue;
      const Outcome outcome = generate(
          loaded->engine(), prompt,
          R"({"temperature":0,"max_tokens":40,"ignore_eos":true,"stop":["never","\u0000no",")" +
              stop + "\"]}");
      ASSERT_EQ(outcome.error.code, Code::ok) << outcome.error.message;
      EXPECT_EQ(outcome.texts[0], whole.substr(0, whole.find(stop)));
      EXPECT_EQ(outcome.finish[0], "stop");
      ++tried;
      break;
    }
  }
  EXPECT_GT(tried, 3);
}

TEST(Engine, EchoedLogprobsAreThoseOfTheSteps) {
  LlmConfig config;
  config.tokens_per_step = 16;  // the prompt comes in chunks
  auto loaded = load_golden("llama", config);
  const Outcome steps =
      generate(loaded->engine(), "",
               R"({"temperature":0,"max_tokens":40,"ignore_eos":true,"logprobs":true,
                                     "prompt_tokens":[5]})");
  const auto numbers = [](const std::string& meta, const char* key) {
    std::vector<std::string> found;
    for (std::size_t at = 0; (at = meta.find(key, at)) != std::string::npos;) {
      at += std::string(key).size();
      found.push_back(meta.substr(at, meta.find_first_of(",}", at) - at));
    }
    return found;
  };
  const auto ids = numbers(steps.meta, "\"id\":"), logprobs = numbers(steps.meta, "\"logprob\":");
  ASSERT_EQ(ids.size(), 40u);
  std::string prompt = "5";
  for (const auto& id : ids) prompt += "," + id;
  const Outcome echo =
      generate(loaded->engine(), "",
               R"({"max_tokens":0,"echo":true,"logprobs":true,"prompt_tokens":[)" + prompt + "]}");
  auto echoed = numbers(echo.meta, "\"logprob\":");
  ASSERT_EQ(echoed.size(), 41u);
  EXPECT_EQ(echoed[0], "null");
  echoed.erase(echoed.begin());
  EXPECT_EQ(echoed, logprobs);  // bitwise: the same text
  EXPECT_EQ(echo.finish[0], "length");
  EXPECT_NE(echo.usage.find("\"completion_tokens\":0"), std::string::npos);
}

TEST(Engine, ASlowReaderStopsOnlyItself) {
  auto loaded = load_golden("llama");
  Engine& engine = loaded->engine();
  const std::string whole = generate(engine, "the ", kGreedy).texts[0];
  Outcome slow, quick;
  slow.credit = 3;
  submit(engine, 1, slow, "the ", kGreedy);
  submit(engine, 2, quick, "thing ", kGreedy);
  for (int i = 0; i < 200; ++i) engine.step();
  EXPECT_TRUE(quick.ended);
  EXPECT_FALSE(slow.ended);
  EXPECT_LE(slow.most_kept, 2);
  EXPECT_FALSE(engine.step());  // nothing to do: the thread may sleep
  while (!slow.ended) {
    slow.credit = 2;
    engine.writable(1);
    engine.step();
  }
  EXPECT_EQ(slow.texts[0], whole);
}

TEST(Engine, CancelledRequestsGiveTheirBlocksBack) {
  auto loaded = load_golden("llama");
  Engine& engine = loaded->engine();
  std::vector<Outcome> outcomes(20);
  for (std::size_t i = 0; i < outcomes.size(); ++i)
    submit(engine, i + 1, outcomes[i], "the thing",
           R"({"n":2,"max_tokens":200,"ignore_eos":true})");
  for (int i = 0; i < 10; ++i) engine.step();
  for (Outcome& outcome : outcomes) outcome.cancelled = true;
  engine.step();
  EXPECT_EQ(engine.running(), 0u);
  EXPECT_EQ(engine.counts().blocks_used, 0);
  for (const Outcome& outcome : outcomes) EXPECT_EQ(outcome.error.code, Code::cancelled);
}

TEST(Engine, ChatRendersTheModelsTemplate) {
  auto loaded = load_golden("llama");
  const Outcome chat = generate(
      loaded->engine(), R"([{"role":"user","content":[{"type":"text","text":"the thing"}]}])",
      kGreedy, "chat");
  const Outcome complete = generate(
      loaded->engine(), "<|im_start|>user\nthe thing<|im_end|>\n<|im_start|>assistant\n", kGreedy);
  ASSERT_EQ(chat.error.code, Code::ok) << chat.error.message;
  EXPECT_EQ(chat.texts, complete.texts);
}

struct BadRequest {
  const char* op;
  const char* input;
  const char* params;
  const char* param;
};

TEST(Engine, BadRequestsAreRefusedByName) {
  LlmConfig config;
  config.context = 64;
  auto loaded = load_golden("llama", config);
  const std::string longer(65, 'x'), exact(64, 'x');
  const BadRequest table[] = {
      {"complete", longer.c_str(), "{}", "prompt"},
      {"complete", exact.c_str(), "{}", "prompt"},
      {"complete", "", "{}", "prompt"},
      {"complete", "hello", R"({"max_tokens":61})", "max_tokens"},
      {"complete", "hello", R"({"max_token":60})", "max_token"},
      {"chat", "{}", "{}", "messages"},
      {"chat", "[]", "{}", "messages"},
      {"chat", R"([{"content":"x"}])", "{}", "messages"},
      {"chat", R"([{"role":"user","content":[{"type":"image_url"}]}])", "{}", "messages"},
      {"chat", R"([{"role":"user","content":7}])", "{}", "messages"},
  };
  for (const BadRequest& bad : table) {
    const Outcome outcome = generate(loaded->engine(), bad.input, bad.params, bad.op);
    EXPECT_EQ(outcome.error.code, Code::invalid_argument) << bad.input << bad.params;
    EXPECT_EQ(outcome.error.param, bad.param) << outcome.error.message;
  }
  EXPECT_EQ(generate(loaded->engine(), "x", "{}", "embed").error.code, Code::unimplemented);
  EXPECT_EQ(generate(loaded->engine(), exact, R"({"max_tokens":0})").error.code, Code::ok);
}

// Random submissions, cancellations and slow readers; every finished output equals its solo run.
TEST(Engine, RandomSchedulesChangeNoOutput) {
  auto solo = load_golden("llama");
  const auto prompts = some_prompts(8);
  std::vector<std::string> want;
  for (const auto& prompt : prompts)
    want.push_back(generate(solo->engine(), prompt, kGreedy).texts[0]);
  LlmConfig config;
  config.kv_cache_mib = 1;
  config.sequences = 6;
  config.tokens_per_step = 23;
  auto loaded = load_golden("llama", config);
  Engine& engine = loaded->engine();
  std::mt19937 random(5);
  struct Live {
    Outcome outcome;
    std::size_t prompt;
  };
  std::unordered_map<uint64_t, std::unique_ptr<Live>> live;
  uint64_t next = 0;
  int compared = 0;
  for (int step = 0; step < 4000; ++step) {
    if (random() % 4 == 0 && live.size() < 20) {
      auto entry = std::make_unique<Live>();
      entry->prompt = random() % prompts.size();
      if (random() % 3 == 0) entry->outcome.credit = int(random() % 4);
      Live& ref = *entry;
      live[++next] = std::move(entry);
      submit(engine, next, ref.outcome, prompts[ref.prompt], kGreedy);
    }
    engine.step();
    for (auto it = live.begin(); it != live.end();) {
      Live& entry = *it->second;
      if (entry.outcome.ended) {
        if (!entry.outcome.cancelled) {
          ASSERT_EQ(entry.outcome.texts[0], want[entry.prompt]);
          ++compared;
        }
        it = live.erase(it);
        continue;
      }
      if (random() % 300 == 0) entry.outcome.cancelled = true;
      if (entry.outcome.kept > 0 && random() % 10 == 0) {
        entry.outcome.credit = 1 + int(random() % 5);
        engine.writable(it->first);
      }
      ++it;
    }
  }
  EXPECT_GT(compared, 50);
  engine.abort(Error{Code::unavailable, "stop", {}, 0});
  engine.step();
  EXPECT_EQ(engine.counts().blocks_used, 0);
}

}  // namespace
}  // namespace serval::llm
