#include "plugins/llm/prefix_wait.h"

#include <algorithm>

namespace serval::llm {

bool should_wait(const Sequence& sequence, std::span<Sequence* const> running,
                 const KvCache& cache) {
  const int most = std::min(sequence.reusable, sequence.size() - 1);
  int offered = 0;  // first tokens of `sequence` that will be in the cache
  for (const Sequence* other : running) {
    const int reach = std::min(most, other->size());
    if (other->parked || reach - other->computed < kBlockTokens ||
        other->arrival > sequence.arrival || other->space != sequence.space)
      continue;
    const auto begin = sequence.tokens.begin();
    const auto end = std::mismatch(begin, begin + reach, other->tokens.begin()).first;
    offered = std::max(offered, int(end - begin) / kBlockTokens * kBlockTokens);
  }
  return offered > 0 && offered - cache.cached(sequence) >= kBlockTokens;
}

}  // namespace serval::llm
