// How prepared rows and packed panels lie in memory; shared by the packer and every kernel. Static
// for the reason float16.h gives.
//
//   panel of 32 outputs   f32   [K][32] floats
//                         bf16  [K/2][32][2], an odd last column beside zeros
//                         int8  [K/4][32][4] bytes of weight + 128, padded with 128; then
//                               [32] f32 steps, [32] f32 sums of the row's weights
//   gated                 a panel holds 16 outputs of the first half, then the 16 of the second
//                         that they multiply
//   prepared row          int8  DenseRowHeader, then q: x = step * q + middle. Elements are bytes,
//                               or words in a table whose Ops::row_step_bytes is 2
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/dense.h"

namespace serval {
namespace {

// Before the bytes of an int8 row.
struct DenseRowHeader {
  float step;
  float middle;
  int32_t start;  // -128 * sum(q): undoes the 128 that packed weights carry
  int32_t unused[13];
};
static_assert(sizeof(DenseRowHeader) == 64);

// Columns multiplied by one step of the inner loop; rows and weights are padded to whole steps.
[[maybe_unused]] constexpr int dense_step(DenseType type) {
  return type == DenseType::int8 ? 4 : type == DenseType::bf16 ? 2 : 1;
}

// A step's weights of a panel take 128 bytes in every type.
constexpr int64_t kDenseStepBytes = 128;

[[maybe_unused]] constexpr int64_t dense_steps(DenseType type, int64_t k) {
  return (k + dense_step(type) - 1) / dense_step(type);
}

// int8: where the steps and sums of the outputs begin in a panel.
[[maybe_unused]] constexpr int64_t dense_scales_at(int64_t k) {
  return dense_steps(DenseType::int8, k) * kDenseStepBytes;
}

[[maybe_unused]] constexpr int64_t dense_panel_bytes(DenseType type, int64_t k) {
  return dense_steps(type, k) * kDenseStepBytes + (type == DenseType::int8 ? 256 : 0);
}

// The output whose weights stand at place `at` of panel `panel`, or -1 for padding.
[[maybe_unused]] constexpr int64_t dense_output_at(int64_t n, bool gated, int64_t panel, int at) {
  if (!gated) return panel * kDensePanel + at < n ? panel * kDensePanel + at : -1;
  const int64_t unit = panel * (kDensePanel / 2) + at % 16;
  return unit < n / 2 ? unit + at / 16 * (n / 2) : -1;
}

}  // namespace
}  // namespace serval
