// Requests through the engine: order, sharing, limits, ends.
#include <algorithm>
#include <random>

#include "plugins/bei/outputs.h"
#include "tests/plugins/bei/test_model.h"

namespace serval::bei {
namespace {

// Texts of 1 to 40 words.
std::vector<std::string> some_texts(int count, unsigned seed) {
  const char* words[] = {"red",  "blue", "cat", "dog", "sees",
                         "runs", "park", "the", "x",   "runsing"};
  std::mt19937 random(seed);
  std::vector<std::string> texts;
  for (int i = 0; i < count; ++i) {
    std::string text;
    for (unsigned n = 1 + random() % 40; n > 0; --n)
      text += std::string(text.empty() ? "" : " ") + words[random() % std::size(words)];
    texts.push_back(text);
  }
  return texts;
}

BeiConfig small_steps(Precision precision = Precision::f32) {
  BeiConfig config = with_precision(precision);
  config.tokens_per_step = 64;
  return config;
}

class BeiEngine : public testing::TestWithParam<Precision> {};

// The contract of the whole plugin: what stands beside a text in a batch changes no bit of its
// result.
TEST_P(BeiEngine, ATextIsBitwiseTheSameAloneAndInAnyBatch) {
  for (const char* model : {"bert", "mpnet", "modernbert", "nomic", "qwen3"}) {
    std::vector<std::string> texts = some_texts(60, 7);
    BeiConfig config = with_precision(GetParam());
    const auto loaded = load(golden_path(model), config);
    ASSERT_TRUE(loaded);
    std::map<std::string, std::vector<float>> alone;
    for (const std::string& text : texts)
      alone[text] = ask(loaded->engine(), "embed", {text}, R"({"truncate":true})").vectors.at(0);
    std::mt19937 random(11);
    for (const int tokens : {64, 300, 4096}) {
      for (const int threads : {1, 2, 3}) {
        config.tokens_per_step = tokens;
        config.threads = threads;
        const auto other = load(golden_path(model), config);
        ASSERT_TRUE(other);
        std::shuffle(texts.begin(), texts.end(), random);
        const Outcome out = ask(other->engine(), "embed", texts, R"({"truncate":true})");
        for (std::size_t i = 0; i < texts.size(); ++i)
          ASSERT_EQ(out.vectors.at(int(i)), alone[texts[i]])
              << model << ", " << tokens << " tokens a step, " << threads
              << " threads: " << texts[i];
      }
    }
  }
}
INSTANTIATE_TEST_SUITE_P(Precisions, BeiEngine,
                         testing::Values(Precision::f32, Precision::bf16, Precision::int8),
                         [](const auto& info) { return precision_name(info.param); });

// A thousand texts of one request and a short one that comes later: it is in the next step.
TEST(BeiEngineOrder, ABatchDoesNotHoldUpAShortText) {
  const auto loaded = load(golden_path("bert"), small_steps());
  ASSERT_TRUE(loaded);
  Engine& engine = loaded->engine();
  const std::vector<std::string> many = some_texts(1000, 3), one{"blue cat"};
  Outcome batch, query;
  submit(engine, 1, batch, "embed", many);
  for (int i = 0; i < 3; ++i) engine.step();
  submit(engine, 2, query, "embed", one);
  engine.step();
  EXPECT_TRUE(query.ended);
  EXPECT_FALSE(batch.ended);
  while (!batch.ended) ASSERT_TRUE(engine.step());
  EXPECT_EQ(batch.error.code, Code::ok) << batch.error.message;
  EXPECT_EQ(batch.vectors.size(), many.size());
}

// A thousand texts that are only to be tokenized: nobody waits for them.
TEST(BeiEngineOrder, TokenizingDoesNotHoldUpAShortText) {
  for (const int threads : {0, 1}) {
    BeiConfig config = small_steps();
    config.tokenizer_threads = threads;
    const auto loaded = load(golden_path("bert"), config);
    ASSERT_TRUE(loaded);
    Engine& engine = loaded->engine();
    std::vector<std::string> many, one{"blue cat"};
    for (int i = 0; i < 1000; ++i) many.push_back(std::string(20'000, 'a') + std::to_string(i));
    Outcome tokens, query;
    submit(engine, 1, tokens, "tokenize", many);
    engine.step();
    submit(engine, 2, query, "embed", one);
    engine.step();
    EXPECT_TRUE(query.ended);
    EXPECT_FALSE(tokens.ended);
    while (!tokens.ended) ASSERT_TRUE(engine.step());
    EXPECT_EQ(tokens.texts.size(), many.size());
  }
}

// One request of many texts takes the steps that as many requests of one text take.
TEST(BeiEngineOrder, ABatchAndManyRequestsAreAlike) {
  std::vector<std::string> texts = some_texts(200, 5);
  std::sort(texts.begin(), texts.end());
  texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
  BeiConfig config = small_steps();
  config.tokens_per_step = 512;
  const auto loaded = load(golden_path("bert"), config);
  ASSERT_TRUE(loaded);
  Engine& engine = loaded->engine();
  const Outcome batch = ask(engine, "embed", texts);
  const uint64_t batch_steps = engine.counts().steps;
  std::vector<Outcome> singles(texts.size());
  std::vector<std::vector<std::string>> inputs;
  for (const std::string& text : texts) inputs.push_back({text});
  for (std::size_t i = 0; i < texts.size(); ++i)
    submit(engine, i + 1, singles[i], "embed", inputs[i]);
  while (engine.running() > 0) ASSERT_TRUE(engine.step());
  const uint64_t single_steps = engine.counts().steps - batch_steps;
  EXPECT_LE(std::max(single_steps, batch_steps), std::min(single_steps, batch_steps) + 2);
  for (std::size_t i = 0; i < texts.size(); ++i)
    EXPECT_EQ(singles[i].vectors.at(0), batch.vectors.at(int(i)));
}

TEST(BeiEngineEnds, ACancelledRequestIsGoneInOneStep) {
  const auto loaded = load(golden_path("bert"), small_steps());
  ASSERT_TRUE(loaded);
  Engine& engine = loaded->engine();
  const std::vector<std::string> many = some_texts(500, 9);
  Outcome gone, other;
  submit(engine, 1, gone, "embed", many);
  submit(engine, 2, other, "embed", many);
  engine.step();
  gone.cancelled = true;
  engine.step();
  EXPECT_EQ(gone.error.code, Code::cancelled);
  while (!other.ended) ASSERT_TRUE(engine.step());
  EXPECT_EQ(other.vectors.size(), many.size());
}

TEST(BeiEngineEnds, AbortEndsAll) {
  const auto loaded = load(golden_path("bert"), small_steps());
  ASSERT_TRUE(loaded);
  Engine& engine = loaded->engine();
  const std::vector<std::string> many = some_texts(500, 9);
  std::vector<Outcome> outcomes(4);
  for (std::size_t i = 0; i < outcomes.size(); ++i)
    submit(engine, i + 1, outcomes[i], "embed", many);
  engine.step();
  engine.abort(error(Code::unavailable, "the model is stopping"));
  for (const Outcome& outcome : outcomes) EXPECT_EQ(outcome.error.code, Code::unavailable);
  EXPECT_EQ(engine.running(), 0u);
}

// A slow reader parks its own request, loses nothing, and little is kept for it.
TEST(BeiEngineEnds, ASlowReaderParksItsOwnRequest) {
  const auto loaded = load(golden_path("bert"), small_steps());
  ASSERT_TRUE(loaded);
  Engine& engine = loaded->engine();
  const std::vector<std::string> many = some_texts(300, 13);
  Outcome slow, other;
  slow.credit = 3;
  submit(engine, 1, slow, "embed", many);
  submit(engine, 2, other, "embed", many);
  while (!other.ended) ASSERT_TRUE(engine.step());
  EXPECT_FALSE(slow.ended);
  EXPECT_LT(slow.most_kept, 64);
  EXPECT_FALSE(engine.step());  // nothing to do: the loop may sleep
  for (int i = 0; i < 1000 && !slow.ended; ++i) {
    slow.credit = 7;
    engine.writable(1);
    engine.step();
  }
  EXPECT_TRUE(slow.ended);
  EXPECT_EQ(slow.vectors, other.vectors);
}

// What slow readers leave lying is bounded, also of a result that many copies share.
TEST(BeiEngineEnds, LittleIsKeptForSlowReaders) {
  const auto loaded = load(golden_path("bert"), small_steps());
  ASSERT_TRUE(loaded);
  EngineParts parts;
  parts.tokenizer = &loaded->tokenizer();
  parts.model = &loaded->model();
  parts.facts = loaded->facts();
  parts.tokens_per_step = 64;
  parts.most_kept_bytes = 30'000;  // some ten results of one vector a token
  parts.clock = steady_ns;
  Engine engine(std::move(parts));
  std::vector<std::string> texts(500, "red cat"), others = some_texts(40, 3);
  texts.insert(texts.begin() + 250, others.begin(), others.end());
  const std::string params = R"({"pooling":"none"})";
  Outcome slow, slow_too, quick;
  slow.credit = slow_too.credit = 1;
  submit(engine, 1, slow, "embed", texts, params);
  submit(engine, 2, slow_too, "embed", texts, params);
  submit(engine, 3, quick, "embed", texts, params);
  while (!quick.ended) ASSERT_TRUE(engine.step());
  EXPECT_LT(slow.kept + slow_too.kept, 20);
  for (int i = 0; i < 10'000 && engine.running() > 0; ++i) {
    slow.credit = slow_too.credit = 5;
    engine.writable(1);
    engine.writable(2);
    engine.step();
  }
  EXPECT_EQ(slow.vectors, quick.vectors);
  EXPECT_EQ(slow_too.vectors, quick.vectors);
  EXPECT_EQ(slow.usage, quick.usage);
}

TEST(BeiEngineSharing, EqualTextsAreComputedOnce) {
  const auto loaded = load(golden_path("bert"), small_steps());
  ASSERT_TRUE(loaded);
  const Outcome out = ask(loaded->engine(), "embed", {"red cat", "blue dog", "red cat", "red cat"});
  EXPECT_EQ(out.vectors.size(), 4u);
  EXPECT_EQ(out.vectors.at(0), out.vectors.at(2));
  EXPECT_EQ(out.vectors.at(0), out.vectors.at(3));
  EXPECT_NE(out.vectors.at(0), out.vectors.at(1));
  EXPECT_EQ(out.usage, R"({"prompt_tokens":16})");
  EXPECT_GT(loaded->engine().counts().tokenize_seconds, 0);
  EXPECT_EQ(loaded->engine().counts().copies, 2u);
  EXPECT_EQ(loaded->engine().counts().tokens, 8u);
}

TEST(BeiEngineSharing, TheCacheIsOfOneSpaceAndExact) {
  BeiConfig config = small_steps();
  config.cache_mib = 1;
  const auto loaded = load(golden_path("bert"), config);
  ASSERT_TRUE(loaded);
  Engine& engine = loaded->engine();
  const RequestInfo mine{0, 0, "mine"}, theirs{0, 0, "theirs"};
  const Outcome first = ask(engine, "embed", {"red cat"}, "{}", mine);
  const Outcome again = ask(engine, "embed", {"red cat"}, "{}", mine);
  EXPECT_EQ(engine.counts().cache_hits, 1u);
  EXPECT_EQ(again.vectors, first.vectors);
  EXPECT_EQ(again.usage, first.usage);
  EXPECT_EQ(again.meta, first.meta);
  // What is done behind the model is not part of the key.
  EXPECT_EQ(ask(engine, "embed", {"red cat"}, R"({"dimensions":3})", mine).vectors.at(0).size(),
            3u);
  EXPECT_EQ(engine.counts().cache_hits, 2u);
  ask(engine, "embed", {"red cat"}, "{}", theirs);
  ask(engine, "embed", {"red cat"}, R"({"prompt":"a "})", mine);
  ask(engine, "embed", {"red  cat"}, "{}", mine);
  EXPECT_EQ(engine.counts().cache_hits, 2u);
}

TEST(BeiEngineSharing, WithoutItsKeyThereIsNoCache) {
  const auto loaded = load(golden_path("bert"), small_steps());
  ASSERT_TRUE(loaded);
  for (int i = 0; i < 3; ++i) ask(loaded->engine(), "embed", {"red cat"});
  EXPECT_EQ(loaded->engine().counts().cache_hits, 0u);
  EXPECT_EQ(loaded->engine().counts().steps, 3u);
}

// More than a step's worth in one text: it has a step to itself.
TEST(BeiEngineLimits, ATextLongerThanAStepRuns) {
  BeiConfig config = small_steps();
  config.max_input_tokens = 64;
  const auto loaded = load(golden_path("bert"), config);
  ASSERT_TRUE(loaded);
  std::string text;
  for (int i = 0; i < 62; ++i) text += "cat ";
  const Outcome out = ask(loaded->engine(), "embed", {text, "red"});
  EXPECT_EQ(out.error.code, Code::ok) << out.error.message;
  EXPECT_EQ(out.vectors.size(), 2u);
}

TEST(BeiEngineLimits, TooLongIsAnErrorOrCut) {
  const auto loaded = load(golden_path("bert"), small_steps());
  ASSERT_TRUE(loaded);
  Engine& engine = loaded->engine();
  std::string text;
  for (int i = 0; i < 100; ++i) text += i < 50 ? "cat " : "dog ";
  const Outcome refused = ask(engine, "embed", {"red", text});
  EXPECT_EQ(refused.error.code, Code::out_of_range);
  EXPECT_NE(refused.error.message.find("input 1 has 102 tokens; at most 50"), std::string::npos)
      << refused.error.message;
  const auto cut = [&](const char* params) {
    return ask(engine, "embed", {text}, params).vectors.at(0);
  };
  std::string cats, dogs;
  for (int i = 0; i < 48; ++i) cats += "cat ", dogs += "dog ";
  const auto whole = [&](const std::string& of) {
    return ask(engine, "embed", {of}).vectors.at(0);
  };
  EXPECT_EQ(cut(R"({"truncate":true})"), whole(cats));
  EXPECT_EQ(cut(R"({"truncate":true,"truncation_side":"left"})"), whole(dogs));
  // The same with tokens.
  std::string ids = "[";
  for (int i = 0; i < 60; ++i) ids += (i > 0 ? "," : "") + std::to_string(5 + i % 9);
  EXPECT_EQ(ask(engine, "embed", {}, "{\"token_ids\":[" + ids + "]]}").error.code,
            Code::out_of_range);
  EXPECT_EQ(ask(engine, "embed", {}, "{\"truncate\":true,\"token_ids\":[" + ids + "]]}").usage,
            R"({"prompt_tokens":50})");
}

}  // namespace
}  // namespace serval::bei
