#include "plugins/llm/dense_feed_forward.h"

namespace serval::llm {
namespace {

// A model all of whose layers have experts has no dense part but what its experts share.
int widest(const ModelShape& shape) {
  const bool dense = std::any_of(shape.layer.begin(), shape.layer.end(),
                                 [](const LayerShape& layer) { return !layer.experts; });
  return std::max(dense ? shape.feed_forward : 0, shape.experts.shared);
}

}  // namespace

std::size_t DenseFeedForward::bytes(const ModelShape& shape, int max_tokens) {
  return 2 * std::size_t(max_tokens) * std::size_t(widest(shape)) * sizeof(float) +
         quantised_bytes(max_tokens, widest(shape));
}

DenseFeedForward::DenseFeedForward(const ModelShape& shape, int max_tokens) {
  gate_.resize(std::size_t(max_tokens) * std::size_t(widest(shape)));
  up_.resize(gate_.size());
  quantised_.resize(quantised_bytes(max_tokens, widest(shape)));
}

void DenseFeedForward::run(const FeedForwardWeights& weights, const float* norm,
                           const float* post_norm, Step& step) {
  const int width = int(weights.gate.w.rows);
  MatMul gate = step.product(weights.gate, step.normed.data(), gate_.data());
  MatMul up = step.product(weights.up, step.normed.data(), up_.data());
  MatMul down = step.closing(weights.down, gate_.data(), post_norm);
  down.x_q = quantised_.data();
  const auto activate = [&](int begin, int end) {
    gate_rows(step, gate_.data(), up_.data(), begin, end, width);
    step.quantise_range(gate_.data(), width, begin, end, quantised_.data());
  };
  if (step.tokens_a_chunk() == 0) {
    if (norm != nullptr) step.normalise(norm);
    step.compute.matmul(std::array{gate, up});
    step.compute.ranges(step.tokens, rows_a_chunk(width), activate);
    step.compute.matmul(std::array{down});
    if (post_norm != nullptr) step.close(post_norm);
    return;
  }
  step.each_chunk([&](int begin, int end) {
    if (norm != nullptr) step.normalise_range(norm, begin, end);
    step.compute.matmul_range(gate, begin, end);
    step.compute.matmul_range(up, begin, end);
    activate(begin, end);
    step.compute.matmul_range(down, begin, end);
    if (post_norm != nullptr) step.close_range(post_norm, begin, end);
  });
}

void gate_rows(const Step& step, float* gate, const float* up, int begin, int end, int width) {
  const Ops& ops = step.compute.ops();
  const auto activate = step.shape.activation == Activation::silu ? ops.silu_mul : ops.gelu_mul;
  const std::size_t at = std::size_t(begin) * std::size_t(width);
  activate({.gate = gate + at,
            .gate_stride = width,
            .up = up + at,
            .up_stride = width,
            .y = gate + at,
            .y_stride = width,
            .rows = end - begin,
            .dim = width});
}

}  // namespace serval::llm
