// The memory behind the KV cache's blocks.
#pragma once

#include "common/aligned_memory.h"
#include "kernels/ops.h"
#include "plugins/llm/block_pool.h"
#include "plugins/llm/shape.h"

namespace serval::llm {

static_assert(kBlockTokens == kKvBlockTokens);

// One block holds kBlockTokens tokens of all layers, one layer after the other.
class KvMemory {
 public:
  static std::size_t block_bytes(const ModelShape& shape, KvType type) {
    return std::size_t(shape.layers) * kv_block_bytes(type, shape.kv_heads, shape.head_dim);
  }

  // Pages of blocks that were never used are never touched.
  static Result<KvMemory> allocate(const ModelShape& shape, KvType type, int blocks) {
    KvMemory kv;
    kv.type_ = type;
    kv.layer_bytes_ = kv_block_bytes(type, shape.kv_heads, shape.head_dim);
    kv.block_bytes_ = block_bytes(shape, type);
    Result<AlignedMemory> memory = AlignedMemory::allocate(kv.block_bytes_ * std::size_t(blocks));
    if (!memory) return memory.error();
    kv.memory_ = std::move(*memory);
    return kv;
  }

  KvType type() const { return type_; }
  std::byte* at(int block, int layer) const {
    return memory_.data() + std::size_t(block) * block_bytes_ + std::size_t(layer) * layer_bytes_;
  }
  // Copies a whole block, for a sequence that forks in the middle of it.
  void copy(int from, int to) const { __builtin_memcpy(at(to, 0), at(from, 0), block_bytes_); }

 private:
  AlignedMemory memory_;
  KvType type_ = KvType::f16;
  std::size_t layer_bytes_ = 0, block_bytes_ = 0;
};

}  // namespace serval::llm
