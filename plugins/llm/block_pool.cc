#include "plugins/llm/block_pool.h"

namespace serval::llm {

BlockPool::BlockPool(int blocks) : blocks_(std::size_t(blocks)) {
  free_.reserve(std::size_t(blocks));
  for (int block = blocks - 1; block >= 0; --block) free_.push_back(block);
}

int BlockPool::take() {
  if (free_.empty()) return -1;
  const int block = free_.back();
  free_.pop_back();
  blocks_[std::size_t(block)].references = 1;
  return block;
}

void BlockPool::retain(int block) {
  Block& b = blocks_[std::size_t(block)];
  if (b.references++ == 0) --idle_;
}

bool BlockPool::release(int block) {
  Block& b = blocks_[std::size_t(block)];
  if (--b.references > 0) return false;
  if (!b.kept) {
    free_.push_back(block);
    return false;
  }
  ++idle_;
  return true;
}

void BlockPool::keep(int block) { blocks_[std::size_t(block)].kept = true; }

void BlockPool::forget(int block) {
  Block& b = blocks_[std::size_t(block)];
  b.kept = false;
  if (b.references > 0) return;
  --idle_;
  free_.push_back(block);
}

}  // namespace serval::llm
