#include "plugins/llm/model.h"

#include <cmath>

namespace serval::llm {
namespace {

constexpr int kRowsAChunk = 8;      // fewer rows of a cheap operation stay on one thread
constexpr int kQueriesAChunk = 32;  // of one prompt in one attention chunk

std::size_t quantised_bytes(const ModelShape& shape, int max_tokens) {
  const int widest = std::max({shape.hidden, shape.q_width(), shape.feed_forward});
  return quantized_bytes(std::max(max_tokens, Model::kLogitRows), (widest + 31) / 32 * 32);
}

}  // namespace

std::size_t Model::workspace_bytes(const ModelShape& shape, int max_tokens, int max_context) {
  const std::size_t row = 2 * std::size_t(shape.hidden) + std::size_t(shape.q_width()) +
                          2 * std::size_t(shape.kv_width()) + 2 * std::size_t(shape.feed_forward);
  const std::size_t floats = row * std::size_t(max_tokens) +
                             std::size_t(max_context) * std::size_t(shape.rotary_dim) +
                             std::size_t(kLogitRows) * std::size_t(shape.hidden + shape.vocab);
  return floats * sizeof(float) + quantised_bytes(shape, max_tokens);
}

Model::Model(ModelShape shape, Weights weights, const Ops& ops, ThreadPool& pool, int max_tokens,
             int max_context)
    : shape_(std::move(shape)), weights_(std::move(weights)), compute_(ops, pool) {
  const auto rows = [&](int width) { return std::size_t(max_tokens) * std::size_t(width); };
  rope_.resize(std::size_t(max_context) * std::size_t(shape_.rotary_dim));
  build_rope_table(rope_.data(), max_context, shape_.rotary_dim, shape_.rope_base,
                   shape_.rope_factors.empty() ? nullptr : shape_.rope_factors.data());
  positions_.resize(std::size_t(max_tokens));
  x_.resize(rows(shape_.hidden));
  normed_.resize(rows(shape_.hidden));
  q_.resize(rows(shape_.q_width()));
  k_.resize(rows(shape_.kv_width()));
  v_.resize(rows(shape_.kv_width()));
  gate_.resize(rows(shape_.feed_forward));
  up_.resize(rows(shape_.feed_forward));
  wanted_x_.resize(std::size_t(kLogitRows) * std::size_t(shape_.hidden));
  logits_.resize(std::size_t(kLogitRows) * std::size_t(shape_.vocab));
  quantised_.resize(quantised_bytes(shape_, max_tokens));
}

int Model::forward(std::span<const ModelSlice> slices, const KvMemory& kv) {
  embed(slices);
  for (int i = 0; i < shape_.layers; ++i) {
    const LayerWeights& layer = weights_.layers[std::size_t(i)];
    attention(layer, i, slices, kv);
    feed_forward(layer);
  }
  return int(wanted_.size());
}

void Model::embed(std::span<const ModelSlice> slices) {
  tokens_ = 0;
  wanted_.clear();
  block_pointers_.clear();
  block_offsets_.clear();
  for (const ModelSlice& slice : slices) {
    block_offsets_.push_back(int(block_pointers_.size()));
    block_pointers_.resize(block_pointers_.size() + slice.blocks.size());
    for (int i = 0; i < slice.count; ++i, ++tokens_) {
      positions_[std::size_t(tokens_)] = slice.position + i;
      if (i >= slice.logits_from) wanted_.push_back(tokens_);
      dequantize_packed_row(weights_.embedding, slice.tokens[i],
                            x_.data() + std::size_t(tokens_) * std::size_t(shape_.hidden));
    }
  }
}

void Model::attention(const LayerWeights& layer, int index, std::span<const ModelSlice> slices,
                      const KvMemory& kv) {
  normalise(layer.attention_norm);
  compute_.matmul(std::array{product(layer.q, normed_.data(), q_.data()),
                             product(layer.k, normed_.data(), k_.data()),
                             product(layer.v, normed_.data(), v_.data())});
  write_kv(index, slices, kv);
  attend(index, slices, kv);
  quantise(q_.data(), shape_.q_width());
  MatMul out = product(layer.o, q_.data(), x_.data());
  out.add = x_.data();
  out.add_stride = shape_.hidden;
  compute_.matmul(std::array{out});
}

// Rotates queries and keys and stores keys and values in the cache.
void Model::write_kv(int index, std::span<const ModelSlice> slices, const KvMemory& kv) {
  // Which slice and which of its tokens row t is, found by walking along.
  compute_.ranges(tokens_, kRowsAChunk, [&](int begin, int end) {
    const auto rotate = [&](std::vector<float>& values, int heads) {
      const int width = heads * shape_.head_dim;
      compute_.ops().rope({.x = values.data() + std::size_t(begin) * std::size_t(width),
                           .x_stride = width,
                           .positions = positions_.data() + begin,
                           .cos_sin = rope_.data(),
                           .tokens = end - begin,
                           .heads = heads,
                           .head_dim = shape_.head_dim,
                           .rotary_dim = shape_.rotary_dim,
                           .layout = shape_.family.rope_layout});
    };
    rotate(q_, shape_.heads);
    rotate(k_, shape_.kv_heads);
    int row = 0;
    for (const ModelSlice& slice : slices) {
      for (int i = std::max(begin - row, 0); i < slice.count && row + i < end; ++i) {
        const int position = slice.position + i;
        const std::size_t at = std::size_t(row + i) * std::size_t(shape_.kv_width());
        compute_.ops().kv_write(
            {.k = k_.data() + at,
             .v = v_.data() + at,
             .block = kv.at(slice.blocks[std::size_t(position / kBlockTokens)], index),
             .slot = position % kBlockTokens,
             .type = kv.type(),
             .kv_heads = shape_.kv_heads,
             .head_dim = shape_.head_dim});
      }
      row += slice.count;
    }
  });
}

void Model::attend(int index, std::span<const ModelSlice> slices, const KvMemory& kv) {
  struct Job {
    int slice, row, begin, end;  // queries [begin, end) of the slice, whose first row is `row`
  };
  std::vector<Job> jobs;
  int row = 0;
  for (std::size_t s = 0; s < slices.size(); ++s) {
    const ModelSlice& slice = slices[s];
    for (std::size_t b = 0; b < slice.blocks.size(); ++b)
      block_pointers_[std::size_t(block_offsets_[s]) + b] = kv.at(slice.blocks[b], index);
    for (int begin = 0; begin < slice.count; begin += kQueriesAChunk)
      jobs.push_back({int(s), row, begin, std::min(begin + kQueriesAChunk, slice.count)});
    row += slice.count;
  }
  const float scale = 1.0f / std::sqrt(float(shape_.head_dim));
  compute_.each(int(jobs.size()) * shape_.kv_heads, [&](int chunk) {
    const Job& job = jobs[std::size_t(chunk / shape_.kv_heads)];
    const int kv_head = chunk % shape_.kv_heads;
    float* rows = q_.data() + std::size_t(job.row + job.begin) * std::size_t(shape_.q_width());
    compute_.ops().attention(
        {.q = rows,
         .q_stride = shape_.q_width(),
         .out = rows,
         .out_stride = shape_.q_width(),
         .blocks = block_pointers_.data() + block_offsets_[std::size_t(job.slice)],
         .type = kv.type(),
         .q0 = slices[std::size_t(job.slice)].position + job.begin,
         .n = job.end - job.begin,
         .heads = shape_.heads,
         .kv_heads = shape_.kv_heads,
         .head_dim = shape_.head_dim,
         .kv_head_begin = kv_head,
         .kv_head_end = kv_head + 1,
         .scale = scale});
  });
}

void Model::feed_forward(const LayerWeights& layer) {
  normalise(layer.feed_forward_norm);
  compute_.matmul(std::array{product(layer.gate, normed_.data(), gate_.data()),
                             product(layer.up, normed_.data(), up_.data())});
  const int width = shape_.feed_forward;
  compute_.ranges(tokens_, kRowsAChunk, [&](int begin, int end) {
    const std::size_t at = std::size_t(begin) * std::size_t(width);
    compute_.ops().silu_mul({.gate = gate_.data() + at,
                             .gate_stride = width,
                             .up = up_.data() + at,
                             .up_stride = width,
                             .y = gate_.data() + at,
                             .y_stride = width,
                             .rows = end - begin,
                             .dim = width});
  });
  quantise(gate_.data(), width);
  MatMul out = product(layer.down, gate_.data(), x_.data());
  out.add = x_.data();
  out.add_stride = shape_.hidden;
  compute_.matmul(std::array{out});
}

// normed_ = RMSNorm(x_), also in its quantised form.
void Model::normalise(const float* weight) {
  const int width = shape_.hidden;
  compute_.ranges(tokens_, kRowsAChunk, [&](int begin, int end) {
    const std::size_t at = std::size_t(begin) * std::size_t(width);
    compute_.ops().rms_norm({.x = x_.data() + at,
                             .x_stride = width,
                             .w = weight,
                             .y = normed_.data() + at,
                             .y_stride = width,
                             .rows = end - begin,
                             .dim = width,
                             .eps = shape_.rms_epsilon});
  });
  quantise(normed_.data(), width);
}

// A row that no integer format can hold (a width that is not a multiple of 32) feeds float weights
// only.
void Model::quantise(const float* x, int64_t cols) {
  if (cols % kBlockCols != 0) return;
  compute_.ranges(tokens_, kRowsAChunk, [&](int begin, int end) {
    compute_.ops().quantize_rows({.x = x,
                                  .x_stride = cols,
                                  .tokens = tokens_,
                                  .cols = cols,
                                  .token_begin = begin,
                                  .token_end = end,
                                  .out = quantised_.data()});
  });
}

MatMul Model::product(const Linear& linear, const float* x, float* y) const {
  return {.w = linear.w,
          .x = x,
          .x_stride = linear.w.cols,
          .x_q = quantised_.data(),
          .tokens = tokens_,
          .y = y,
          .y_stride = linear.w.rows,
          .bias = linear.bias};
}

const float* Model::logits(int first, int count) {
  const int width = shape_.hidden;
  for (int i = 0; i < count; ++i) {
    const std::size_t row = std::size_t(wanted_[std::size_t(first + i)]);
    compute_.ops().rms_norm({.x = x_.data() + row * std::size_t(width),
                             .x_stride = width,
                             .w = weights_.output_norm,
                             .y = wanted_x_.data() + std::size_t(i) * std::size_t(width),
                             .y_stride = width,
                             .rows = 1,
                             .dim = width,
                             .eps = shape_.rms_epsilon});
  }
  tokens_ = count;
  quantise(wanted_x_.data(), width);
  compute_.matmul(std::array{product({weights_.head}, wanted_x_.data(), logits_.data())});
  return logits_.data();
}

}  // namespace serval::llm
