#include "plugins/whisper/decoding/search.h"

#include <map>

#include "tests/plugins/whisper/decoding/fake_model.h"

namespace serval::whisper {
namespace {

DecodeOptions plain() {
  DecodeOptions options;
  options.language = "en";
  options.temperatures = {0};
  options.suppress = {};
  options.compression_ratio_threshold = 1e6f;
  options.log_prob_threshold = -1e6f;
  options.max_new_tokens = 12;
  return options;
}

// Beam search as CTranslate2's documentation of steps has it, on whole histories, nothing reused.
struct Reference {
  struct Beam {
    Ids tokens;
    double score;
    TokenId next;
  };
  const DecodeOptions& options;
  const Ids head;
  std::vector<Beam> finished;

  std::vector<Beam> candidates(const std::vector<Beam>& beams) const {
    const LogitRules rules(small_tokenizer(), options, ops());
    std::vector<Beam> out;
    for (const Beam& beam : beams) {
      Ids memory = head;
      memory.insert(memory.end(), beam.tokens.begin(), beam.tokens.end());
      std::vector<float> logits(std::size_t(small_tokenizer().vocab_size()));
      hashed_logits(memory, logits);
      const double total = double(rules.apply(logits, beam.tokens, 0));
      for (std::size_t i = 0; i < logits.size(); ++i)
        if (logits[i] > -INFINITY)
          out.push_back({beam.tokens, beam.score + double(logits[i]) - total, TokenId(i)});
    }
    std::stable_sort(out.begin(), out.end(),
                     [](const Beam& a, const Beam& b) { return a.score > b.score; });
    return out;
  }

  Beam run(int width, std::size_t enough) {
    const TokenId eot = small_tokenizer().special().eot;
    std::vector<Beam> beams{{{}, 0, 0}};
    for (int step = 1; finished.size() < enough; ++step) {
      const std::vector<Beam> all = candidates(beams);
      const bool last = step == options.max_new_tokens;
      std::size_t spare = std::size_t(width);
      beams.clear();
      for (std::size_t k = 0; k < std::size_t(width); ++k) {
        Beam one = all[k];
        if (one.next == eot || last) {
          if (one.next != eot) one.tokens.push_back(one.next);
          finished.push_back(one);
          while (all[spare].next == eot) ++spare;
          one = all[spare++];
        }
        one.tokens.push_back(one.next);
        beams.push_back(one);
      }
      if (last) break;
    }
    const auto score = [&](const Beam& beam) {
      return beam.score / std::pow(double(beam.tokens.size()), double(options.length_penalty));
    };
    return *std::max_element(finished.begin(), finished.end(),
                             [&](const Beam& a, const Beam& b) { return score(a) < score(b); });
  }
};

TEST(BeamSearch, EqualsAPlainSearchOverHistories) {
  int with_more_than_greedy = 0;
  for (int width : {2, 3, 5})
    for (float patience : {1.f, 2.f})
      for (float penalty : {1.f, .5f})
        for (TokenId first = 300; first < 306; ++first) {
          DecodeOptions options = plain();
          options.beam_size = width;
          options.patience = patience;
          options.length_penalty = penalty;
          Window window;
          window.previous = {first};  // another table of logits
          FakeModel model(hashed_logits);
          WindowDecoder decoder(small_tokenizer(), options, ops(), window);
          const WindowResult got = model.run(decoder);

          const Prompt prompt =
              build_prompt(small_tokenizer(), options, small_tokenizer().find_language_token("en"),
                           window.previous);
          Ids head = prompt.context;
          head.insert(head.end(), prompt.head.begin(), prompt.head.end());
          Reference reference{options, head, {}};
          const auto want = reference.run(width, std::size_t(std::lround(float(width) * patience)));
          EXPECT_EQ(got.tokens, want.tokens);
          EXPECT_NEAR(got.avg_logprob, want.score / double(want.tokens.size() + 1), 1e-4);

          options.beam_size = 1;
          WindowDecoder greedy(small_tokenizer(), options, ops(), window);
          with_more_than_greedy += model.run(greedy).tokens != got.tokens;
        }
  EXPECT_GT(with_more_than_greedy, 20);  // else the cases would show nothing
}

TEST(BeamSearch, WithoutALengthPenaltyTheFirstToEndWins) {
  DecodeOptions options = plain();
  options.beam_size = 4;
  options.length_penalty = 0;
  FakeModel model(scripted({300, 301}));
  WindowDecoder decoder(small_tokenizer(), options, ops(), {});
  EXPECT_EQ(model.run(decoder).tokens, (Ids{300, 301}));
  EXPECT_EQ(model.steps(), 3);  // head, 300, 301
}

TEST(BeamSearch, FewTokensLeftMakeFewBeams) {
  DecodeOptions options = plain();
  options.beam_size = 8;
  options.timestamps = Timestamps::segment;
  options.max_initial_timestamp = 0;  // one first token
  FakeModel model(hashed_logits);
  WindowDecoder decoder(small_tokenizer(), options, ops(), {});
  model.step(decoder);
  EXPECT_EQ(decoder.asks().size(), 1u);
  model.run(decoder);
  EXPECT_EQ(decoder.result().verdict, Verdict::good);
}

TEST(GreedySearch, StopsAtTheLimit) {
  DecodeOptions options = plain();
  options.max_new_tokens = 0;
  FakeModel model(scripted(Ids(1000, 300)));
  WindowDecoder decoder(small_tokenizer(), options, ops(), {});
  EXPECT_EQ(model.run(decoder).tokens.size(), 224u);
}

TEST(SampledSearch, TheSeedDecides) {
  const auto tokens = [](uint64_t seed) {
    DecodeOptions options = plain();
    options.temperatures = {1};
    options.seed = seed;
    FakeModel model(hashed_logits);
    WindowDecoder decoder(small_tokenizer(), options, ops(), {});
    return model.run(decoder).tokens;
  };
  EXPECT_EQ(tokens(1), tokens(1));
  EXPECT_NE(tokens(1), tokens(2));
}

TEST(SampledSearch, DrawsByProbability) {
  // Three tokens of 0.5, 0.3 and 0.2 at temperature 0.5: odds of 25 : 9 : 4.
  std::map<TokenId, int> counts;
  const LogitRules rules(small_tokenizer(), plain(), ops());
  for (int seed = 0; seed < 3000; ++seed) {
    std::vector<float> logits(1933, -INFINITY);
    logits[300] = std::log(.5f);
    logits[301] = std::log(.3f);
    logits[302] = std::log(.2f);
    Search::Plan plan{{}, 1, small_tokenizer().special().eot, 1};
    const auto search = make_sampled_search(rules, plan, .5f, 1, uint64_t(seed), 0);
    search->step(std::vector{std::span(logits)});
    ASSERT_TRUE(search->done());
    ++counts[search->best()->tokens[0]];
  }
  EXPECT_NEAR(counts[300], 3000 * 25 / 38, 120);
  EXPECT_NEAR(counts[301], 3000 * 9 / 38, 120);
}

TEST(SampledSearch, TakesTheLikeliestOfSeveral) {
  const auto average = [](int best_of) {
    DecodeOptions options = plain();
    options.temperatures = {1};
    double sum = 0;
    for (TokenId first = 300; first < 330; ++first) {
      options.best_of = best_of;
      Window window;
      window.previous = {first};
      FakeModel model(hashed_logits);
      WindowDecoder decoder(small_tokenizer(), options, ops(), window);
      sum += double(model.run(decoder).avg_logprob);
    }
    return sum / 30;
  };
  EXPECT_GT(average(8), average(1) + .3);
}

}  // namespace
}  // namespace serval::whisper
