// Memory of attention in blocks: keys and values of kKvBlockTokens positions of all the decoder's
// layers, one layer behind the other.
#pragma once

#include <memory>
#include <vector>

#include "common/aligned_memory.h"
#include "kernels/ops.h"
#include "plugins/whisper/model/shape.h"

namespace serval::whisper {

constexpr int blocks_of(int positions) { return (positions + kKvBlockTokens - 1) / kKvBlockTokens; }

// A pool of blocks, each with a count of its users. Not thread-safe.
class KvBlocks {
 public:
  static std::size_t block_bytes(const SpeechShape& shape, KvType type) {
    return std::size_t(shape.decoder_layers) * kv_block_bytes(type, shape.heads, shape.head_dim());
  }
  // Pages of blocks that were never used are never touched.
  static Result<std::unique_ptr<KvBlocks>> allocate(const SpeechShape& shape, KvType type,
                                                    int count);

  KvType type() const { return type_; }
  int layers() const { return layers_; }
  int free() const { return int(free_.size()); }

  // A block with one user. REQUIRES: free() > 0.
  int take();
  void share(int block) { ++users_[std::size_t(block)]; }
  void release(int block);
  std::byte* at(int block, int layer) const {
    return memory_.data() + std::size_t(block) * block_bytes_ + std::size_t(layer) * layer_bytes_;
  }
  void copy(int from, int to) const;

 private:
  KvBlocks(AlignedMemory memory, const SpeechShape& shape, KvType type, int count);

  AlignedMemory memory_;
  KvType type_;
  int layers_;
  std::size_t layer_bytes_, block_bytes_;
  std::vector<int> users_;
  std::vector<int> free_;
};

// Blocks of consecutive positions, as attention reads them. Movable; gives its blocks back, so it
// must not outlive the pool.
class KvTable {
 public:
  KvTable() = default;
  KvTable(KvTable&& other) noexcept { *this = std::move(other); }
  KvTable& operator=(KvTable&& other) noexcept;
  ~KvTable() { clear(); }

  int length() const { return length_; }  // positions
  const void* const* blocks(int layer) const { return pointers_.data() + layer * most_; }
  std::byte* at(int position, int layer) const {
    return static_cast<std::byte*>(const_cast<void*>(blocks(layer)[position / kKvBlockTokens]));
  }

  // Own blocks for positions up to `length`; most: positions it may ever have.
  // False: the pool has not so many.
  [[nodiscard]] bool extend(KvBlocks& pool, int length, int most);
  // Back to fewer positions.
  void shrink(int length);
  // From its end, which is a block's, on: the positions of `other`, which must outlive this.
  void append_foreign(const KvTable& other);
  // The same positions: whole blocks are shared, the last one is copied if it is not full.
  // False: the pool has none for that; the copy is then empty.
  [[nodiscard]] bool copy_from(const KvTable& other);
  void clear();

 private:
  KvBlocks* pool_ = nullptr;
  std::vector<int> owned_;
  std::vector<const void*> pointers_;  // [layers, most_]
  int most_ = 0;                       // blocks
  int length_ = 0;
};

}  // namespace serval::whisper
