#include "kernels/dense_pack.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

#include "kernels/dense_layout.h"
#include "kernels/float16.h"

namespace serval {
namespace {

constexpr int64_t kMaxSide = 1 << 24;
constexpr int64_t kMaxInt8Columns = 1 << 16;  // 127 * 255 * 2^16 < 2^31

// The greatest sum of weights of one sign that narrow sums put in a word.
float largest_group(const float* row, int64_t k) {
  float largest = 0;
  for (int64_t begin = 0; begin < k; begin += 4 * kNarrowSteps) {
    float sums[2][2] = {};  // of a sign and of two columns of each step
    for (int64_t c = begin; c < std::min<int64_t>(begin + 4 * kNarrowSteps, k); ++c)
      sums[row[c] > 0][c / 2 % 2] += std::fabs(row[c]);
    largest = std::max({largest, sums[0][0], sums[0][1], sums[1][0], sums[1][1]});
  }
  return largest;
}

// Row r of the source as bytes at place `at` of the panel.
void pack_int8(const float* row, int64_t k, bool narrow, int at, uint8_t* panel) {
  float peak = 0;
  for (int64_t c = 0; c < k; ++c) peak = std::max(peak, std::fabs(row[c]));
  float step = peak / 127.0f;
  // Rounding adds half a step at most to each of the weights of a group.
  if (narrow) step = std::max(step, largest_group(row, k) / (kNarrowBound - kNarrowSteps));
  int64_t sum = 0;
  for (int64_t c = 0; c < k; ++c) {
    const float scaled = step > 0 ? row[c] / step : 0.0f;
    const int q = int(std::lrint(std::clamp(scaled, -127.0f, 127.0f)));
    panel[c / 4 * kDenseStepBytes + at * 4 + c % 4] = uint8_t(q + 128);
    sum += q;
  }
  const float totals = float(double(sum) * step);
  std::memcpy(panel + dense_scales_at(k) + at * 4, &step, 4);
  std::memcpy(panel + dense_scales_at(k) + 128 + at * 4, &totals, 4);
}

void pack_row(const PackDense& p, const float* row, int at, uint8_t* panel) {
  const int64_t k = p.k;
  const DenseType type = p.type;
  if (type == DenseType::int8) return pack_int8(row, k, p.narrow, at, panel);
  for (int64_t c = 0; c < k; ++c) {
    if (type == DenseType::f32) {
      std::memcpy(panel + c * kDenseStepBytes + at * 4, &row[c], 4);
    } else {
      const uint16_t half = f32_to_bf16(row[c]);
      std::memcpy(panel + c / 2 * kDenseStepBytes + at * 4 + c % 2 * 2, &half, 2);
    }
  }
}

}  // namespace

const char* dense_type_name(DenseType type) {
  return type == DenseType::f32 ? "f32" : type == DenseType::bf16 ? "bf16" : "int8";
}

// One line more than the data: rows a multiple of 4096 bytes apart would share the cache's sets.
std::size_t dense_row_bytes(DenseType type, int64_t cols) {
  const std::size_t bytes = std::size_t(dense_steps(type, cols)) * 4;
  return (bytes + 63) / 64 * 64 + 64;
}

int64_t dense_panels(int64_t n) { return (n + kDensePanel - 1) / kDensePanel; }
int64_t dense_panel_outputs(const DenseWeights& w) {
  return w.gated ? kDensePanel / 2 : kDensePanel;
}
int64_t dense_outputs(const DenseWeights& w) { return w.gated ? w.n / 2 : w.n; }

Status check_dense(DenseType type, int64_t n, int64_t k, bool gated) {
  const std::string shape = std::to_string(n) + "x" + std::to_string(k);
  if (n < 1 || k < 1 || n > kMaxSide || k > kMaxSide)
    return invalid("dense weights of " + shape + ", want sides of 1.." + std::to_string(kMaxSide));
  if (type == DenseType::int8 && k > kMaxInt8Columns)
    return invalid("int8 weights of " + shape + ", want at most " +
                   std::to_string(kMaxInt8Columns) + " columns");
  if (gated && n % 2 != 0)
    return invalid("gated weights of " + shape + ", want an even first side");
  return {};
}

std::size_t dense_packed_bytes(DenseType type, int64_t n, int64_t k) {
  return std::size_t(dense_panels(n)) * std::size_t(dense_panel_bytes(type, k));
}

DenseWeights dense_weights(DenseType type, int64_t n, int64_t k, bool gated, const void* packed) {
  return {packed, type, n, k, gated};
}

void pack_dense(const PackDense& p) {
  const int64_t bytes = dense_panel_bytes(p.type, p.k);
  for (int64_t panel = p.panel_begin; panel < p.panel_end; ++panel) {
    uint8_t* out = static_cast<uint8_t*>(p.dst) + panel * bytes;
    std::memset(out, 0, std::size_t(bytes));
    if (p.type == DenseType::int8) std::memset(out, 128, std::size_t(dense_scales_at(p.k)));
    for (int at = 0; at < kDensePanel; ++at) {
      const int64_t row = dense_output_at(p.n, p.gated, panel, at);
      if (row >= 0) pack_row(p, p.src + row * p.src_stride, at, out);
    }
  }
}

}  // namespace serval
