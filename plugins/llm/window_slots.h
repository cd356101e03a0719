// Which blocks of the KV cache have room for layers with a window.
//
// Such a layer sees the last `window` tokens only: what it keeps of a block is dead once every
// sequence that has the block is past it. So those layers' keys and values live in a second,
// smaller memory of slots, and a block has a slot while a sequence needs it - and longer, until
// another block needs the slot, so that a sequence with the same beginning can go on from there.
// The slot that nobody has needed for longest is taken first.
//
// Bookkeeping only; the memory is kv_memory.h's. Not thread-safe: the engine's thread only.
#pragma once

#include <cstdint>
#include <vector>

#include "plugins/llm/block_pool.h"

namespace serval::llm {

class WindowSlots {
 public:
  // As many slots as blocks, or more: every block has one of its own for ever.
  WindowSlots() = default;
  WindowSlots(int blocks, int slots, int window);

  int total() const { return int(slots_.size()); }
  // The first block that a query at `position` sees, and so do all behind it.
  int first_block(int position) const;

  // The block's slot, or -1.
  int slot(int block) const { return fixed_ ? block : slot_of_[std::size_t(block)]; }
  bool has(int block) const { return slot(block) >= 0; }

  // One more sequence needs the block's slot; it gets one if it has none. False: all are needed.
  bool use(int block);
  // One sequence less needs it.
  void unuse(int block);
  // `to` holds the same tokens as `from` and takes over its slot, unless it has one. The uses
  // stay with their blocks.
  void move(int from, int to);

 private:
  struct Slot {
    int block = -1;
    uint64_t last_use = 0;  // 0: never; else when its block's last use ended
  };

  int take();

  bool fixed_ = true;
  int window_ = 0;
  std::vector<int> slot_of_;  // by block
  std::vector<int> uses_;     // by block
  std::vector<Slot> slots_;
  uint64_t now_ = 0;
};

}  // namespace serval::llm
