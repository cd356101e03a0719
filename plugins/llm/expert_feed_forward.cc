#include "plugins/llm/expert_feed_forward.h"

#include "plugins/llm/routing.h"

namespace serval::llm {
namespace {

std::size_t aligned(std::size_t bytes) { return (bytes + 63) / 64 * 64; }

std::size_t quantised_size(const ModelShape& shape, int pairs) {
  return quantised_bytes(pairs, std::max(shape.hidden, shape.experts.feed_forward)) +
         std::size_t(std::min(pairs, shape.experts.count)) * 64;
}

}  // namespace

std::size_t ExpertFeedForward::bytes(const ModelShape& shape, int max_tokens) {
  const ExpertShape& experts = shape.experts;
  if (experts.count == 0) return 0;
  const int pairs = max_tokens * experts.used;
  const std::size_t row = std::size_t(shape.hidden) + 2 * std::size_t(experts.feed_forward) + 4;
  return (std::size_t(pairs) * row + std::size_t(max_tokens) * std::size_t(experts.count)) *
             sizeof(float) +
         quantised_size(shape, pairs);
}

ExpertFeedForward::ExpertFeedForward(const ModelShape& shape, int max_tokens) {
  const ExpertShape& experts = shape.experts;
  if (experts.count == 0) return;
  const auto pairs = std::size_t(max_tokens) * std::size_t(experts.used);
  scores_.resize(std::size_t(max_tokens) * std::size_t(experts.count));
  chosen_.resize(pairs);
  weights_.resize(pairs);
  row_of_.resize(pairs);
  token_of_.resize(pairs);
  x_.resize(pairs * std::size_t(shape.hidden));
  gate_.resize(pairs * std::size_t(experts.feed_forward));
  up_.resize(gate_.size());
  quantised_.resize(quantised_size(shape, int(pairs)));
}

void ExpertFeedForward::run(const LayerWeights& weights, Step& step, DenseFeedForward& dense) {
  step.normalise(weights.feed_forward_norm);
  choose(weights.experts, step);
  group(step.shape.experts, step.tokens);
  gather(step);
  if (step.shape.experts.shared > 0) dense.run(weights.experts.shared, nullptr, nullptr, step);
  multiply(weights.experts, step);
  mix(step);
  step.close(weights.post_feed_forward_norm);
}

void ExpertFeedForward::choose(const ExpertWeights& weights, Step& step) {
  const ExpertShape& experts = step.shape.experts;
  step.compute.matmul(std::array{step.product(weights.router, step.normed.data(), scores_.data())});
  step.compute.ranges(step.tokens, kRowsAChunk, [&](int begin, int end) {
    for (int token = begin; token < end; ++token) {
      const auto first = std::size_t(token) * std::size_t(experts.used);
      choose_experts(experts, scores_.data() + std::size_t(token) * std::size_t(experts.count),
                     weights.choice_bias, chosen_.data() + first, weights_.data() + first);
    }
  });
}

// Numbers the pairs of token and expert by expert, and within one by token.
void ExpertFeedForward::group(const ExpertShape& experts, int tokens) {
  const int pairs = tokens * experts.used;
  std::vector<int> begin(std::size_t(experts.count) + 1);
  for (int i = 0; i < pairs; ++i) ++begin[std::size_t(chosen_[std::size_t(i)]) + 1];
  groups_.clear();
  for (std::size_t e = 0; e < std::size_t(experts.count); ++e) {
    begin[e + 1] += begin[e];
    if (begin[e + 1] > begin[e]) groups_.push_back({int(e), begin[e], begin[e + 1], 0});
  }
  for (int i = 0; i < pairs; ++i) {
    const int row = begin[std::size_t(chosen_[std::size_t(i)])]++;
    row_of_[std::size_t(i)] = row;
    token_of_[std::size_t(row)] = i / experts.used;
  }
}

// x_ = the rows of step.normed each expert is to see.
void ExpertFeedForward::gather(Step& step) {
  const auto hidden = std::size_t(step.shape.hidden);
  step.compute.ranges(groups_.back().end, kRowsAChunk, [&](int begin, int end) {
    for (auto row = std::size_t(begin); row < std::size_t(end); ++row) {
      const float* from = step.normed.data() + std::size_t(token_of_[row]) * hidden;
      std::copy(from, from + hidden, x_.data() + row * hidden);
    }
  });
}

// x_ = each group's rows through its expert.
void ExpertFeedForward::multiply(const ExpertWeights& experts, Step& step) {
  const int width = step.shape.experts.feed_forward;
  quantise(step, x_.data(), step.shape.hidden);
  products_.clear();
  for (const Group& group : groups_) {
    const auto e = std::size_t(group.expert);
    products_.push_back(product(group, experts.gate[e], x_.data(), gate_.data()));
    products_.push_back(product(group, experts.up[e], x_.data(), up_.data()));
  }
  step.compute.matmul(std::span(products_));
  step.compute.ranges(groups_.back().end, rows_a_chunk(width), [&](int begin, int end) {
    gate_rows(step, gate_.data(), up_.data(), begin, end, width);
  });
  quantise(step, gate_.data(), width);
  products_.clear();
  for (const Group& group : groups_)
    products_.push_back(
        product(group, experts.down[std::size_t(group.expert)], gate_.data(), x_.data()));
  step.compute.matmul(std::span(products_));
}

// step.normed = each token's experts, weighted.
void ExpertFeedForward::mix(Step& step) {
  const auto hidden = std::size_t(step.shape.hidden);
  const int used = step.shape.experts.used;
  step.compute.ranges(step.tokens, kRowsAChunk, [&](int begin, int end) {
    const float* outputs[kMostExpertsUsed];
    for (int token = begin; token < end; ++token) {
      const auto first = std::size_t(token) * std::size_t(used);
      for (int i = 0; i < used; ++i)
        outputs[i] = x_.data() + std::size_t(row_of_[first + std::size_t(i)]) * hidden;
      step.compute.ops().mix_rows({outputs, weights_.data() + first, used,
                                   step.normed.data() + std::size_t(token) * hidden,
                                   int64_t(hidden)});
    }
  });
}

void ExpertFeedForward::lay_out(int64_t cols) {
  std::size_t bytes = 0;
  for (Group& group : groups_) {
    group.quantised_at = bytes;
    bytes += aligned(quantized_bytes(group.end - group.begin, cols));
  }
  if (quantised_.size() < bytes) quantised_.resize(bytes);
}

void ExpertFeedForward::quantise(Step& step, const float* rows, int64_t cols) {
  if (cols % kBlockCols != 0) return;  // float weights only: as Step::quantise
  lay_out(cols);
  const int count = int(groups_.size());
  const bool few = groups_.back().end <= 2 * kRowsAChunk;
  step.compute.ranges(count, few ? count : 1, [&](int begin, int end) {
    for (int g = begin; g < end; ++g) {
      const Group& group = groups_[std::size_t(g)];
      const int tokens = group.end - group.begin;
      step.compute.ops().quantize_rows({.x = rows + std::size_t(group.begin) * std::size_t(cols),
                                        .x_stride = cols,
                                        .tokens = tokens,
                                        .cols = cols,
                                        .token_begin = 0,
                                        .token_end = tokens,
                                        .out = quantised_.data() + group.quantised_at});
    }
  });
}

MatMul ExpertFeedForward::product(const Group& group, const PackedMatrix& w, const float* from,
                                  float* y) const {
  const auto row = std::size_t(group.begin);
  return {.w = w,
          .x = from + row * std::size_t(w.cols),
          .x_stride = w.cols,
          .x_q = quantised_.data() + group.quantised_at,
          .tokens = group.end - group.begin,
          .y = y + row * std::size_t(w.rows),
          .y_stride = w.rows};
}

}  // namespace serval::llm
