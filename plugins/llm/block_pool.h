// Paged KV cache: which block belongs to whom. Bookkeeping only; the memory is kv_memory.h's.
#pragma once

#include <cstdint>
#include <vector>

namespace serval::llm {

// Tokens in one block of the KV cache.
inline constexpr int kBlockTokens = 32;

// Blocks that hold n tokens.
constexpr int blocks_for(int tokens) { return (tokens + kBlockTokens - 1) / kBlockTokens; }

// A fixed number of blocks. Each is free, or has references from sequences, or is kept for its
// content (also without references). Not thread-safe: the engine's thread only.
class BlockPool {
 public:
  explicit BlockPool(int blocks);

  int total() const { return int(blocks_.size()); }
  int free() const { return int(free_.size()); }
  // Blocks that are kept and have no references.
  int idle() const { return idle_; }

  // A block with one reference, or -1 when none is free. Low numbers first, so memory that was
  // never needed is never touched.
  int take();
  void retain(int block);
  // Gives one reference back. True: the block is idle now.
  bool release(int block);
  int references(int block) const { return blocks_[std::size_t(block)].references; }

  // The block stays when its last reference goes, until forget.
  void keep(int block);
  void forget(int block);
  bool kept(int block) const { return blocks_[std::size_t(block)].kept; }

 private:
  struct Block {
    int references = 0;
    bool kept = false;
  };

  std::vector<Block> blocks_;
  std::vector<int> free_;  // a stack
  int idle_ = 0;
};

}  // namespace serval::llm
