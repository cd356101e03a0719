#include "plugins/llm/block_pool.h"

namespace serval::llm {

BlockPool::BlockPool(int blocks) : references_(std::size_t(blocks), 0) {
  free_.reserve(std::size_t(blocks));
  for (int block = blocks - 1; block >= 0; --block) free_.push_back(block);
}

int BlockPool::take() {
  if (free_.empty()) return -1;
  const int block = free_.back();
  free_.pop_back();
  references_[std::size_t(block)] = 1;
  return block;
}

void BlockPool::retain(int block) { ++references_[std::size_t(block)]; }

void BlockPool::release(int block) {
  if (--references_[std::size_t(block)] == 0) free_.push_back(block);
}

}  // namespace serval::llm
