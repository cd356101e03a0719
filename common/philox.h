// Random numbers by position: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as
// 1, 2, 3", 2011). No state, so a draw does not depend on what else was drawn.
#pragma once

#include <cstdint>

namespace serval {

// A number in [0, 1) that depends on its arguments only.
double philox_uniform(uint64_t seed, uint32_t stream, uint64_t counter);

}  // namespace serval
