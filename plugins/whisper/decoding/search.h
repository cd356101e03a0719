// Finds a row of tokens for a window, one token a step: greedily, by samples, or by beams.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "plugins/whisper/decoding/logit_rules.h"

namespace serval::whisper {

// A hypothesis that wants its next token's logits. Its last token is to be run in `slot`, whose
// memory first becomes a copy of `parent`'s where the two differ. A slot that is copied into is
// never copied from in the same step, so the order of the copies does not matter.
struct Extension {
  int slot, parent;
  std::span<const TokenId> token;  // one; lives until the next step
};

struct Finished {
  std::vector<TokenId> tokens;  // those of the prefix first; without the end of text
  double sum_logprob = 0;       // of the sampled tokens and the end, at temperature 1
  // ln-probability per token, the end counted; what thresholds are compared with.
  double average(std::size_t prefix) const {
    return sum_logprob / double(tokens.size() - prefix + 1);
  }
};

// Of one thread. Slots are 0 to count - 1; the prompt and the prefix are in slot 0.
class Search {
 public:
  struct Plan {
    std::vector<TokenId> prefix;
    int most_tokens = 1;  // of the result, with those of the prefix
    TokenId eot = 0;
    float length_penalty = 1;
  };
  virtual ~Search() = default;

  // logits: one row [vocab] for each extension, of its token; at first one row, of the prefix's
  // or the prompt's last token. Rows are overwritten. REQUIRES: !done()
  virtual void step(std::span<const std::span<float>> logits) = 0;
  virtual std::span<const Extension> extensions() const = 0;
  // Tokens of the longest hypothesis that goes on, those of the prefix left out.
  virtual std::size_t length() const = 0;
  bool done() const { return extensions().empty() && started_; }
  // The best by sum_logprob / length ^ length_penalty; nullptr: there is none, because the model
  // gave no numbers or the rules left no token. REQUIRES: done()
  const Finished* best() const;

 protected:
  explicit Search(Plan plan) : plan_(std::move(plan)) {}
  void finish(std::vector<TokenId> tokens, double sum_logprob);

  const Plan plan_;
  std::vector<Finished> finished_;
  bool started_ = false;
};

// `count` samples beside each other; temperature 0: the greatest logit, count 1. What is drawn
// depends on seed, round, sample and position only. rules must live as long as the search.
std::unique_ptr<Search> make_sampled_search(const LogitRules& rules, Search::Plan plan,
                                            float temperature, int count, uint64_t seed, int round);

// As CTranslate2's: twice as many candidates as beams; finished hypotheses give their place to the
// next candidate; ends with round(beams * patience) of them.
std::unique_ptr<Search> make_beam_search(const LogitRules& rules, Search::Plan plan, int beams,
                                         float patience);

}  // namespace serval::whisper
