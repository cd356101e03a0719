// One forward pass under way: its tokens, the activations all parts of a layer share, and the
// operations on them.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "plugins/llm/compute.h"
#include "plugins/llm/language_model.h"
#include "plugins/llm/weights.h"

namespace serval::llm {

// Fewer rows of a cheap operation than this stay on one thread.
inline constexpr int kRowsAChunk = 8;
// The same for an operation on every float of rows of this width.
constexpr int rows_a_chunk(int64_t width) { return int(std::max<int64_t>(4096 / width, 1)); }

// Bytes for rows of up to `widest` columns in their quantised form.
inline std::size_t quantised_bytes(int rows, int64_t widest) {
  return quantized_bytes(rows, (widest + kBlockCols - 1) / kBlockCols * kBlockCols);
}

// Buffers are as large as the largest step; T = tokens of this one.
struct Step {
  // least_rows: rows the quantised buffer holds at least, for what runs beside the layers.
  Step(const ModelShape& shape, const Ops& ops, ThreadPool& pool, int max_tokens, int least_rows);
  static std::size_t bytes(const ModelShape& shape, int max_tokens, int least_rows);

  // Takes the slices' tokens; x is left to the caller.
  void begin(std::span<const ModelSlice> new_slices);

  // Tokens that one thread takes through several operations, so that what is between them stays in
  // its cache; 0: too few of them, every operation is spread over the threads.
  int tokens_a_chunk() const;
  // body(begin, end) for such chunks. REQUIRES: tokens_a_chunk() > 0.
  template <class Body>
  void each_chunk(Body&& body) {
    const int chunk = tokens_a_chunk();
    compute.each((tokens + chunk - 1) / chunk,
                 [&](int i) { body(i * chunk, std::min((i + 1) * chunk, tokens)); });
  }

  // normed = RMSNorm(x), also in its quantised form. _range here and below: tokens [begin, end), on
  // the caller's thread.
  void normalise(const float* weight);
  void normalise_range(const float* weight, int begin, int end);
  // Ends a layer's part: x += from W^T, or, when there is a norm behind the part,
  // x += RMSNorm(from W^T). from: [T, W.cols], has been quantised. Uses normed.
  void close(const Linear& out, const float* from, const float* post_norm);
  // The same for a part whose result [T, hidden] is in normed already.
  void close(const float* post_norm);
  void close_range(const float* post_norm, int begin, int end);
  // The product that close() begins with.
  MatMul closing(const Linear& out, const float* from, const float* post_norm);
  // Quantises rows for weights in integers; rows that no integer format can hold (a width that is
  // not a multiple of 32) feed float weights only. target: quantized_bytes(rows, cols).
  void quantise(const float* from, int64_t cols, int rows, void* target);
  void quantise(const float* from, int64_t cols) { quantise(from, cols, tokens, quantised.data()); }
  void quantise_range(const float* from, int64_t cols, int begin, int end) {
    quantise_range(from, cols, begin, end, quantised.data());
  }
  void quantise_range(const float* from, int64_t cols, int begin, int end, void* target) {
    quantise_range(from, cols, tokens, begin, end, target);
  }
  // y [T, R] = from W^T + bias; from [T, K] has been quantised.
  MatMul product(const Linear& linear, const float* from, float* y) const;

  const ModelShape& shape;
  Compute compute;
  std::span<const ModelSlice> slices;  // valid during the forward pass
  int tokens = 0;                      // T
  std::vector<int32_t> positions;      // [T]
  std::vector<float> x;                // [T, hidden] residual stream
  std::vector<float> normed;           // [T, hidden]
  std::vector<std::byte> quantised;    // QuantizeRows::out of whatever was quantised last

 private:
  void quantise_range(const float* from, int64_t cols, int rows, int begin, int end, void* target);
};

}  // namespace serval::llm
