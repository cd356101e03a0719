#include "plugins/llm/prefix_wait.h"

#include <algorithm>

namespace serval::llm {

Sequence* prefix_source(const Sequence& sequence, std::span<Sequence* const> running,
                        const KvCache& cache) {
  const int most = std::min(sequence.reusable, sequence.size() - 1);
  Sequence* source = nullptr;
  int offered = 0;  // first tokens of `sequence` that it will have put into the cache
  for (Sequence* other : running) {
    const int reach = std::min(most, other->size());
    if (other->parked || reach - other->computed < kBlockTokens ||
        !before(other->rank, sequence.rank) || other->space != sequence.space)
      continue;
    const auto begin = sequence.tokens.begin();
    const auto end = std::mismatch(begin, begin + reach, other->tokens.begin()).first;
    const int offer = int(end - begin) / kBlockTokens * kBlockTokens;
    if (offer <= offered) continue;
    offered = offer;
    source = other;
  }
  return source != nullptr && offered - cache.cached(sequence) >= kBlockTokens ? source : nullptr;
}

}  // namespace serval::llm
