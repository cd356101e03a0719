#include "plugins/llm/dense_feed_forward.h"

namespace serval::llm {
namespace {

// A model all of whose layers have experts has no dense part.
bool used(const ModelShape& shape) {
  return std::any_of(shape.layer.begin(), shape.layer.end(),
                     [](const LayerShape& layer) { return !layer.experts; });
}

}  // namespace

std::size_t DenseFeedForward::bytes(const ModelShape& shape, int max_tokens) {
  if (!used(shape)) return 0;
  return 2 * std::size_t(max_tokens) * std::size_t(shape.feed_forward) * sizeof(float);
}

DenseFeedForward::DenseFeedForward(const ModelShape& shape, int max_tokens) {
  if (!used(shape)) return;
  gate_.resize(std::size_t(max_tokens) * std::size_t(shape.feed_forward));
  up_.resize(gate_.size());
}

void DenseFeedForward::run(const LayerWeights& weights, Step& step) {
  const FeedForwardWeights& w = weights.feed_forward;
  step.compute.matmul(std::array{step.product(w.gate, step.normed.data(), gate_.data()),
                                 step.product(w.up, step.normed.data(), up_.data())});
  gate_rows(step, gate_.data(), up_.data(), gate_.data(), step.tokens, step.shape.feed_forward);
  step.close(w.down, gate_.data(), weights.post_feed_forward_norm);
}

void gate_rows(Step& step, const float* gate, const float* up, float* y, int rows, int width) {
  const Ops& ops = step.compute.ops();
  const auto activate = step.shape.activation == Activation::silu ? ops.silu_mul : ops.gelu_mul;
  step.compute.ranges(rows, kRowsAChunk, [&](int begin, int end) {
    const std::size_t at = std::size_t(begin) * std::size_t(width);
    activate({.gate = gate + at,
              .gate_stride = width,
              .up = up + at,
              .up_stride = width,
              .y = y + at,
              .y_stride = width,
              .rows = end - begin,
              .dim = width});
  });
}

}  // namespace serval::llm
