// How prepared rows and packed panels lie in memory; shared by the packer and every kernel. Static
// for the reason float16.h gives.
//
//   panel of 32 outputs   f32   [K][32] floats
//                         bf16  [K/2][32][2], an odd last column beside zeros
//                         int8  [K/4][32][4] bytes of weight + 128, padded with 128; then
//                               [32] f32 steps, [32] f32 sums of the row's weights
//   gated                 a panel holds 16 outputs of the first half, then the 16 of the second
//                         that they multiply
//   prepared row          int8  DenseRowHeader, then q: x = step * q + middle. q is -127..127, or
//                               0..255 for a table of narrow sums (Ops::narrow_int8)
//
// Narrow sums: of kNarrowSteps steps the first two columns' products, and the last two's, are added
// up in 16 bits before they go to 32. With q <= 255 no sum of them passes a word if the weights of
// one sign add up to kNarrowBound at most.
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
  int32_t start;  // -128 * sum(q): undoes the 128 that packed weights carry; 0 for narrow sums
  int32_t unused[13];
};
static_assert(sizeof(DenseRowHeader) == 64);

// Columns multiplied by one step of the inner loop; rows and weights are padded to whole steps.
[[maybe_unused]] constexpr int dense_step(DenseType type) {
  return type == DenseType::int8 ? 4 : type == DenseType::bf16 ? 2 : 1;
}

// A step's weights of a panel take 128 bytes in every type.
constexpr int64_t kDenseStepBytes = 128;

constexpr int kNarrowSteps = 4;
constexpr int kNarrowBound = 128;  // 255 * 128 < 2^15

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
