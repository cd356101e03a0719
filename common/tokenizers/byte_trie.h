// Texts to ids, found by their beginnings.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "common/formats/seeded_hash.h"
#include "common/formats/token.h"

namespace serval::tok {

// A trie over bytes whose edges lie in one hash table. Immutable once filled.
class ByteTrie {
 public:
  static constexpr uint32_t kRoot = 0, kNone = ~uint32_t{0};
  static constexpr std::size_t kMostNodes = std::size_t{1} << 24;

  // `bytes`: of all the texts to come, about.
  explicit ByteTrie(std::size_t bytes = 0);

  // Of equal texts the last one holds. false: the trie is full.
  bool insert(std::string_view text, TokenId id);

  // The node that `byte` leads to, or kNone.
  uint32_t step(uint32_t node, char byte) const {
    const uint32_t key = node << 8 | uint8_t(byte);
    for (std::size_t at = slot_of(key);; at = (at + 1) & mask_) {
      if (slots_[at].key == key) return slots_[at].child;
      if (slots_[at].key == kNone) return kNone;
    }
  }
  uint32_t walk(uint32_t node, std::string_view text) const {
    for (std::size_t i = 0; i < text.size() && node != kNone; ++i) node = step(node, text[i]);
    return node;
  }
  // The id of the text that ends at a node, or -1. REQUIRES: node is not kNone.
  TokenId id(uint32_t node) const { return ids_[node]; }
  // The id of exactly this text, or -1.
  TokenId find(std::string_view text) const {
    const uint32_t node = walk(kRoot, text);
    return node == kNone ? -1 : id(node);
  }

 private:
  struct Slot {
    uint32_t key = kNone;  // node << 8 | byte; no node is so high that this is one
    uint32_t child = kNone;
  };
  std::size_t slot_of(uint32_t key) const { return seeded_hash(key, seed_) & mask_; }
  void grow();

  uint64_t seed_;
  std::size_t mask_ = 0;
  std::vector<Slot> slots_;  // a power of two, at most half full
  std::vector<TokenId> ids_;
};

}  // namespace serval::tok
