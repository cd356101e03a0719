#include "plugins/llm/step.h"

#include "kernels/quant_rows.h"

namespace serval::llm {
namespace {

std::size_t quantised_size(const ModelShape& shape, int rows) {
  return quantised_bytes(rows, std::max({shape.hidden, shape.q_width(), shape.latent.q_rank,
                                         shape.heads * shape.latent.value_dim}));
}

}  // namespace

std::size_t Step::bytes(const ModelShape& shape, int max_tokens, int least_rows) {
  return 2 * std::size_t(max_tokens) * std::size_t(shape.hidden) * sizeof(float) +
         quantised_size(shape, std::max(max_tokens, least_rows));
}

Step::Step(const ModelShape& model_shape, const Ops& ops, ThreadPool& pool, int max_tokens,
           int least_rows)
    : shape(model_shape), compute(ops, pool) {
  positions.resize(std::size_t(max_tokens));
  x.resize(std::size_t(max_tokens) * std::size_t(shape.hidden));
  normed.resize(x.size());
  quantised.resize(quantised_size(shape, std::max(max_tokens, least_rows)));
}

void Step::begin(std::span<const ModelSlice> new_slices) {
  slices = new_slices;
  tokens = 0;
  for (const ModelSlice& slice : slices)
    for (int i = 0; i < slice.count; ++i) positions[std::size_t(tokens++)] = slice.position + i;
}

int Step::tokens_a_chunk() const {
  for (const int chunk : {2 * kTileTokens, kTileTokens})
    if (tokens >= 4 * compute.threads() * chunk) return chunk;
  return 0;
}

void Step::normalise(const float* weight) {
  compute.ranges(tokens, rows_a_chunk(shape.hidden),
                 [&](int begin, int end) { normalise_range(weight, begin, end); });
}

void Step::normalise_range(const float* weight, int begin, int end) {
  const int width = shape.hidden;
  const std::size_t at = std::size_t(begin) * std::size_t(width);
  compute.ops().rms_norm({.x = x.data() + at,
                          .x_stride = width,
                          .w = weight,
                          .y = normed.data() + at,
                          .y_stride = width,
                          .rows = end - begin,
                          .dim = width,
                          .eps = shape.rms_epsilon});
  quantise_range(normed.data(), width, begin, end);
}

MatMul Step::closing(const Linear& out, const float* from, const float* post_norm) {
  MatMul product_out = product(out, from, post_norm == nullptr ? x.data() : normed.data());
  if (post_norm == nullptr) {
    product_out.add = x.data();
    product_out.add_stride = shape.hidden;
  }
  return product_out;
}

void Step::close(const Linear& out, const float* from, const float* post_norm) {
  compute.matmul(std::array{closing(out, from, post_norm)});
  if (post_norm != nullptr) close(post_norm);
}

void Step::close(const float* post_norm) {
  compute.ranges(tokens, rows_a_chunk(shape.hidden),
                 [&](int begin, int end) { close_range(post_norm, begin, end); });
}

void Step::close_range(const float* post_norm, int begin, int end) {
  const int width = shape.hidden;
  const std::size_t at = std::size_t(begin) * std::size_t(width);
  float* branch = normed.data() + at;
  if (post_norm != nullptr)
    compute.ops().rms_norm({.x = branch,
                            .x_stride = width,
                            .w = post_norm,
                            .y = branch,
                            .y_stride = width,
                            .rows = end - begin,
                            .dim = width,
                            .eps = shape.rms_epsilon});
  float* residual = x.data() + at;
  compute.ops().add({residual, branch, residual, int64_t{end - begin} * width});
}

void Step::quantise(const float* from, int64_t cols, int rows, void* target) {
  compute.ranges(rows, rows_a_chunk(cols),
                 [&](int begin, int end) { quantise_range(from, cols, rows, begin, end, target); });
}

void Step::quantise_range(const float* from, int64_t cols, int rows, int begin, int end,
                          void* target) {
  if (cols % kBlockCols != 0) return;
  compute.ops().quantize_rows({.x = from,
                               .x_stride = cols,
                               .tokens = rows,
                               .cols = cols,
                               .token_begin = begin,
                               .token_end = end,
                               .out = target});
}

MatMul Step::product(const Linear& linear, const float* from, float* y) const {
  return {.w = linear.w,
          .x = from,
          .x_stride = linear.w.cols,
          .x_q = quantised.data(),
          .tokens = tokens,
          .y = y,
          .y_stride = linear.w.rows,
          .bias = linear.bias};
}

}  // namespace serval::llm
