// The oracle of mla_attention.h, for reference.cc's table.
#pragma once

#include "kernels/ops.h"

namespace serval {

void reference_mla_write(const MlaWrite& a);
void reference_mla_attention(const MlaAttention& a);

}  // namespace serval
