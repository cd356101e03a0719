// Memory for blocks of one layer with one narrow head: 4 KiB each.
#pragma once

#include <gtest/gtest.h>

#include "plugins/llm/kv_memory.h"

namespace serval::llm {

// With a window: a second layer that has one, in so many slots.
inline KvMemory tiny_memory(int blocks, int window = 0, int slots = 0) {
  ModelShape shape;
  shape.layers = window > 0 ? 2 : 1;
  shape.layer.resize(std::size_t(shape.layers));
  shape.layer.back().window = window;
  shape.kv_heads = 1;
  shape.head_dim = 16;
  Result<KvMemory> memory =
      KvMemory::allocate(shape, KvType::f32, {blocks, window > 0 ? slots : blocks});
  EXPECT_TRUE(memory.ok());
  return std::move(*memory);
}

}  // namespace serval::llm
