#include "plugins/llm/window_slots.h"

#include <algorithm>

namespace serval::llm {

WindowSlots::WindowSlots(int blocks, int slots, int window)
    : fixed_(window == 0 || slots >= blocks), window_(window) {
  if (fixed_) return;
  slot_of_.assign(std::size_t(blocks), -1);
  uses_.assign(std::size_t(blocks), 0);
  slots_.resize(std::size_t(slots));
}

int WindowSlots::first_block(int position) const {
  return window_ == 0 ? 0 : std::max(position - window_ + 1, 0) / kBlockTokens;
}

bool WindowSlots::use(int block) {
  if (fixed_) return true;
  int& slot = slot_of_[std::size_t(block)];
  if (slot < 0) {
    const int taken = take();
    if (taken < 0) return false;
    slot = taken;
    slots_[std::size_t(slot)].block = block;
  }
  ++uses_[std::size_t(block)];
  return true;
}

void WindowSlots::unuse(int block) {
  if (fixed_) return;
  if (--uses_[std::size_t(block)] == 0)
    slots_[std::size_t(slot_of_[std::size_t(block)])].last_use = ++now_;
}

void WindowSlots::move(int from, int to) {
  if (fixed_ || has(to)) return;
  std::swap(slot_of_[std::size_t(from)], slot_of_[std::size_t(to)]);
  slots_[std::size_t(slot(to))].block = to;
}

// A slot without a block, or the one whose block was not needed for longest; -1: all are needed.
int WindowSlots::take() {
  int best = -1;
  for (int i = 0; i < total(); ++i) {
    const Slot& slot = slots_[std::size_t(i)];
    if (slot.block < 0) return i;
    if (uses_[std::size_t(slot.block)] > 0) continue;
    if (best < 0 || slot.last_use < slots_[std::size_t(best)].last_use) best = i;
  }
  if (best >= 0) slot_of_[std::size_t(slots_[std::size_t(best)].block)] = -1;
  return best;
}

}  // namespace serval::llm
