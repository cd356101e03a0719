// The memory behind the KV cache's blocks.
#pragma once

#include <span>
#include <vector>

#include "common/aligned_memory.h"
#include "kernels/ops.h"
#include "plugins/llm/block_pool.h"
#include "plugins/llm/shape.h"
#include "plugins/llm/window_slots.h"

namespace serval::llm {

static_assert(kBlockTokens == kKvBlockTokens);

// Bytes of one layer in one block: what the shape's kind of attention keeps of kBlockTokens tokens.
// A multiple of 64.
inline std::size_t kv_layer_bytes(const ModelShape& shape, int /*layer*/, KvType type) {
  if (shape.attention == AttentionKind::latent)
    return mla_block_bytes(type, shape.latent.kv_rank, shape.rotary_dim);
  return kv_block_bytes(type, shape.kv_heads, shape.head_dim);
}

// Sizes of a cache: blocks, and slots for what layers with a window keep of a block. As many slots
// as blocks: every block has its own.
struct KvSize {
  int blocks = 0;
  int slots = 0;
};

// One block holds kBlockTokens tokens of all layers without a window, one layer after the other;
// its slot, while it has one (window_slots.h), holds those of the layers with a window.
class KvMemory {
 public:
  // Bytes of one block, and of one slot.
  static std::size_t block_bytes(const ModelShape& shape, KvType type) {
    return part_bytes(shape, type, false);
  }
  static std::size_t slot_bytes(const ModelShape& shape, KvType type) {
    return part_bytes(shape, type, true);
  }

  // Pages of blocks that were never used are never touched.
  static Result<KvMemory> allocate(const ModelShape& shape, KvType type, KvSize size) {
    KvMemory kv;
    kv.type_ = type;
    for (int layer = 0; layer < shape.layers; ++layer) {
      Part& part = kv.parts_[shape.window_of(layer) > 0];
      kv.layers_.push_back({shape.window_of(layer) > 0, part.bytes});
      part.bytes += kv_layer_bytes(shape, layer, type);
    }
    const int counts[] = {size.blocks, size.slots};
    for (int i = 0; i < 2; ++i) {
      if (kv.parts_[i].bytes == 0) continue;
      Result<AlignedMemory> memory =
          AlignedMemory::allocate(kv.parts_[i].bytes * std::size_t(counts[i]));
      if (!memory) return memory.error();
      kv.parts_[i].memory = std::move(*memory);
    }
    kv.windows_ = WindowSlots(size.blocks, size.slots, shape.window());
    return kv;
  }
  static Result<KvMemory> allocate(const ModelShape& shape, KvType type, int blocks) {
    return allocate(shape, type, {blocks, blocks});
  }

  KvType type() const { return type_; }
  WindowSlots& windows() { return windows_; }
  const WindowSlots& windows() const { return windows_; }

  // Null: the layer has a window and the block no slot; no query may see it.
  std::byte* at(int block, int layer) const {
    const Layer& l = layers_[std::size_t(layer)];
    const int at = index(l.windowed, block);
    return at < 0 ? nullptr : part(l.windowed, at) + l.at;
  }
  // Copies a whole block, for a sequence that forks in the middle of it. REQUIRES: both have a
  // slot.
  void copy(int from, int to) const {
    for (const bool windowed : {false, true})
      if (parts_[windowed].bytes > 0)
        __builtin_memcpy(part(windowed, index(windowed, to)), part(windowed, index(windowed, from)),
                         parts_[windowed].bytes);
  }

  // A whole block in one piece of image_bytes(), to or from elsewhere. REQUIRES: it has a slot.
  std::size_t image_bytes() const { return parts_[0].bytes + parts_[1].bytes; }
  void save(int block, std::span<std::byte> image) const {
    for (const bool windowed : {false, true})
      if (parts_[windowed].bytes > 0)
        __builtin_memcpy(image.data() + (windowed ? parts_[0].bytes : 0),
                         part(windowed, index(windowed, block)), parts_[windowed].bytes);
  }
  void restore(int block, std::span<const std::byte> image) const {
    for (const bool windowed : {false, true})
      if (parts_[windowed].bytes > 0)
        __builtin_memcpy(part(windowed, index(windowed, block)),
                         image.data() + (windowed ? parts_[0].bytes : 0), parts_[windowed].bytes);
  }

 private:
  struct Layer {
    bool windowed;
    std::size_t at;  // in its block or slot
  };
  struct Part {
    AlignedMemory memory;
    std::size_t bytes = 0;  // of one block or slot
  };

  static std::size_t part_bytes(const ModelShape& shape, KvType type, bool windowed) {
    std::size_t bytes = 0;
    for (int layer = 0; layer < shape.layers; ++layer)
      if ((shape.window_of(layer) > 0) == windowed) bytes += kv_layer_bytes(shape, layer, type);
    return bytes;
  }
  int index(bool windowed, int block) const { return windowed ? windows_.slot(block) : block; }
  std::byte* part(bool windowed, int index) const {
    return parts_[windowed].memory.data() + std::size_t(index) * parts_[windowed].bytes;
  }

  Part parts_[2];  // blocks, slots
  KvType type_ = KvType::f16;
  std::vector<Layer> layers_;
  WindowSlots windows_;
};

}  // namespace serval::llm
