#include <algorithm>
#include <cmath>

#include "plugins/whisper/decoding/search.h"

namespace serval::whisper {
namespace {

struct Beam {
  int slot = 0;
  std::vector<TokenId> tokens;
  double score = 0;  // ln-probability
};

struct Candidate {
  double score;
  int beam;
  TokenId token;
  // Better first; of equals the one of the earlier beam, then of the lower id.
  bool operator<(const Candidate& other) const {
    if (score != other.score) return score > other.score;
    return beam != other.beam ? beam < other.beam : token < other.token;
  }
};

class BeamSearch final : public Search {
 public:
  BeamSearch(const LogitRules& rules, Plan plan, int beams, float patience)
      : Search(std::move(plan)),
        rules_(rules),
        width_(std::size_t(beams)),
        enough_(std::size_t(std::lround(float(beams) * patience))) {
    alive_.push_back({0, plan_.prefix});
  }

  void step(std::span<const std::span<float>> logits) override {
    started_ = true;
    candidates_.clear();
    for (std::size_t i = 0; i < alive_.size(); ++i) {
      Beam& beam = alive_[i];
      const float total = rules_.apply(logits[i], beam.tokens, plan_.prefix.size());
      if (std::isfinite(total)) collect(int(i), logits[i], beam.score - double(total));
    }
    std::sort(candidates_.begin(), candidates_.end());
    if (candidates_.size() > 2 * width_) candidates_.resize(2 * width_);
    advance(choose());
  }

  std::span<const Extension> extensions() const override { return extensions_; }

  std::size_t length() const override {  // of all alike
    return alive_.empty() ? 0 : alive_[0].tokens.size() - plan_.prefix.size();
  }

 private:
  // Of one beam, the best 2 * width_ tokens. logits + offset: the score a token would make.
  void collect(int beam, std::span<const float> logits, double offset) {
    const std::size_t most = 2 * width_;
    row_.clear();  // a heap, worst on top
    for (std::size_t i = 0; i < logits.size(); ++i) {
      if (!(logits[i] > -INFINITY)) continue;
      const Candidate one{double(logits[i]) + offset, beam, TokenId(i)};
      if (row_.size() == most && !(one < row_.front())) continue;
      if (row_.size() == most) {
        std::pop_heap(row_.begin(), row_.end());
        row_.pop_back();
      }
      row_.push_back(one);
      std::push_heap(row_.begin(), row_.end());
    }
    candidates_.insert(candidates_.end(), row_.begin(), row_.end());
  }

  // The candidates that live on; those of the first `width_` that end are finished, and the next
  // ones take their places. Empty at the end of the search.
  std::vector<Candidate> choose() {
    std::vector<Candidate> next;
    const bool last_step = int(alive_[0].tokens.size()) + 1 >= plan_.most_tokens;
    bool best_ended = false;
    std::size_t spare = width_;
    for (std::size_t i = 0; i < std::min(width_, candidates_.size()); ++i) {
      const Candidate& one = candidates_[i];
      const bool ends = one.token == plan_.eot;
      if (!ends && !last_step) {
        next.push_back(one);
        continue;
      }
      best_ended = best_ended || i == 0;
      std::vector<TokenId> tokens = alive_[std::size_t(one.beam)].tokens;
      if (!ends) tokens.push_back(one.token);
      finish(std::move(tokens), one.score);
      while (spare < candidates_.size() && candidates_[spare].token == plan_.eot) ++spare;
      if (spare < candidates_.size()) next.push_back(candidates_[spare++]);
    }
    // Without a penalty nothing longer can overtake the best.
    const bool over = plan_.length_penalty == 0 ? best_ended : finished_.size() >= enough_;
    if (last_step || over) next.clear();
    return next;
  }

  void advance(const std::vector<Candidate>& chosen) {
    std::vector<Beam> next(chosen.size());
    std::vector<int> parents(chosen.size());
    std::vector<bool> used(width_, false);
    std::vector<std::size_t> homeless;
    for (std::size_t i = 0; i < chosen.size(); ++i) {
      const Beam& from = alive_[std::size_t(chosen[i].beam)];
      next[i] = {from.slot, from.tokens, chosen[i].score};
      next[i].tokens.push_back(chosen[i].token);
      parents[i] = from.slot;
      if (used[std::size_t(from.slot)]) homeless.push_back(i);  // the first child has the slot
      used[std::size_t(from.slot)] = true;
    }
    std::size_t slot = 0;
    for (const std::size_t i : homeless) {
      while (used[slot]) ++slot;
      used[slot] = true;
      next[i].slot = int(slot);
    }
    alive_ = std::move(next);
    extensions_.clear();
    for (std::size_t i = 0; i < alive_.size(); ++i)
      extensions_.push_back({alive_[i].slot, parents[i], std::span(alive_[i].tokens).last(1)});
  }

  const LogitRules& rules_;
  const std::size_t width_, enough_;
  std::vector<Beam> alive_;
  std::vector<Candidate> candidates_, row_;
  std::vector<Extension> extensions_;
};

}  // namespace

std::unique_ptr<Search> make_beam_search(const LogitRules& rules, Search::Plan plan, int beams,
                                         float patience) {
  return std::make_unique<BeamSearch>(rules, std::move(plan), beams, patience);
}

}  // namespace serval::whisper
