// How products over a block of rows are spread: all of one on this thread, or each over all
// threads. Both give the same bits.
#pragma once

#include <algorithm>

#include "common/thread_pool.h"
#include "kernels/ops.h"

namespace serval::bei {

class RowWork {
 public:
  // pool: null to stay on the caller's thread.
  RowWork(const Ops& ops, ThreadPool* pool) : ops_(ops), pool_(pool) {}

  const Ops& ops() const { return ops_; }

  // All panels of it.
  void dense(Dense product) const {
    const int64_t panels = dense_panels(product.w.n);
    if (pool_ == nullptr) {
      product.panel_begin = 0;
      product.panel_end = panels;
      return ops_.dense(product);
    }
    // A chunk is worth its dispatch from some 2 us on.
    constexpr int64_t kChunkCost = 400'000;  // multiply-adds
    const int64_t cost = product.w.n * product.w.k * (product.row_end - product.row_begin);
    const int64_t chunks = std::clamp<int64_t>(
        cost / kChunkCost, 1, std::min<int64_t>(panels, int64_t(pool_->threads()) * 2));
    const auto part = [&](int chunk) {
      Dense mine = product;
      mine.panel_begin = panels * chunk / chunks;
      mine.panel_end = panels * (chunk + 1) / chunks;
      ops_.dense(mine);
    };
    if (chunks == 1) return part(0);
    pool_->run(int(chunks), part);
  }

 private:
  const Ops& ops_;
  ThreadPool* pool_;
};

}  // namespace serval::bei
