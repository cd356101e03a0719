// The oracle of dense.h and packed_attention.h, for reference.cc's table.
#pragma once

#include "kernels/ops.h"

namespace serval {

void reference_prepare_rows(const PrepareRows& a);
void reference_norm_rows(const NormRows& a);
void reference_dense(const Dense& a);
void reference_packed_attention(const PackedAttention& a);

}  // namespace serval
