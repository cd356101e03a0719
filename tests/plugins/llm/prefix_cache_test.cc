// The prefix cache through the engine, with small models of golden_test.cc.
#include <algorithm>
#include <random>

#include "tests/plugins/llm/test_model.h"

namespace serval::llm {
namespace {

constexpr const char* kGreedy =
    R"({"temperature":0,"max_tokens":20,"ignore_eos":true,"logprobs":true})";

int cached_tokens(const Outcome& outcome) {
  const std::string key = "\"cached_tokens\":";
  return std::atoi(outcome.usage.c_str() + outcome.usage.find(key) + key.size());
}

std::vector<int32_t> ids(const std::string& meta) {
  std::vector<int32_t> found;
  for (std::size_t at = 0; (at = meta.find("\"id\":", at)) != std::string::npos; at += 5)
    found.push_back(std::atoi(meta.c_str() + at + 5));
  return found;
}

std::string params(const std::vector<int32_t>& prompt, int max_tokens, const char* more = "") {
  std::string list;
  for (const int32_t token : prompt) list += (list.empty() ? "" : ",") + std::to_string(token);
  return R"({"temperature":0,"ignore_eos":true,"logprobs":true,"max_tokens":)" +
         std::to_string(max_tokens) + more + ",\"prompt_tokens\":[" + list + "]}";
}

std::vector<int32_t> some_tokens(std::mt19937& random, int count) {
  std::vector<int32_t> tokens;
  for (int i = 0; i < count; ++i) tokens.push_back(3 + int(random() % 200));
  return tokens;
}

TEST(PrefixCache, ThePromptAgainCostsOneToken) {
  auto loaded = load_golden("llama");
  Engine& engine = loaded->engine();
  for (const std::size_t size : {1, 31, 32, 33, 64, 100}) {
    const std::string prompt(size, char('a' + size % 26));
    const Outcome cold = generate(engine, prompt, kGreedy);
    EXPECT_EQ(cached_tokens(cold), 0);
    const uint64_t before = engine.counts().prefill_tokens;
    const Outcome warm = generate(engine, prompt, kGreedy);
    EXPECT_EQ(cached_tokens(warm), int(size) - 1);
    EXPECT_EQ(engine.counts().prefill_tokens - before, 1u);
    EXPECT_EQ(warm.meta, cold.meta);
  }
}

TEST(PrefixCache, ATurnPaysForItsNewTokensOnly) {
  auto loaded = load_golden("qwen2");
  std::mt19937 random(1);
  std::vector<int32_t> talk;
  int computed = 0;
  for (int turn = 0; turn < 6; ++turn) {
    const auto question = some_tokens(random, 7 + 11 * turn);
    talk.insert(talk.end(), question.begin(), question.end());
    const Outcome outcome = generate(loaded->engine(), "", params(talk, 13));
    // All of the turns before, prompt and answer, but for the last token that was drawn: nobody
    // has computed that one.
    EXPECT_EQ(cached_tokens(outcome), turn == 0 ? 0 : computed);
    auto fresh = load_golden("qwen2");
    EXPECT_EQ(generate(fresh->engine(), "", params(talk, 13)).meta, outcome.meta);
    const auto answer = ids(outcome.meta);
    talk.insert(talk.end(), answer.begin(), answer.end());
    computed = int(talk.size()) - 1;
  }
}

TEST(PrefixCache, RequestsThatComeTogetherComputeTheirBeginningOnce) {
  LlmConfig config;
  config.tokens_per_step = 50;
  auto loaded = load_golden("llama", config);
  Engine& engine = loaded->engine();
  std::mt19937 random(2);
  const auto shared = some_tokens(random, 200);
  std::vector<Outcome> outcomes(8);
  std::vector<std::string> asked;
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    auto prompt = shared;
    prompt.push_back(3 + int(i));
    prompt.push_back(4);
    asked.push_back(params(prompt, 10));
    submit(engine, i + 1, outcomes[i], "", asked.back());
  }
  while (engine.running() > 0) engine.step();
  // Seven of them waited for the six full blocks at least that the first one computed.
  EXPECT_LE(engine.counts().prefill_tokens, 202u + 7 * 10);
  auto alone = load_golden("llama");
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    EXPECT_GE(cached_tokens(outcomes[i]), i == 0 ? 0 : 192);
    EXPECT_EQ(outcomes[i].meta, generate(alone->engine(), "", asked[i]).meta);
  }
}

TEST(PrefixCache, AStreamThatRunsSharesItsPrompt) {
  auto loaded = load_golden("llama");
  Engine& engine = loaded->engine();
  const std::string prompt(20, 'x');  // not one full block
  Outcome running, late;
  submit(engine, 1, running, prompt, R"({"temperature":0,"max_tokens":200,"ignore_eos":true})");
  for (int i = 0; i < 3; ++i) engine.step();
  submit(engine, 2, late, prompt, kGreedy);
  while (!late.ended) engine.step();
  EXPECT_FALSE(running.ended);
  EXPECT_EQ(cached_tokens(late), 19);
  while (!running.ended) engine.step();
  auto alone = load_golden("llama");
  EXPECT_EQ(late.meta, generate(alone->engine(), prompt, kGreedy).meta);
  EXPECT_EQ(running.texts, generate(alone->engine(), prompt,
                                    R"({"temperature":0,"max_tokens":200,"ignore_eos":true})")
                               .texts);
}

TEST(PrefixCache, AParkedRequestHoldsUpNobody) {
  LlmConfig config;
  config.tokens_per_step = 16;
  auto loaded = load_golden("llama", config);
  Engine& engine = loaded->engine();
  Outcome slow, late;
  slow.credit = 0;
  const std::string prompt(100, 'x');
  submit(engine, 1, slow, prompt, R"({"max_tokens":9,"echo":true,"ignore_eos":true})");
  engine.step();
  submit(engine, 2, late, prompt + "y", kGreedy);
  engine.step();
  EXPECT_EQ(engine.counts().waiting, 1);  // for the first one's tokens
  while (!late.ended && engine.step()) {
  }
  EXPECT_TRUE(late.ended);
  EXPECT_FALSE(slow.ended);
  EXPECT_EQ(cached_tokens(late), 96);
}

TEST(PrefixCache, SpacesShareNothing) {
  auto loaded = load_golden("llama");
  Engine& engine = loaded->engine();
  const std::string prompt(90, 'x');
  const auto ask = [&](const char* space) {
    Outcome outcome;
    engine.submit(1, std::make_unique<TestClient>(outcome), "complete", prompt, kGreedy,
                  {.space = space});
    while (!outcome.ended) engine.step();
    return cached_tokens(outcome);
  };
  EXPECT_EQ(ask("a"), 0);
  EXPECT_EQ(ask("b"), 0);
  EXPECT_EQ(ask(""), 0);
  EXPECT_EQ(ask("a"), 89);
  EXPECT_EQ(ask("b"), 89);
}

TEST(PrefixCache, EchoWithLogprobsComputesEveryRow) {
  auto loaded = load_golden("llama");
  std::mt19937 random(4);
  const auto prompt = some_tokens(random, 70);
  const Outcome cold =
      generate(loaded->engine(), "", params(prompt, 3, R"(,"echo":true,"top_logprobs":2)"));
  const Outcome warm =
      generate(loaded->engine(), "", params(prompt, 3, R"(,"echo":true,"top_logprobs":2)"));
  EXPECT_EQ(cached_tokens(warm), 0);
  EXPECT_EQ(warm.meta, cold.meta);
  // Without log-probabilities of the prompt there is nothing to compute.
  const Outcome plain = generate(loaded->engine(), "",
                                 R"({"max_tokens":1,"echo":true,"prompt_tokens":[)" +
                                     params(prompt, 1).substr(params(prompt, 1).find('[') + 1));
  EXPECT_EQ(cached_tokens(plain), 69);
}

// Requests that share beginnings, in every order and at every chunking, warm and cold: the answers
// are bitwise those of the first time.
struct ShuffledModel {
  const char* name;
  KvType kv_type;
};
void PrintTo(const ShuffledModel& model, std::ostream* out) { *out << model.name; }

class Shuffled : public testing::TestWithParam<ShuffledModel> {};

TEST_P(Shuffled, SchedulesChangeNoBit) {
  std::mt19937 random(6);
  const auto stem = some_tokens(random, 150);
  std::vector<std::string> asked;
  for (const int shared : {0, 1, 20, 31, 32, 33, 64, 70, 96, 120, 149}) {
    auto prompt = stem;
    prompt.resize(std::size_t(shared));
    const auto own = some_tokens(random, 1 + int(random() % 30));
    prompt.insert(prompt.end(), own.begin(), own.end());
    asked.push_back(params(prompt, 1 + int(random() % 12)));
  }
  LlmConfig config;
  config.kv_type = GetParam().kv_type;
  std::vector<std::string> want;
  for (const auto& each : asked) {
    auto solo = load_golden(GetParam().name, config);
    want.push_back(generate(solo->engine(), "", each).meta);
  }
  int schedules = 0;
  uint64_t hits = 0, evictions = 0;
  for (const int tokens_per_step : {1, 5, 32, 37, 200}) {
    config.tokens_per_step = tokens_per_step;
    config.sequences = 1 + int(random() % 6);
    config.threads = 1 + tokens_per_step % 2;
    config.kv_cache_mib = 1;
    auto loaded = load_golden(GetParam().name, config);
    Engine& engine = loaded->engine();
    for (int round = 0; round < 80; ++round, ++schedules) {
      std::vector<Outcome> outcomes(asked.size());
      std::vector<std::size_t> order;
      for (std::size_t i = 0; i < asked.size(); ++i)
        if (random() % 3 != 0) order.push_back(i);
      std::shuffle(order.begin(), order.end(), random);
      const std::string space = std::to_string(round / 3);  // cold now and then
      for (const std::size_t i : order) {
        engine.submit(i + 1, std::make_unique<TestClient>(outcomes[i]), "complete", "", asked[i],
                      {.space = space});
        for (int steps = int(random() % 4); steps > 0; --steps) engine.step();
        if (random() % 40 == 0) outcomes[i].cancelled = true;
      }
      while (engine.running() > 0) engine.step();
      for (const std::size_t i : order) {
        if (outcomes[i].cancelled) continue;
        ASSERT_EQ(outcomes[i].meta, want[i]) << "request " << i << " of schedule " << schedules;
      }
    }
    hits += engine.counts().cache.prefix_hits;
    evictions += engine.counts().cache.evictions;
    EXPECT_EQ(engine.counts().blocks_used, 0);
  }
  EXPECT_EQ(schedules, 400);
  EXPECT_GT(hits, 800u);
  EXPECT_GT(evictions, 100u);
}

const ShuffledModel kShuffled[] = {
    {"llama", KvType::f16},  {"llama", KvType::int8},      {"llama", KvType::int4},
    {"qwen2", KvType::bf16}, {"gemma3", KvType::int8},     {"qwen3moe", KvType::f32},
    {"qwen3", KvType::int4}, {"deepseek-v3", KvType::f16},
};
INSTANTIATE_TEST_SUITE_P(Models, Shuffled, testing::ValuesIn(kShuffled));

}  // namespace
}  // namespace serval::llm
