// The quantised block formats of GGUF, read one run of 32 columns at a time.
#pragma once

#include <cstdint>

#include "kernels/pack.h"

namespace serval {

// 32 columns of one row: weight[i] = d[i / 16] * (q[i] - zero_point(type)) + m.
struct QuantBlock {
  uint8_t q[32];
  float d[2];
  float m;
};

// What the type subtracts from its unsigned quants: 8, 16, 32, 128 or 0.
int zero_point(WeightType type);
// The same in packed form, where types that count from 0 have their middle: 8 or 16.
int packed_zero_point(WeightType type);

// Block `index` (32 columns) of the row at src. REQUIRES: a quantised type.
void read_quant_block(WeightType type, const uint8_t* row, int64_t index, QuantBlock& out);

}  // namespace serval
