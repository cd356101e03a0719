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
    attention_->run(layer, i, step_, kv);
    read_ahead(i + 1, kv);
    if (shape_.layer[std::size_t(i)].experts)
      experts_.run(layer, step_, dense_);
    else
      dense_.run(layer.feed_forward, layer.feed_forward_norm, layer.post_feed_forward_norm, step_);
  }
  return int(wanted_.size());
}

// Keys and values of decoding sequences come from memory and take as long as their layer's weights;
// products of several tokens have time to ask for those of the next layer.
void Model::read_ahead(int layer, const KvMemory& kv) {
  ahead_.clear();
  if (layer == shape_.layers || !Compute::has_time(step_.tokens))
    return step_.compute.read_ahead({}, 0);
  const int window = shape_.window_of(layer);
  for (const ModelSlice& slice : step_.slices) {
    if (slice.count > 1) continue;
    const int first = window > 0 ? std::max(slice.position - window + 1, 0) : 0;
    for (int b = first / kBlockTokens; b <= slice.position / kBlockTokens; ++b)
      if (const std::byte* block = kv.at(slice.blocks[std::size_t(b)], layer))
        ahead_.push_back(block);
  }
  step_.compute.read_ahead(ahead_, kv_layer_bytes(shape_, layer, kv.type()));
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
