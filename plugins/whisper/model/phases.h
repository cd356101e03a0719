// The decoder's work spread over threads, a phase at a time.
#pragma once

#include <algorithm>

#include "common/thread_pool.h"
#include "kernels/ops.h"

namespace serval::whisper {

class Phases {
 public:
  Phases(const Ops& ops, ThreadPool& pool) : ops_(ops), pool_(pool) {}

  const Ops& ops() const { return ops_; }

  // All panels of a product; after(first, last) follows on the same thread with the outputs that
  // a chunk has made.
  template <class After>
  void product(const Dense& dense, After&& after) {
    const int64_t panels = dense_panels(dense.w.n);
    const int64_t work = dense.w.n * dense.w.k * std::max(dense.row_end - dense.row_begin, kRows);
    const int64_t chunks = chunks_of(work, std::min<int64_t>(panels, kMost * pool_.threads()));
    const auto part = [&](int chunk) {
      Dense mine = dense;
      mine.panel_begin = panels * chunk / chunks;
      mine.panel_end = panels * (chunk + 1) / chunks;
      ops_.dense(mine);
      after(mine.panel_begin * kDensePanel, std::min(mine.panel_end * kDensePanel, dense.w.n));
    };
    chunks == 1 ? part(0) : pool_.run(int(chunks), part);
  }
  void product(const Dense& dense) {
    product(dense, [](int64_t, int64_t) {});
  }

  // body(begin, end) over ranges of [0, count), each element of which costs about `cost`
  // multiply-adds.
  template <class Body>
  void ranges(int count, int64_t cost, Body&& body) {
    const int chunks =
        int(chunks_of(count * cost, std::min<int64_t>(count, kMost * pool_.threads())));
    if (chunks <= 1) return body(0, count);
    pool_.run(chunks, [&](int chunk) {
      body(int(int64_t{count} * chunk / chunks), int(int64_t{count} * (chunk + 1) / chunks));
    });
  }

 private:
  static constexpr int kRows = 4;             // a product of fewer costs the reading of the weights
  static constexpr int kMost = 4;             // chunks a thread
  static constexpr int64_t kChunk = 300'000;  // worth its dispatch: some 3 us

  int64_t chunks_of(int64_t work, int64_t most) const {
    if (pool_.threads() == 1 || work < 2 * kChunk) return 1;
    return std::clamp<int64_t>(work / (8 * kChunk), std::min<int64_t>(pool_.threads(), most),
                               std::max<int64_t>(most, 1));
  }

  const Ops& ops_;
  ThreadPool& pool_;
};

}  // namespace serval::whisper
