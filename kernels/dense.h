// The dense layers of an encoder, which sees all tokens of a batch at once: y = act(x W^T + b) in
// f32, bf16 or int8, and the row operations that make what those products read.
// Included by ops.h, whose rules on threads, pointers and determinism hold here too: a row's result
// is bitwise the same whatever rows share the call and wherever among them it stands.
// Letters: M rows (tokens), K columns (input features), N output features.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/pack.h"

namespace serval {

// The arithmetic of a product. Sums are f32 (f32, bf16) or exact integers (int8), in one order over
// K alone.
//   f32   weights and activations as they are
//   bf16  both rounded to bf16 (2^-9 relative)
//   int8  weights: one step an output channel, 127 steps either side. Activations: one step and one
//         middle a row, measured from the row itself
enum class DenseType : uint8_t { f32, bf16, int8 };
const char* dense_type_name(DenseType type);

// ---- rows as a product reads them ("prepared") ----
// f32: floats. bf16, int8: opaque, 64-byte aligned rows. Bytes from one row to the next that suit
// every form; for f32 any multiple of 4 will do.
std::size_t dense_row_bytes(DenseType type, int64_t cols);

// Converts rows. NaN or infinite x spoils its own row only.
struct PrepareRows {
  const float* x;    // [rows, cols]
  int64_t x_stride;  // floats from one row to the next
  int rows;
  int64_t cols;
  DenseType type;
  void* out;               // [rows] prepared rows
  std::size_t out_stride;  // bytes, dense_row_bytes(type, cols)
};

enum class NormKind : uint8_t {
  layer,  // (x - mean) / sqrt(variance + eps) * gamma + beta (Ba et al. 2016)
  rms,    // x / sqrt(mean(x^2) + eps) * gamma + beta
};

// y = norm(x + add), row by row. Each of the three outputs is left out by a null pointer; `sum` may
// be x or add, y may be x, add or sum (the last to be written is y).
struct NormRows {
  NormKind kind = NormKind::layer;
  const float* x = nullptr;  // [rows, dim]
  int64_t x_stride = 0;      // floats from one row to the next, as all strides but prepared_stride
  const float* add = nullptr;  // [rows, dim] or null
  int64_t add_stride = 0;
  const float* gamma = nullptr;  // [dim]
  const float* beta = nullptr;   // [dim] or null
  float eps = 0;
  int rows = 0;
  int dim = 0;           // at most kMaxNormDim
  float* sum = nullptr;  // [rows, dim]: x + add, the residual stream of a model that norms first
  int64_t sum_stride = 0;
  float* y = nullptr;  // [rows, dim]
  int64_t y_stride = 0;
  DenseType type = DenseType::f32;  // of prepared
  void* prepared = nullptr;         // [rows] prepared rows of y
  std::size_t prepared_stride = 0;  // bytes
};
inline constexpr int kMaxNormDim = 16384;

// ---- products ----
enum class Activation : uint8_t {
  none,
  relu,
  tanh,
  silu,       // x / (1 + exp(-x))
  gelu_erf,   // x/2 (1 + erf(x / sqrt(2)))
  gelu_tanh,  // its tanh form, as Ops::gelu_mul
};

// A packed weight matrix (dense_pack.h makes it). gated: its N outputs are two halves of N/2, and
// the product gives act(first) * second.
struct DenseWeights {
  const void* data = nullptr;  // 64-byte aligned
  DenseType type = DenseType::f32;
  int64_t n = 0;  // N, even if gated
  int64_t k = 0;  // K
  bool gated = false;
};

// Output features are packed in panels, which are also the units of work to split a product by.
inline constexpr int kDensePanel = 32;               // outputs of one panel; half of that if gated
int64_t dense_panels(int64_t n);                     // of a matrix of n outputs
int64_t dense_panel_outputs(const DenseWeights& w);  // 32, or 16 if gated
int64_t dense_outputs(const DenseWeights& w);        // columns of y: N, or N/2 if gated

// y = act(x W^T + bias) + add for rows [row_begin, row_end) and the outputs of panels [panel_begin,
// panel_end). Where y_bf16 is given the result goes there, as prepared bf16 rows, instead of to y.
struct Dense {
  DenseWeights w;
  const void* x = nullptr;      // [M] prepared rows of w.type
  std::size_t x_stride = 0;     // bytes
  const float* bias = nullptr;  // [N] or null
  Activation activation = Activation::none;
  const float* add = nullptr;  // [M, outputs] or null; may be y: then y accumulates
  int64_t add_stride = 0;      // floats
  float* y = nullptr;          // [M, outputs]
  int64_t y_stride = 0;        // floats
  void* y_bf16 = nullptr;
  std::size_t y_bf16_stride = 0;  // bytes
  int row_begin = 0, row_end = 0;
  int64_t panel_begin = 0, panel_end = 0;  // within 0..dense_panels(N)
};

}  // namespace serval
