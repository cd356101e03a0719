#include "plugins/whisper/decoding/search.h"

#include <algorithm>
#include <cmath>

namespace serval::whisper {

void Search::finish(std::vector<TokenId> tokens, double sum_logprob) {
  finished_.push_back({std::move(tokens), sum_logprob});
}

const Finished* Search::best() const {
  const Finished* best = nullptr;
  double highest = 0;
  for (const Finished& one : finished_) {
    const double length = double(std::max<std::size_t>(one.tokens.size(), 1));
    const double score = one.sum_logprob / std::pow(length, double(plan_.length_penalty));
    if (best != nullptr && score <= highest) continue;
    best = &one;
    highest = score;
  }
  return best;
}

}  // namespace serval::whisper
