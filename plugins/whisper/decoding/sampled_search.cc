#include <algorithm>
#include <cmath>

#include "common/philox.h"
#include "plugins/whisper/decoding/search.h"

namespace serval::whisper {
namespace {

struct Sample {
  int slot;
  std::vector<TokenId> tokens;
  double sum_logprob = 0;
  bool alive = true;
};

class SampledSearch final : public Search {
 public:
  SampledSearch(const LogitRules& rules, Plan plan, float temperature, int count, uint64_t seed,
                int round)
      : Search(std::move(plan)),
        rules_(rules),
        temperature_(temperature),
        seed_(seed),
        round_(uint32_t(round)) {
    for (int i = 0; i < count; ++i) samples_.push_back({i, plan_.prefix});
  }

  void step(std::span<const std::span<float>> logits) override {
    if (!started_) {
      started_ = true;
      const float total = rules_.apply(logits[0], plan_.prefix, plan_.prefix.size());
      weigh(logits[0]);
      for (Sample& sample : samples_) take(sample, logits[0], total);
    } else {
      std::size_t row = 0;
      for (Sample& sample : samples_) {
        if (!sample.alive) continue;
        const std::span<float> own = logits[row++];
        const float total = rules_.apply(own, sample.tokens, plan_.prefix.size());
        weigh(own);
        take(sample, own, total);
      }
    }
    extensions_.clear();
    for (const Sample& sample : samples_)
      if (sample.alive)
        extensions_.push_back(
            {sample.slot, first_step_ ? 0 : sample.slot, std::span(sample.tokens).last(1)});
    first_step_ = false;
  }

  std::span<const Extension> extensions() const override { return extensions_; }

  std::size_t length() const override {
    std::size_t longest = plan_.prefix.size();
    for (const Sample& sample : samples_)
      if (sample.alive) longest = std::max(longest, sample.tokens.size());
    return longest - plan_.prefix.size();
  }

 private:
  // weights_: exp((logit - greatest) / temperature), of the row at hand.
  void weigh(std::span<const float> logits) {
    best_ = TokenId(rules_.ops().argmax(logits.data(), int64_t(logits.size())));
    if (temperature_ == 0 || best_ < 0) return;
    weights_.resize(logits.size());
    const float inverse = 1 / temperature_;
    for (std::size_t i = 0; i < logits.size(); ++i) weights_[i] = logits[i] * inverse;
    rules_.ops().exp({.x = weights_.data(),
                      .y = weights_.data(),
                      .n = int64_t(weights_.size()),
                      .shift = weights_[std::size_t(best_)]});
    sum_ = 0;
    for (const float weight : weights_) sum_ += double(weight);
  }

  TokenId draw(const Sample& sample) const {
    if (temperature_ == 0) return best_;
    const uint32_t stream = round_ << 16 | uint32_t(sample.slot);
    const double wanted = sum_ * philox_uniform(seed_, stream, sample.tokens.size());
    double sum = 0;
    TokenId last = best_;
    for (std::size_t i = 0; i < weights_.size(); ++i) {
      if (weights_[i] == 0) continue;
      last = TokenId(i);
      sum += double(weights_[i]);
      if (sum > wanted) break;
    }
    return last;
  }

  void take(Sample& sample, std::span<const float> logits, float total) {
    sample.alive = std::isfinite(total) && best_ >= 0;
    if (!sample.alive) return;  // no result from this one
    const TokenId token = draw(sample);
    sample.sum_logprob += double(logits[std::size_t(token)]) - double(total);
    if (token != plan_.eot) sample.tokens.push_back(token);
    sample.alive = token != plan_.eot && int(sample.tokens.size()) < plan_.most_tokens;
    if (!sample.alive) finish(sample.tokens, sample.sum_logprob);
  }

  const LogitRules& rules_;
  const float temperature_;
  const uint64_t seed_;
  const uint32_t round_;
  bool first_step_ = true;
  std::vector<Sample> samples_;
  std::vector<Extension> extensions_;
  std::vector<float> weights_;
  double sum_ = 0;
  TokenId best_ = -1;
};

}  // namespace

std::unique_ptr<Search> make_sampled_search(const LogitRules& rules, Search::Plan plan,
                                            float temperature, int count, uint64_t seed,
                                            int round) {
  return std::make_unique<SampledSearch>(rules, std::move(plan), temperature,
                                         temperature == 0 ? 1 : count, seed, round);
}

}  // namespace serval::whisper
