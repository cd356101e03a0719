// Packs the weights of dense layers. Thread rule: reentrant, allocates nothing.
#pragma once

#include "kernels/dense.h"

namespace serval {

// Error: invalid_argument if a side is not in 1..2^24 (int8: k at most 2^16, so that sums fit 32
// bits), or gated and n odd.
Status check_dense(DenseType type, int64_t n, int64_t k, bool gated);

// REQUIRES for all below: check_dense(type, n, k, gated) is ok.
// Bytes of the packed matrix, a multiple of 64.
std::size_t dense_packed_bytes(DenseType type, int64_t n, int64_t k);
DenseWeights dense_weights(DenseType type, int64_t n, int64_t k, bool gated, const void* packed);

// Packs panels [panel_begin, panel_end) of src into dst, which points at the whole packed matrix,
// 64-byte aligned. Calls on disjoint panels may run at the same time.
// int8: step = max|w| / 127 of the output's row, rounded to nearest; a larger step where narrow
// sums (Ops::narrow_int8 of the table that will multiply) need smaller integers.
struct PackDense {
  DenseType type;
  bool gated;
  bool narrow;         // see above; false for other types
  const float* src;    // [n, k]
  int64_t src_stride;  // floats from one row to the next
  int64_t n;
  int64_t k;
  int64_t panel_begin;
  int64_t panel_end;
  void* dst;
};
void pack_dense(const PackDense& p);

}  // namespace serval
