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
  return 2 * std::size_t(max_tokens) * std::size_t(widest(shape)) * sizeof(float);
}

DenseFeedForward::DenseFeedForward(const ModelShape& shape, int max_tokens) {
  gate_.resize(std::size_t(max_tokens) * std::size_t(widest(shape)));
  up_.resize(gate_.size());
}

void DenseFeedForward::run(const FeedForwardWeights& weights, const float* post_norm, Step& step) {
  step.compute.matmul(std::array{step.product(weights.gate, step.normed.data(), gate_.data()),
                                 step.product(weights.up, step.normed.data(), up_.data())});
  const int width = int(weights.gate.w.rows);
  step.compute.ranges(step.tokens, rows_a_chunk(width), [&](int begin, int end) {
    gate_rows(step, gate_.data(), up_.data(), begin, end, width);
    step.quantise_range(gate_.data(), width, begin, end);
  });
  step.close(weights.down, gate_.data(), post_norm);
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
