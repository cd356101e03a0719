// The tables all_ops() lists, each defined in its own object, and the checks that guard them.
#pragma once

#include "kernels/ops.h"

// Of a micro-kernel's parts: a call would move its sums from registers to memory.
#define SERVAL_INLINE inline __attribute__((always_inline))

namespace serval {

extern const Ops kReferenceOps;
extern const Ops kGenericOps;
bool always_usable();

#if defined(__x86_64__)
extern const Ops kAvx2Ops;
extern const Ops kAvx512Ops;
bool cpu_has_avx2();
bool cpu_has_avx512();
#endif

}  // namespace serval
