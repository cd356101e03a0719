// Kernels spread over the thread pool: how a phase of a layer is cut into chunks.
#pragma once

#include <algorithm>
#include <array>

#include "common/thread_pool.h"
#include "kernels/ops.h"

namespace serval::llm {

class Compute {
 public:
  Compute(const Ops& ops, ThreadPool& pool) : ops_(ops), pool_(pool) {}

  const Ops& ops() const { return ops_; }

  // Several matrix products over the same tokens as one phase. A chunk is some row groups of one of
  // them: large enough to pay for its dispatch, small enough that threads finish together.
  template <std::size_t N>
  void matmul(std::array<MatMul, N> products) {
    int64_t work = 0;
    for (MatMul& product : products) {
      product.token_begin = 0;
      product.token_end = product.tokens;
      work += group_count(product.w.rows) * cost(product);
    }
    const int64_t chunks_wanted = std::max<int64_t>(work / kChunkCost, pool_.threads() * 4);
    const int64_t chunk_cost = std::max<int64_t>(work / chunks_wanted, 1);
    std::array<int64_t, N> step{};   // row groups a chunk
    std::array<int, N + 1> first{};  // first chunk of each product
    for (std::size_t i = 0; i < N; ++i) {
      step[i] = std::max<int64_t>(chunk_cost / cost(products[i]), 1);
      const int64_t groups = group_count(products[i].w.rows);
      first[i + 1] = first[i] + int((groups + step[i] - 1) / step[i]);
    }
    pool_.run(first[N], [&](int chunk) {
      std::size_t i = 0;
      while (chunk >= first[i + 1]) ++i;
      MatMul part = products[i];
      part.group_begin = (chunk - first[i]) * step[i];
      part.group_end = std::min(part.group_begin + step[i], group_count(part.w.rows));
      ops_.matmul(part);
    });
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
  static constexpr int64_t kChunkCost = 16'000'000;  // multiply-adds: some 70 us of one core

  // Of one row group. A product of few tokens costs the reading of the weights.
  static int64_t cost(const MatMul& product) {
    return kGroupRows * product.w.cols * std::max(product.tokens, 4);
  }

  const Ops& ops_;
  ThreadPool& pool_;
};

}  // namespace serval::llm
