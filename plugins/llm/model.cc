#include "plugins/llm/model.h"

namespace serval::llm {

std::size_t Model::workspace_bytes(const ModelShape& shape, int max_tokens, int max_context) {
  return Step::bytes(shape, max_tokens, kLogitRows) +
         attention_bytes(shape, max_tokens, max_context) +
         DenseFeedForward::bytes(shape, max_tokens) + ExpertFeedForward::bytes(shape, max_tokens) +
         OutputHead::bytes(shape);
}

Model::Model(ModelShape shape, Weights weights, const Ops& ops, ThreadPool& pool, int max_tokens,
             int max_context)
    : shape_(std::move(shape)),
      weights_(std::move(weights)),
      step_(shape_, ops, pool, max_tokens, kLogitRows),
      attention_(make_attention(shape_, max_tokens, max_context)),
      dense_(shape_, max_tokens),
      experts_(shape_, max_tokens),
      head_(shape_) {}

int Model::forward(std::span<const ModelSlice> slices, const KvMemory& kv) {
  step_.begin(slices);
  embed();
  for (int i = 0; i < shape_.layers; ++i) {
    const LayerWeights& layer = weights_.layers[std::size_t(i)];
    step_.normalise(layer.attention_norm);
    attention_->run(layer, i, step_, kv);
    step_.normalise(layer.feed_forward_norm);
    if (shape_.layer[std::size_t(i)].experts)
      experts_.run(layer, step_, dense_);
    else
      dense_.run(layer.feed_forward, layer.post_feed_forward_norm, step_);
  }
  return int(wanted_.size());
}

void Model::embed() {
  wanted_.clear();
  int row = 0;
  for (const ModelSlice& slice : step_.slices) {
    for (int i = 0; i < slice.count; ++i, ++row) {
      if (i >= slice.logits_from) wanted_.push_back(row);
      float* x = step_.x.data() + std::size_t(row) * std::size_t(shape_.hidden);
      dequantize_packed_row(weights_.embedding, slice.tokens[i], x);
      if (shape_.embedding_scale == 1) continue;
      for (int d = 0; d < shape_.hidden; ++d) x[d] *= shape_.embedding_scale;
    }
  }
}

const float* Model::logits(int first, int count, LogitsFor use) {
  return head_.run(weights_, std::span(wanted_).subspan(std::size_t(first), std::size_t(count)),
                   use, step_);
}

}  // namespace serval::llm
