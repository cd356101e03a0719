#include "common/tokenizers/byte_trie.h"

#include <algorithm>
#include <bit>

namespace serval::tok {

ByteTrie::ByteTrie(std::size_t bytes) : seed_(hash_seed()), ids_(1, -1) {
  slots_.resize(std::bit_ceil(std::min(bytes, kMostNodes) + 64));
  mask_ = slots_.size() - 1;
}

bool ByteTrie::insert(std::string_view text, TokenId id) {
  uint32_t node = kRoot;
  for (const char byte : text) {
    uint32_t next = step(node, byte);
    if (next == kNone) {
      if (ids_.size() + 1 >= kMostNodes) return false;
      if (ids_.size() * 2 > slots_.size()) grow();
      next = uint32_t(ids_.size());
      ids_.push_back(-1);
      const uint32_t key = node << 8 | uint8_t(byte);
      std::size_t at = slot_of(key);
      while (slots_[at].key != kNone) at = (at + 1) & mask_;
      slots_[at] = {key, next};
    }
    node = next;
  }
  ids_[node] = id;
  return true;
}

void ByteTrie::grow() {
  std::vector<Slot> old(slots_.size() * 2);
  old.swap(slots_);
  mask_ = slots_.size() - 1;
  for (const Slot& slot : old) {
    if (slot.key == kNone) continue;
    std::size_t at = slot_of(slot.key);
    while (slots_[at].key != kNone) at = (at + 1) & mask_;
    slots_[at] = slot;
  }
}

}  // namespace serval::tok
