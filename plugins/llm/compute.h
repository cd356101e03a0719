// Kernels spread over the thread pool: how a phase of a layer is cut into chunks.
#pragma once

#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include "common/thread_pool.h"
#include "kernels/ops.h"

namespace serval::llm {

class Compute {
 public:
  Compute(const Ops& ops, ThreadPool& pool) : ops_(ops), pool_(pool) {}

  const Ops& ops() const { return ops_; }
  int threads() const { return pool_.threads(); }

  // Whether products of so many tokens have time to ask for what is read after them.
  static bool has_time(int tokens) { return tokens > kTokensOfWeights; }

  // What is read after the next products, in runs of `bytes`: they ask for it where they have the
  // time. The runs stay valid until then.
  void read_ahead(std::span<const void* const> runs, std::size_t bytes) {
    ahead_ = {runs.data(), int64_t(bytes / kCacheLine), 0, 0};
    ahead_lines_ = int64_t(runs.size()) * ahead_.run_lines;
  }

  // Several matrix products as one phase; each takes all its tokens. A chunk is some row groups of
  // one of them: large enough to pay for its dispatch, small enough that threads finish together.
  void matmul(std::span<MatMul> products) {
    int64_t work = 0, lines = 0;
    for (MatMul& product : products) {
      product.token_begin = 0;
      product.token_end = product.tokens;
      work += group_count(product.w.rows) * cost(product);
      lines += spare_lines(product);
    }
    lines = std::min(lines, ahead_lines_ - ahead_.end);
    const int64_t chunks_wanted =
        std::max<int64_t>(work / kChunkCost, pool_.threads() * kChunksAThread);
    const int64_t chunk_cost = std::max<int64_t>(work / chunks_wanted, 1);
    parts_.clear();
    int chunks = 0;
    for (const MatMul& product : products) {
      const int64_t step = std::max<int64_t>(chunk_cost / cost(product), 1);
      parts_.push_back({chunks, step});
      chunks += int((group_count(product.w.rows) + step - 1) / step);
    }
    pool_.run(chunks, [&](int chunk) {
      const auto next = std::upper_bound(parts_.begin(), parts_.end(), chunk,
                                         [](int c, const Part& part) { return c < part.first; });
      const Part& part = *(next - 1);
      MatMul product = products[std::size_t(next - 1 - parts_.begin())];
      product.group_begin = (chunk - part.first) * part.step;
      product.group_end = std::min(product.group_begin + part.step, group_count(product.w.rows));
      product.ahead = ahead_;
      product.ahead.begin = ahead_.end + lines * chunk / chunks;
      product.ahead.end = ahead_.end + lines * (chunk + 1) / chunks;
      ops_.matmul(product);
    });
    ahead_.end += lines;
  }
  template <std::size_t N>
  void matmul(std::array<MatMul, N> products) {
    matmul(std::span<MatMul>(products));
  }

  // Tokens [begin, end) of a product on the caller's thread.
  void matmul_range(MatMul product, int begin, int end) const {
    product.token_begin = begin;
    product.token_end = end;
    product.group_begin = 0;
    product.group_end = group_count(product.w.rows);
    ops_.matmul(product);
  }

  // body(begin, end) over ranges of [0, count); alone on the caller's thread when there is little
  // to do.
  template <class Body>
  void ranges(int count, int least, Body&& body) {
    const int chunks = std::clamp(count / least, 1, pool_.threads() * 4);
    if (chunks == 1) return body(0, count);
    pool_.run(chunks, [&](int chunk) {
      const auto edge = [&](int i) { return int(int64_t(count) * i / chunks); };
      body(edge(chunk), edge(chunk + 1));
    });
  }

  // One call of body(i) for each i, every one a chunk.
  template <class Body>
  void each(int count, Body&& body) {
    if (count == 1) return body(0);
    pool_.run(count, body);
  }

 private:
  struct Part {    // of a phase: one product
    int first;     // chunk
    int64_t step;  // row groups a chunk
  };
  static constexpr int64_t kCacheLine = 64;
  static constexpr int kTokensOfWeights = 5;
  static constexpr int kChunksAThread = 12;
  static constexpr int64_t kChunkCost = 16'000'000;  // multiply-adds: some 70 us of one core

  // Of one row group. A product of few tokens costs the reading of the weights.
  static int64_t cost(const MatMul& product) {
    return kGroupRows * product.w.cols * std::max(product.tokens, 4);
  }

  // Cache lines that a product can ask for without waiting: for each pair of blocks its arithmetic
  // takes longer by every token, its own weights cost the memory's time of kTokensOfWeights.
  static int64_t spare_lines(const MatMul& product) {
    const int64_t pairs = group_count(product.w.rows) * product.w.cols / (2 * kBlockCols);
    return pairs * std::clamp(product.tokens - kTokensOfWeights, 0, 12);
  }

  const Ops& ops_;
  ThreadPool& pool_;
  ReadAhead ahead_;  // end: lines that have been asked for
  int64_t ahead_lines_ = 0;
  std::vector<Part> parts_;
};

}  // namespace serval::llm
