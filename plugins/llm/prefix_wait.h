// When it is better not to start yet: requests with the same beginning that come at the same time
// are to compute it once.
#pragma once

#include <span>

#include "plugins/llm/kv_cache.h"

namespace serval::llm {

// The sequence of `running` to wait for: it comes before `sequence` in order, is on its way through
// tokens that `sequence` begins with too, and will have put at least a block more of them into the
// cache than is there now; of several, the one that will have put most. That one is served before
// `sequence` in every step, so nothing is lost by the wait, and it ends with the other's prompt.
// nullptr: there is none.
Sequence* prefix_source(const Sequence& sequence, std::span<Sequence* const> running,
                        const KvCache& cache);

}  // namespace serval::llm
