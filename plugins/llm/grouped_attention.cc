#include "plugins/llm/grouped_attention.h"

namespace serval::llm {
namespace {

constexpr int kQueriesAChunk = 32;  // of one prompt in one attention chunk

}  // namespace

std::size_t GroupedAttention::bytes(const ModelShape& shape, int max_tokens, int max_context) {
  const std::size_t rows = std::size_t(shape.q_width()) + 2 * std::size_t(shape.kv_width());
  const std::size_t tables = shape.ropes.size() * std::size_t(shape.rotary_dim);
  return (std::size_t(max_tokens) * rows + std::size_t(max_context) * tables) * sizeof(float);
}

GroupedAttention::GroupedAttention(const ModelShape& shape, int max_tokens, int max_context) {
  for (const RopeShape& rope : shape.ropes)
    tables_.push_back(rope_table(rope, max_context, shape.rotary_dim));
  q_.resize(std::size_t(max_tokens) * std::size_t(shape.q_width()));
  k_.resize(std::size_t(max_tokens) * std::size_t(shape.kv_width()));
  v_.resize(k_.size());
}

void GroupedAttention::run(const LayerWeights& weights, int layer, Step& step, const KvMemory& kv) {
  const AttentionWeights& attention = weights.attention;
  step.compute.matmul(std::array{step.product(attention.q, step.normed.data(), q_.data()),
                                 step.product(attention.k, step.normed.data(), k_.data()),
                                 step.product(attention.v, step.normed.data(), v_.data())});
  write_kv(attention, layer, step, kv);
  attend(layer, step, kv);
  step.quantise(q_.data(), attention.o.w.cols);
  step.close(attention.o, q_.data(), weights.post_attention_norm);
}

// Normalises (where the family does) and rotates queries and keys, and stores keys and values in
// the cache.
void GroupedAttention::write_kv(const AttentionWeights& weights, int layer, Step& step,
                                const KvMemory& kv) {
  const ModelShape& shape = step.shape;
  const Ops& ops = step.compute.ops();
  const float* table = tables_[std::size_t(shape.layer[std::size_t(layer)].rope)].data();
  step.compute.ranges(step.tokens, kRowsAChunk, [&](int begin, int end) {
    const auto rotate = [&](std::vector<float>& values, int heads, const float* norm) {
      const int width = heads * shape.head_dim;
      float* rows = values.data() + std::size_t(begin) * std::size_t(width);
      if (norm != nullptr)
        ops.rms_norm({.x = rows,
                      .x_stride = shape.head_dim,
                      .w = norm,
                      .y = rows,
                      .y_stride = shape.head_dim,
                      .rows = (end - begin) * heads,
                      .dim = shape.head_dim,
                      .eps = shape.rms_epsilon});
      ops.rope({.x = rows,
                .x_stride = width,
                .positions = step.positions.data() + begin,
                .cos_sin = table,
                .tokens = end - begin,
                .heads = heads,
                .head_dim = shape.head_dim,
                .rotary_dim = shape.rotary_dim,
                .layout = shape.rope_layout});
    };
    rotate(q_, shape.heads, weights.q_norm);
    rotate(k_, shape.kv_heads, weights.k_norm);
    // Which slice and which of its tokens row t is, found by walking along.
    int row = 0;
    for (const ModelSlice& slice : step.slices) {
      for (int i = std::max(begin - row, 0); i < slice.count && row + i < end; ++i) {
        const int position = slice.position + i;
        const std::size_t at = std::size_t(row + i) * std::size_t(shape.kv_width());
        ops.kv_write({.k = k_.data() + at,
                      .v = v_.data() + at,
                      .block = kv.at(slice.blocks[std::size_t(position / kBlockTokens)], layer),
                      .slot = position % kBlockTokens,
                      .type = kv.type(),
                      .kv_heads = shape.kv_heads,
                      .head_dim = shape.head_dim});
      }
      row += slice.count;
    }
  });
}

void GroupedAttention::attend(int layer, Step& step, const KvMemory& kv) {
  const ModelShape& shape = step.shape;
  blocks_.clear();
  first_block_.clear();
  jobs_.clear();
  int row = 0;
  for (std::size_t s = 0; s < step.slices.size(); ++s) {
    const ModelSlice& slice = step.slices[s];
    first_block_.push_back(int(blocks_.size()));
    for (const int block : slice.blocks) blocks_.push_back(kv.at(block, layer));
    for (int begin = 0; begin < slice.count; begin += kQueriesAChunk)
      jobs_.push_back({int(s), row, begin, std::min(begin + kQueriesAChunk, slice.count)});
    row += slice.count;
  }
  step.compute.each(int(jobs_.size()) * shape.kv_heads, [&](int chunk) {
    const Job& job = jobs_[std::size_t(chunk / shape.kv_heads)];
    const int kv_head = chunk % shape.kv_heads;
    float* rows = q_.data() + std::size_t(job.row + job.begin) * std::size_t(shape.q_width());
    step.compute.ops().attention({.q = rows,
                                  .q_stride = shape.q_width(),
                                  .out = rows,
                                  .out_stride = shape.q_width(),
                                  .blocks = blocks_.data() + first_block_[std::size_t(job.slice)],
                                  .type = kv.type(),
                                  .q0 = step.slices[std::size_t(job.slice)].position + job.begin,
                                  .n = job.end - job.begin,
                                  .heads = shape.heads,
                                  .kv_heads = shape.kv_heads,
                                  .head_dim = shape.head_dim,
                                  .kv_head_begin = kv_head,
                                  .kv_head_end = kv_head + 1,
                                  .scale = shape.attention_scale,
                                  .window = shape.layer[std::size_t(layer)].window});
  });
}

}  // namespace serval::llm
