// The memory behind the KV cache's blocks.
#pragma once

#include <span>
#include <vector>

#include "common/aligned_memory.h"
#include "kernels/ops.h"
#include "plugins/llm/block_pool.h"
#include "plugins/llm/shape.h"

namespace serval::llm {

static_assert(kBlockTokens == kKvBlockTokens);

// Bytes of one layer in one block: what the shape's kind of attention keeps of kBlockTokens tokens.
// A multiple of 64.
inline std::size_t kv_layer_bytes(const ModelShape& shape, int /*layer*/, KvType type) {
  if (shape.attention == AttentionKind::latent)
    return mla_block_bytes(type, shape.latent.kv_rank, shape.rotary_dim);
  return kv_block_bytes(type, shape.kv_heads, shape.head_dim);
}

// One block holds kBlockTokens tokens of all layers, one layer after the other.
class KvMemory {
 public:
  static std::size_t block_bytes(const ModelShape& shape, KvType type) {
    std::size_t bytes = 0;
    for (int layer = 0; layer < shape.layers; ++layer) bytes += kv_layer_bytes(shape, layer, type);
    return bytes;
  }

  // Pages of blocks that were never used are never touched.
  static Result<KvMemory> allocate(const ModelShape& shape, KvType type, int blocks) {
    KvMemory kv;
    kv.type_ = type;
    for (int layer = 0; layer < shape.layers; ++layer) {
      kv.layer_at_.push_back(kv.block_bytes_);
      kv.block_bytes_ += kv_layer_bytes(shape, layer, type);
    }
    Result<AlignedMemory> memory = AlignedMemory::allocate(kv.block_bytes_ * std::size_t(blocks));
    if (!memory) return memory.error();
    kv.memory_ = std::move(*memory);
    return kv;
  }

  KvType type() const { return type_; }
  std::byte* at(int block, int layer) const {
    return memory_.data() + std::size_t(block) * block_bytes_ + layer_at_[std::size_t(layer)];
  }
  std::span<std::byte> bytes(int block) const { return {at(block, 0), block_bytes_}; }
  // Copies a whole block, for a sequence that forks in the middle of it.
  void copy(int from, int to) const { __builtin_memcpy(at(to, 0), at(from, 0), block_bytes_); }

 private:
  AlignedMemory memory_;
  KvType type_ = KvType::f16;
  std::size_t block_bytes_ = 0;
  std::vector<std::size_t> layer_at_;  // where each layer begins in a block
};

}  // namespace serval::llm
