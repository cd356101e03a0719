#include "plugins/whisper/decoding/logit_rules.h"

#include <cmath>

#include "tests/plugins/whisper/decoding/golden.h"

namespace serval::whisper {
namespace {

std::vector<float> row(int fill_case, float shift_of_times) {
  std::vector<float> out(std::size_t(small_tokenizer().vocab_size()));
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = float((i * 7919 + std::size_t(fill_case) * 104729) % 1009) / 64 - 8;
    if (int(i) >= small_tokenizer().special().timestamp_begin) out[i] += shift_of_times;
  }
  return out;
}

std::vector<TokenId> forbidden(const std::vector<float>& logits) {
  std::vector<TokenId> out;
  for (std::size_t i = 0; i < logits.size(); ++i)
    if (logits[i] == -INFINITY) out.push_back(TokenId(i));
  return out;
}

TEST(LogitRules, EqualOpenAisFilters) {
  const json::value cases = golden("rules.json");
  for (const json::value& one : cases.as_array()) {
    DecodeOptions options;
    options.timestamps = one.at("timestamps").as_bool() ? Timestamps::segment : Timestamps::none;
    const LogitRules rules(small_tokenizer(), options, ops());
    std::vector<float> logits =
        row(one.at("case").to_number<int>(), one.at("shift").to_number<float>());
    const float total = rules.apply(logits, row_of<TokenId>(one.at("tokens")), 0);
    std::vector<TokenId> wanted;
    for (const json::value& run : one.at("forbidden").as_array())
      for (int id = run.at(0).to_number<int>(); id < run.at(1).to_number<int>(); ++id)
        wanted.push_back(id);
    EXPECT_EQ(forbidden(logits), wanted) << one;
    EXPECT_NEAR(total, one.at("log_sum_exp").to_number<float>(), 1e-4) << one;
  }
}

// Which ids are ruled out after `tokens`, beside those that always are.
std::vector<TokenId> also_forbidden(const DecodeOptions& options, std::vector<TokenId> tokens,
                                    std::size_t prefix = 0) {
  DecodeOptions plain;
  plain.timestamps = options.timestamps;
  plain.suppress_blank = false;
  std::vector<float> with = row(1, -20), without = with;
  LogitRules(small_tokenizer(), options, ops()).apply(with, tokens, prefix);
  LogitRules(small_tokenizer(), plain, ops()).apply(without, tokens, prefix);
  std::vector<TokenId> out;
  for (std::size_t i = 0; i < with.size(); ++i)
    if (with[i] == -INFINITY && without[i] != -INFINITY) out.push_back(TokenId(i));
  return out;
}

TEST(LogitRules, NoNgramComesTwice) {
  DecodeOptions options;
  options.suppress_blank = false;
  options.no_repeat_ngram = 3;
  using Ids = std::vector<TokenId>;
  EXPECT_EQ(also_forbidden(options, {300, 301}), Ids());
  EXPECT_EQ(also_forbidden(options, {300, 301, 302, 300, 301}), Ids({302}));
  EXPECT_EQ(also_forbidden(options, {300, 301, 302, 300, 301, 303, 300, 301}), Ids({302, 303}));
  options.no_repeat_ngram = 1;
  EXPECT_EQ(also_forbidden(options, {300, 305, 300}), Ids({300, 305}));
}

TEST(LogitRules, RepetitionIsPenalisedOnce) {
  DecodeOptions options;
  options.repetition_penalty = 2;
  std::vector<float> logits(1933, 0);
  logits[300] = 4;
  logits[301] = -4;
  logits[302] = 4;
  const std::vector<TokenId> tokens{300, 301, 300};
  LogitRules(small_tokenizer(), options, ops()).apply(logits, tokens, 0);
  EXPECT_EQ(logits[300], 2);
  EXPECT_EQ(logits[301], -8);
  EXPECT_EQ(logits[302], 4);
}

TEST(LogitRules, SuppressesWhatIsAskedFor) {
  DecodeOptions options;
  options.suppress_blank = false;
  options.suppress = {300, -1};
  EXPECT_EQ(also_forbidden(options, {301}), std::vector<TokenId>({300}));
  options.suppress = {};
  std::vector<float> logits = row(1, 0);
  LogitRules(small_tokenizer(), options, ops()).apply(logits, {}, 0);
  EXPECT_EQ(forbidden(logits).size(), 6u);  // what steers is never text
}

TEST(LogitRules, AfterAPrefixTheFirstTokenNeedBeNoTime) {
  DecodeOptions options;
  options.timestamps = Timestamps::segment;
  const TokenId begin = small_tokenizer().special().timestamp_begin;
  std::vector<float> logits = row(1, -20);
  LogitRules(small_tokenizer(), options, ops()).apply(logits, std::vector<TokenId>{begin, 300}, 2);
  EXPECT_NE(logits[301], -INFINITY);
  EXPECT_EQ(logits[std::size_t(small_tokenizer().special().eot)], -INFINITY);  // blank
}

TEST(LogitRules, FirstTimeIsBounded) {
  DecodeOptions options;
  options.timestamps = Timestamps::segment;
  options.max_initial_timestamp = 0;
  std::vector<float> logits = row(1, 0);
  LogitRules(small_tokenizer(), options, ops()).apply(logits, {}, 0);
  EXPECT_EQ(forbidden(logits).size(), logits.size() - 1);
  options.max_initial_timestamp = 30;
  logits = row(1, 0);
  LogitRules(small_tokenizer(), options, ops()).apply(logits, {}, 0);
  EXPECT_EQ(forbidden(logits).size(), logits.size() - kTimestamps);
}

TEST(LogitRules, SayWhenALogitIsNoNumber) {
  for (const Timestamps timestamps : {Timestamps::none, Timestamps::segment}) {
    DecodeOptions options;
    options.timestamps = timestamps;
    std::vector<float> logits(1933, NAN);
    const float total =
        LogitRules(small_tokenizer(), options, ops()).apply(logits, std::vector<TokenId>{300}, 0);
    EXPECT_FALSE(std::isfinite(total));
  }
}

}  // namespace
}  // namespace serval::whisper
