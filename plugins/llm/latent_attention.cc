#include "plugins/llm/latent_attention.h"

#include <atomic>
#include <cstring>

namespace serval::llm {
namespace {

// Pairs of a query and a head in one job: they share the cached rows, and their absorbed queries
// and outputs stay in the second-level cache.
constexpr int kItems = 32;

int kv_width(const ModelShape& shape) { return shape.latent.kv_rank + shape.rotary_dim; }

}  // namespace

std::size_t LatentAttention::bytes(const ModelShape& shape, int max_tokens, int max_context) {
  const std::size_t row = std::size_t(shape.latent.q_rank) + std::size_t(shape.q_width()) +
                          std::size_t(kv_width(shape)) +
                          std::size_t(shape.heads) * std::size_t(shape.latent.value_dim);
  const std::size_t table = std::size_t(max_context) * std::size_t(shape.rotary_dim);
  return (row * std::size_t(max_tokens) + table) * sizeof(float);
}

LatentAttention::LatentAttention(const ModelShape& shape, int max_tokens, int max_context) {
  const auto rows = [&](int width) { return std::size_t(max_tokens) * std::size_t(width); };
  table_ = rope_table(shape.ropes[0], max_context, shape.rotary_dim);
  low_.resize(rows(shape.latent.q_rank));
  q_.resize(rows(shape.q_width()));
  kv_.resize(rows(kv_width(shape)));
  values_.resize(rows(shape.heads * shape.latent.value_dim));
}

void LatentAttention::run(const LayerWeights& weights, int layer, Step& step, const KvMemory& kv) {
  const LatentWeights& latent = weights.latent;
  step.normalise(weights.attention_norm);
  project(latent, step);
  write_kv(latent, layer, step, kv);
  attend(latent, layer, step, kv);
  step.quantise(values_.data(), latent.o.w.cols);
  step.close(latent.o, values_.data(), weights.post_attention_norm);
}

void LatentAttention::project(const LatentWeights& weights, Step& step) {
  const MatMul to_kv = step.product(weights.kv_a, step.normed.data(), kv_.data());
  const int rank = step.shape.latent.q_rank;
  if (rank == 0) {
    step.compute.matmul(
        std::array{step.product(weights.q_b, step.normed.data(), q_.data()), to_kv});
    return;
  }
  step.compute.matmul(
      std::array{step.product(weights.q_a, step.normed.data(), low_.data()), to_kv});
  step.compute.ranges(step.tokens, kRowsAChunk, [&](int begin, int end) {
    float* rows = low_.data() + std::size_t(begin) * std::size_t(rank);
    step.compute.ops().rms_norm({.x = rows,
                                 .x_stride = rank,
                                 .w = weights.q_a_norm,
                                 .y = rows,
                                 .y_stride = rank,
                                 .rows = end - begin,
                                 .dim = rank,
                                 .eps = step.shape.rms_epsilon});
  });
  step.quantise(low_.data(), rank);
  step.compute.matmul(std::array{step.product(weights.q_b, low_.data(), q_.data())});
}

// Rotates queries and keys, normalises the latent vectors and stores them in the cache.
void LatentAttention::write_kv(const LatentWeights& weights, int layer, Step& step,
                               const KvMemory& kv) {
  const ModelShape& shape = step.shape;
  const Ops& ops = step.compute.ops();
  const int rank = shape.latent.kv_rank, width = kv_width(shape);
  step.compute.ranges(step.tokens, kRowsAChunk, [&](int begin, int end) {
    float* queries = q_.data() + std::size_t(begin) * std::size_t(shape.q_width());
    float* rows = kv_.data() + std::size_t(begin) * std::size_t(width);
    const auto rotate = [&](float* x, int stride, int heads, int head_stride) {
      ops.rope({.x = x,
                .x_stride = stride,
                .positions = step.positions.data() + begin,
                .cos_sin = table_.data(),
                .tokens = end - begin,
                .heads = heads,
                .head_dim = head_stride,
                .rotary_dim = shape.rotary_dim,
                .layout = shape.rope_layout});
    };
    rotate(queries + shape.latent.key_dim, shape.q_width(), shape.heads, shape.head_dim);
    rotate(rows + rank, width, 1, width);
    ops.rms_norm({.x = rows,
                  .x_stride = width,
                  .w = weights.kv_a_norm,
                  .y = rows,
                  .y_stride = width,
                  .rows = end - begin,
                  .dim = rank,
                  .eps = shape.rms_epsilon});
    // Which slice and which of its tokens row t is, found by walking along.
    int row = 0;
    for (const ModelSlice& slice : step.slices) {
      for (int i = std::max(begin - row, 0); i < slice.count && row + i < end; ++i) {
        const int position = slice.position + i;
        const float* from = kv_.data() + std::size_t(row + i) * std::size_t(width);
        ops.mla_write({.latent = from,
                       .key = from + rank,
                       .block = kv.at(slice.blocks[std::size_t(position / kBlockTokens)], layer),
                       .slot = position % kBlockTokens,
                       .type = kv.type(),
                       .rank = rank,
                       .rope_dim = shape.rotary_dim});
      }
      row += slice.count;
    }
  });
}

void LatentAttention::plan_jobs(int layer, const Step& step, const KvMemory& kv) {
  blocks_.clear();
  first_block_.clear();
  jobs_.clear();
  const int heads = step.shape.heads, threads = step.compute.threads();
  int row = 0;
  for (std::size_t s = 0; s < step.slices.size(); ++s) {
    const ModelSlice& slice = step.slices[s];
    first_block_.push_back(int(blocks_.size()));
    for (const int block : slice.blocks) blocks_.push_back(kv.at(block, layer));
    for (int begin = 0; begin < slice.count; begin += kItems) {
      const int end = std::min(begin + kItems, slice.count);
      const int together =
          std::min(std::max(kItems / (end - begin), 1), (heads + threads - 1) / threads);
      for (int head = 0; head < heads; head += together)
        jobs_.push_back({int(s), row, begin, end, head, std::min(head + together, heads)});
    }
    row += slice.count;
  }
}

void LatentAttention::attend(const LatentWeights& weights, int layer, Step& step,
                             const KvMemory& kv) {
  const ModelShape& shape = step.shape;
  plan_jobs(layer, step, kv);
  const int threads = std::min(step.compute.threads(), int(jobs_.size()));
  if (scratch_.size() < std::size_t(threads)) {
    const int widest = std::max(shape.latent.kv_rank, shape.latent.key_dim);
    scratch_.resize(std::size_t(threads));
    for (Scratch& scratch : scratch_) {
      scratch.q.resize(std::size_t(kItems) * std::size_t(kv_width(shape)));
      scratch.out.resize(std::size_t(kItems) * std::size_t(shape.latent.kv_rank));
      const std::size_t bytes = quantized_bytes(kItems, widest / kBlockCols * kBlockCols);
      scratch.quantised.resize((bytes + sizeof(CacheLine) - 1) / sizeof(CacheLine));
    }
  }
  // Each chunk is a thread's share: it takes the next job as long as there is one.
  std::atomic<int> next{0};
  step.compute.each(threads, [&](int thread) {
    for (int i; (i = next.fetch_add(1, std::memory_order_relaxed)) < int(jobs_.size());)
      run_job(weights, jobs_[std::size_t(i)], step, kv.type(), scratch_[std::size_t(thread)]);
  });
}

void LatentAttention::run_job(const LatentWeights& weights, const Job& job, const Step& step,
                              KvType type, Scratch& scratch) {
  const ModelShape& shape = step.shape;
  const Ops& ops = step.compute.ops();
  const int rank = shape.latent.kv_rank, width = kv_width(shape), value = shape.latent.value_dim;
  const int queries = job.end - job.begin, heads = job.head_end - job.head_begin;
  const auto first = std::size_t(job.row + job.begin);
  // y = x W^T for the job's queries and one head.
  const auto project = [&](const PackedMatrix& w, const float* x, int64_t x_stride, float* y,
                           int64_t y_stride) {
    if (!is_float_form(w.form))
      ops.quantize_rows({.x = x,
                         .x_stride = x_stride,
                         .tokens = queries,
                         .cols = w.cols,
                         .token_begin = 0,
                         .token_end = queries,
                         .out = scratch.quantised.data()});
    ops.matmul({.w = w,
                .x = x,
                .x_stride = x_stride,
                .x_q = scratch.quantised.data(),
                .tokens = queries,
                .y = y,
                .y_stride = y_stride,
                .group_begin = 0,
                .group_end = group_count(w.rows),
                .token_begin = 0,
                .token_end = queries});
  };
  for (int h = 0; h < heads; ++h) {
    const int head = job.head_begin + h;
    const float* q = q_.data() + first * std::size_t(shape.q_width()) +
                     std::size_t(head) * std::size_t(shape.head_dim);
    float* absorbed = scratch.q.data() + std::size_t(h) * std::size_t(width);
    project(weights.k_b[std::size_t(head)], q, shape.q_width(), absorbed, heads * width);
    for (int i = 0; i < queries; ++i)
      std::memcpy(absorbed + std::size_t(i) * std::size_t(heads * width) + rank,
                  q + std::size_t(i) * std::size_t(shape.q_width()) + shape.latent.key_dim,
                  std::size_t(shape.rotary_dim) * sizeof(float));
  }
  ops.mla_attention({.q = scratch.q.data(),
                     .q_stride = heads * width,
                     .out = scratch.out.data(),
                     .out_stride = heads * rank,
                     .blocks = blocks_.data() + first_block_[std::size_t(job.slice)],
                     .type = type,
                     .q0 = step.slices[std::size_t(job.slice)].position + job.begin,
                     .n = queries,
                     .rank = rank,
                     .rope_dim = shape.rotary_dim,
                     .head_begin = 0,
                     .head_end = heads,
                     .scale = shape.attention_scale});
  for (int h = 0; h < heads; ++h) {
    const int head = job.head_begin + h, out_width = shape.heads * value;
    project(
        weights.v_b[std::size_t(head)], scratch.out.data() + std::size_t(h) * std::size_t(rank),
        heads * rank,
        values_.data() + first * std::size_t(out_width) + std::size_t(head) * std::size_t(value),
        out_width);
  }
}

}  // namespace serval::llm
