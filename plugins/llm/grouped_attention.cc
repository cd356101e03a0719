#include "plugins/llm/grouped_attention.h"

namespace serval::llm {
namespace {

constexpr int kQueriesAChunk = 32;  // of one prompt in one attention chunk
// A step with fewer chunks than this for each thread spreads the keys of its lone queries.
constexpr int kChunksAThread = 8;

// Room for the sums of one query over a whole context.
std::size_t parts_floats(const ModelShape& shape, int max_context) {
  const int spans = max_context / kSpanKeys + 1;
  return std::size_t(spans) * std::size_t(shape.heads * span_floats(shape.head_dim));
}

}  // namespace

std::size_t GroupedAttention::bytes(const ModelShape& shape, int max_tokens, int max_context) {
  const std::size_t rows = std::size_t(shape.q_width()) + 2 * std::size_t(shape.kv_width());
  const std::size_t tables = shape.ropes.size() * std::size_t(shape.rotary_dim);
  return (std::size_t(max_tokens) * rows + std::size_t(max_context) * tables +
          parts_floats(shape, max_context)) *
         sizeof(float);
}

GroupedAttention::GroupedAttention(const ModelShape& shape, int max_tokens, int max_context) {
  for (const RopeShape& rope : shape.ropes)
    tables_.push_back(rope_table(rope, max_context, shape.rotary_dim));
  q_.resize(std::size_t(max_tokens) * std::size_t(shape.q_width()));
  k_.resize(std::size_t(max_tokens) * std::size_t(shape.kv_width()));
  v_.resize(k_.size());
  parts_.resize(parts_floats(shape, max_context));
}

void GroupedAttention::run(const LayerWeights& weights, int layer, Step& step, const KvMemory& kv) {
  const AttentionWeights& attention = weights.attention;
  MatMul q = step.product(attention.q, step.normed.data(), q_.data());
  MatMul k = step.product(attention.k, step.normed.data(), k_.data());
  MatMul v = step.product(attention.v, step.normed.data(), v_.data());
  const auto store = [&](int begin, int end) {
    const float* table = tables_[std::size_t(step.shape.layer[std::size_t(layer)].rope)].data();
    turn(q_, step.shape.heads, attention.q_norm, table, step, begin, end);
    turn(k_, step.shape.kv_heads, attention.k_norm, table, step, begin, end);
    write_kv(layer, step, kv, begin, end);
  };
  if (step.tokens_a_chunk() == 0) {
    step.normalise(weights.attention_norm);
    step.compute.matmul(std::array{q, k, v});
    step.compute.ranges(step.tokens, kRowsAChunk, store);
    attend(layer, step, kv);
    step.quantise(q_.data(), attention.o.w.cols);
    step.close(attention.o, q_.data(), weights.post_attention_norm);
    return;
  }
  step.each_chunk([&](int begin, int end) {
    step.normalise_range(weights.attention_norm, begin, end);
    for (const MatMul& product : {q, k, v}) step.compute.matmul_range(product, begin, end);
    store(begin, end);
  });
  attend(layer, step, kv);
  const MatMul o = step.closing(attention.o, q_.data(), weights.post_attention_norm);
  step.each_chunk([&](int begin, int end) {
    step.quantise_range(q_.data(), attention.o.w.cols, begin, end);
    step.compute.matmul_range(o, begin, end);
    if (weights.post_attention_norm != nullptr)
      step.close_range(weights.post_attention_norm, begin, end);
  });
}

// Normalises (where the family does) and rotates tokens [begin, end) of queries or keys.
void GroupedAttention::turn(std::vector<float>& values, int heads, const float* norm,
                            const float* table, const Step& step, int begin, int end) {
  const ModelShape& shape = step.shape;
  const int width = heads * shape.head_dim;
  float* rows = values.data() + std::size_t(begin) * std::size_t(width);
  if (norm != nullptr)
    step.compute.ops().rms_norm({.x = rows,
                                 .x_stride = shape.head_dim,
                                 .w = norm,
                                 .y = rows,
                                 .y_stride = shape.head_dim,
                                 .rows = (end - begin) * heads,
                                 .dim = shape.head_dim,
                                 .eps = shape.rms_epsilon});
  step.compute.ops().rope({.x = rows,
                           .x_stride = width,
                           .positions = step.positions.data() + begin,
                           .cos_sin = table,
                           .tokens = end - begin,
                           .heads = heads,
                           .head_dim = shape.head_dim,
                           .rotary_dim = shape.rotary_dim,
                           .layout = shape.rope_layout});
}

// Stores keys and values of tokens [begin, end) in the cache.
void GroupedAttention::write_kv(int layer, const Step& step, const KvMemory& kv, int begin,
                                int end) {
  const ModelShape& shape = step.shape;
  // Which slice and which of its tokens row t is, found by walking along.
  int row = 0;
  for (const ModelSlice& slice : step.slices) {
    for (int i = std::max(begin - row, 0); i < slice.count && row + i < end; ++i) {
      const int position = slice.position + i;
      const std::size_t at = std::size_t(row + i) * std::size_t(shape.kv_width());
      step.compute.ops().kv_write(
          {.k = k_.data() + at,
           .v = v_.data() + at,
           .block = kv.at(slice.blocks[std::size_t(position / kBlockTokens)], layer),
           .slot = position % kBlockTokens,
           .type = kv.type(),
           .kv_heads = shape.kv_heads,
           .head_dim = shape.head_dim});
    }
    row += slice.count;
  }
}

// The keys of a lone query in spans of their own, as far as there is room for their sums.
bool GroupedAttention::spread(const ModelSlice& slice, Job job, const Step& step, int window) {
  const ModelShape& shape = step.shape;
  const int oldest = window > 0 ? std::max(slice.position - window + 1, 0) : 0;
  const int first = oldest / kSpanKeys, spans = slice.position / kSpanKeys - first + 1;
  const std::size_t each = std::size_t(shape.heads * span_floats(shape.head_dim));
  if (slice.count > 1 || spans == 1 || parts_used_ + std::size_t(spans) * each > parts_.size())
    return false;
  spreads_.push_back({job.row, spans, parts_.data() + parts_used_});
  for (job.span = first; job.span < first + spans; ++job.span, parts_used_ += each) {
    job.part = parts_.data() + parts_used_;
    jobs_.push_back(job);
  }
  return true;
}

void GroupedAttention::plan(int layer, const Step& step, const KvMemory& kv) {
  blocks_.clear();
  first_block_.clear();
  jobs_.clear();
  spreads_.clear();
  parts_used_ = 0;
  const int window = step.shape.layer[std::size_t(layer)].window;
  const bool few =
      int(step.slices.size()) * step.shape.kv_heads < kChunksAThread * step.compute.threads();
  int row = 0;
  for (std::size_t s = 0; s < step.slices.size(); ++s) {
    const ModelSlice& slice = step.slices[s];
    first_block_.push_back(int(blocks_.size()));
    for (const int block : slice.blocks) blocks_.push_back(kv.at(block, layer));
    if (!few || !spread(slice, {int(s), row, 0, 1}, step, window))
      for (int begin = 0; begin < slice.count; begin += kQueriesAChunk)
        jobs_.push_back({int(s), row, begin, std::min(begin + kQueriesAChunk, slice.count)});
    row += slice.count;
  }
}

void GroupedAttention::attend(int layer, Step& step, const KvMemory& kv) {
  plan(layer, step, kv);
  const ModelShape& shape = step.shape;
  const auto row_of = [&](int row) {
    return q_.data() + std::size_t(row) * std::size_t(shape.q_width());
  };
  step.compute.each(int(jobs_.size()) * shape.kv_heads, [&](int chunk) {
    const Job& job = jobs_[std::size_t(chunk / shape.kv_heads)];
    const int kv_head = chunk % shape.kv_heads;
    float* rows = row_of(job.row + job.begin);
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
                                  .window = shape.layer[std::size_t(layer)].window,
                                  .part = job.part,
                                  .span = job.span});
  });
  for (const Spread& spread : spreads_)
    step.compute.ops().join_spans({.parts = spread.parts,
                                   .spans = spread.spans,
                                   .heads = shape.heads,
                                   .head_dim = shape.head_dim,
                                   .type = kv.type(),
                                   .out = row_of(spread.row)});
}

}  // namespace serval::llm
