#include "plugins/llm/output_head.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace serval::llm {
namespace {

// With more rows the copy's products cost more than reading the head once for all of them.
constexpr int kCoarseRows = 4;
// Candidates beyond this are no longer cheaper than the whole head.
constexpr std::size_t kMostCandidates = 512;
constexpr int kRanges = 16;  // of the vocabulary, searched in parallel

}  // namespace

OutputHead::OutputHead(const ModelShape& shape)
    : x_(std::size_t(LanguageModel::kLogitRows) * std::size_t(shape.hidden)),
      logits_(std::size_t(LanguageModel::kLogitRows) * std::size_t(shape.vocab)),
      found_(kRanges) {}

std::size_t OutputHead::bytes(const ModelShape& shape) {
  return std::size_t(LanguageModel::kLogitRows) * std::size_t(shape.hidden + shape.vocab) *
         sizeof(float);
}

MatMul OutputHead::product(const PackedMatrix& w, int rows, const Step& step) {
  MatMul head = step.product({w}, x_.data(), logits_.data());
  head.tokens = rows;
  head.token_begin = 0;
  head.token_end = rows;
  head.group_begin = 0;
  head.group_end = group_count(w.rows);
  return head;
}

const float* OutputHead::run(const Weights& weights, std::span<const int> rows, LogitsFor use,
                             Step& step) {
  const int width = step.shape.hidden, count = int(rows.size());
  const Ops& ops = step.compute.ops();
  for (int i = 0; i < count; ++i) {
    ops.rms_norm({.x = step.x.data() + std::size_t(rows[std::size_t(i)]) * std::size_t(width),
                  .x_stride = width,
                  .w = weights.output_norm,
                  .y = x_.data() + std::size_t(i) * std::size_t(width),
                  .y_stride = width,
                  .rows = 1,
                  .dim = width,
                  .eps = step.shape.rms_epsilon});
  }
  step.quantise(x_.data(), width, count, step.quantised.data());

  // A soft cap may make different logits equal, so that what is less matters for ties.
  if (use == LogitsFor::greatest && count <= kCoarseRows && weights.coarse_head.slack != nullptr &&
      step.shape.logit_soft_cap == 0) {
    step.compute.matmul(std::array{product(weights.coarse_head.w, count, step)});
    bool all = true;
    for (int i = 0; all && i < count; ++i) all = run_coarse(weights, i, count, step);
    if (all) return logits_.data();
  }
  step.compute.matmul(std::array{product(weights.head, count, step)});
  if (step.shape.logit_soft_cap != 0) {
    const int64_t n = int64_t{count} * step.shape.vocab;
    ops.soft_cap(
        {.x = logits_.data(), .y = logits_.data(), .n = n, .cap = step.shape.logit_soft_cap});
  }
  return logits_.data();
}

// Replaces one row of the copy's logits by the head's own where the greatest may be, and by -inf
// elsewhere. False: cannot, or would not pay; the row is then spoilt.
bool OutputHead::run_coarse(const Weights& weights, int row, int rows, Step& step) {
  const int vocab = step.shape.vocab;
  float* logits = logits_.data() + std::size_t(row) * std::size_t(vocab);
  const float norm = quantised_norm(step.quantised.data(), rows, step.shape.hidden, row, squares_);
  const int64_t best = step.compute.ops().argmax(logits, vocab);
  if (best < 0 || !std::isfinite(norm) || !std::isfinite(logits[best])) return false;

  // The greatest logit is at least that of the copy's favourite, whose group is computed exactly.
  MatMul exact = product(weights.head, rows, step);
  exact.token_begin = row;
  exact.token_end = row + 1;
  exact.group_begin = best / kGroupRows;
  exact.group_end = exact.group_begin + 1;
  const int first = int(exact.group_begin) * kGroupRows, last = std::min(first + kGroupRows, vocab);
  float copied[kGroupRows];
  std::copy(logits + first, logits + last, copied);
  step.compute.ops().matmul(exact);
  const float least = *std::max_element(logits + first, logits + last);
  std::copy(copied, copied + (last - first), logits + first);

  step.compute.each(kRanges, [&](int range) {
    const auto edge = [&](int i) { return int(int64_t(vocab) * i / kRanges); };
    std::vector<int>& found = found_[std::size_t(range)];
    found.clear();
    find_candidates(weights.coarse_head, logits, norm, squares_, least, edge(range),
                    edge(range + 1), kMostCandidates, found);
  });
  std::size_t candidates = 0;
  groups_.clear();
  for (const std::vector<int>& found : found_) {
    candidates += found.size();
    for (const int candidate : found)
      if (groups_.empty() || groups_.back() != candidate / kGroupRows)
        groups_.push_back(candidate / kGroupRows);
  }
    fprintf(stderr, "cand %zu groups %zu norm %g\n", candidates, groups_.size(), double(norm));
  if (candidates > kMostCandidates) return false;

  std::fill(logits, logits + vocab, -std::numeric_limits<float>::infinity());
  constexpr int kGroupsAChunk = 8;
  const int chunks = (int(groups_.size()) + kGroupsAChunk - 1) / kGroupsAChunk;
  step.compute.each(chunks, [&](int chunk) {
    const std::size_t begin = std::size_t(chunk) * kGroupsAChunk;
    const std::size_t end = std::min(begin + kGroupsAChunk, groups_.size());
    for (std::size_t i = begin; i < end; ++i) {
      MatMul part = exact;
      part.group_begin = groups_[i];
      part.group_end = groups_[i] + 1;
      step.compute.ops().matmul(part);
    }
  });
  return true;
}

}  // namespace serval::llm
