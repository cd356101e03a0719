// Memory for blocks of one layer with one narrow head: 4 KiB each.
#pragma once

#include <gtest/gtest.h>

#include "plugins/llm/kv_memory.h"

namespace serval::llm {

inline KvMemory tiny_memory(int blocks) {
  ModelShape shape;
  shape.layers = 1;
  shape.kv_heads = 1;
  shape.head_dim = 16;
  Result<KvMemory> memory = KvMemory::allocate(shape, KvType::f32, blocks);
  EXPECT_TRUE(memory.ok());
  return std::move(*memory);
}

}  // namespace serval::llm
