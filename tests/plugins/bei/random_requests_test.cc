// Random requests, slow readers and cancels: nobody gets a wrong vector, nobody is forgotten.
#include <random>

#include "tests/plugins/bei/test_model.h"

namespace serval::bei {
namespace {

struct Wanted {
  std::vector<std::string> texts;
  Outcome outcome;
  int takes;  // events a turn
};

class BeiRandom : public testing::TestWithParam<int> {};

TEST_P(BeiRandom, EveryResultIsThatOfTheTextAlone) {
  std::mt19937 random(unsigned(GetParam()) * 7919u);
  const auto below = [&](int most) { return int(random() % unsigned(most)); };
  BeiConfig config = with_precision(Precision::int8);
  const auto alone = load(golden_path("mpnet"), config);
  config.tokens_per_step = 64 + below(400);
  config.tokenizer_threads = below(3);
  config.threads = 1 + below(3);
  config.cache_mib = below(2);
  const auto loaded = load(golden_path("mpnet"), config);
  ASSERT_TRUE(alone && loaded);
  std::map<std::string, std::vector<float>> vectors;
  std::vector<std::string> texts;
  for (int i = 0; i < 40; ++i) {
    std::string text;
    for (int words = 1 + below(40); words > 0; --words) text += below(2) ? "cat " : "red dog ";
    text.resize(std::size_t(1 + below(int(text.size()))));
    texts.push_back(text);
    vectors[text] = ask(alone->engine(), "embed", {text}, R"({"truncate":true})").vectors.at(0);
  }

  Engine& engine = loaded->engine();
  std::vector<std::unique_ptr<Wanted>> all;
  for (int turn = 0; turn < 400; ++turn) {
    if (turn < 200 && below(3) == 0) {
      auto wanted = std::make_unique<Wanted>();
      for (int n = below(8) == 0 ? 1 + below(100) : 1; n > 0; --n)
        wanted->texts.push_back(texts[std::size_t(below(int(texts.size())))]);
      wanted->takes = below(4) == 0 ? 1 + below(9) : 1 << 20;
      wanted->outcome.credit = wanted->takes;
      const char* space = below(2) == 0 ? "one" : "two";
      submit(engine, all.size() + 1, wanted->outcome, "embed", wanted->texts,
             R"({"truncate":true})", {below(3), 0, space});
      all.push_back(std::move(wanted));
    }
    if (!all.empty() && below(10) == 0) {
      Outcome& some = all[std::size_t(below(int(all.size())))]->outcome;
      if (!some.ended) some.cancelled = true;
    }
    engine.step();
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (all[i]->outcome.ended || below(2) == 0) continue;
      all[i]->outcome.credit = all[i]->takes;
      engine.writable(i + 1);
    }
  }
  for (int turn = 0; turn < 100'000 && engine.running() > 0; ++turn) {
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (all[i]->outcome.ended) continue;
      all[i]->outcome.credit = all[i]->takes;
      engine.writable(i + 1);
    }
    engine.step();
  }
  int finished = 0;
  for (const auto& wanted : all) {
    const Outcome& outcome = wanted->outcome;
    ASSERT_TRUE(outcome.ended);
    if (!outcome.cancelled) {
      ASSERT_EQ(outcome.error.code, Code::ok) << outcome.error.message;
    }
    if (outcome.error.code == Code::ok) {
      ++finished;
      ASSERT_EQ(outcome.vectors.size(), wanted->texts.size());
    }
    for (const auto& [index, vector] : outcome.vectors)
      ASSERT_EQ(vector, vectors[wanted->texts[std::size_t(index)]]);
  }
  EXPECT_GT(finished, 5);
}
INSTANTIATE_TEST_SUITE_P(Seeds, BeiRandom, testing::Range(1, 13));

}  // namespace
}  // namespace serval::bei
