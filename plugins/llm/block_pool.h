// Paged KV cache: which block belongs to whom. Bookkeeping only; the memory is kv_memory.h's.
#pragma once

#include <cstdint>
#include <vector>

namespace serval::llm {

// Tokens in one block of the KV cache.
inline constexpr int kBlockTokens = 32;

// Blocks that hold n tokens.
constexpr int blocks_for(int tokens) { return (tokens + kBlockTokens - 1) / kBlockTokens; }

// Counted references to a fixed number of blocks. Not thread-safe: the engine's thread only.
class BlockPool {
 public:
  explicit BlockPool(int blocks);

  int total() const { return int(references_.size()); }
  int free() const { return int(free_.size()); }

  // A block with one reference, or -1 when none is free. Low numbers first, so memory that was
  // never needed is never touched.
  int take();
  void retain(int block);
  // Gives one reference back.
  void release(int block);
  bool shared(int block) const { return references_[std::size_t(block)] > 1; }

 private:
  std::vector<int> references_;
  std::vector<int> free_;  // a stack
};

}  // namespace serval::llm
