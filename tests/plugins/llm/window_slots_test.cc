#include "plugins/llm/window_slots.h"

#include <algorithm>
#include <gtest/gtest.h>

#include "plugins/llm/kv_memory.h"

namespace serval::llm {
namespace {

TEST(WindowSlots, AQuerySeesItsWindow) {
  const WindowSlots slots(10, 4, 33);
  EXPECT_EQ(slots.first_block(0), 0);
  EXPECT_EQ(slots.first_block(63), 0);  // sees 31 to 63
  EXPECT_EQ(slots.first_block(64), 1);  // sees 32 to 64
  EXPECT_EQ(slots.first_block(95), 1);
  EXPECT_EQ(slots.first_block(96), 2);
}

TEST(WindowSlots, TheSlotNotNeededForLongestIsTakenFirst) {
  WindowSlots slots(10, 2, 32);
  EXPECT_FALSE(slots.has(7));
  ASSERT_TRUE(slots.use(7));
  ASSERT_TRUE(slots.use(3));
  EXPECT_NE(slots.slot(7), slots.slot(3));
  EXPECT_FALSE(slots.use(5));
  slots.unuse(3);
  slots.unuse(7);
  EXPECT_TRUE(slots.has(3)) << "kept until another block needs it";
  const int freed = slots.slot(3);
  ASSERT_TRUE(slots.use(5));
  EXPECT_EQ(slots.slot(5), freed);
  EXPECT_FALSE(slots.has(3));
  ASSERT_TRUE(slots.use(7));  // it still has its own
  EXPECT_FALSE(slots.use(3));
}

TEST(WindowSlots, TwoUsesNeedTwoEnds) {
  WindowSlots slots(4, 1, 32);
  ASSERT_TRUE(slots.use(0));
  ASSERT_TRUE(slots.use(0));
  slots.unuse(0);
  EXPECT_FALSE(slots.use(1));
  slots.unuse(0);
  EXPECT_TRUE(slots.use(1));
}

TEST(WindowSlots, AnEqualBlockTakesTheSlotOver) {
  WindowSlots slots(4, 2, 32);
  ASSERT_TRUE(slots.use(0));
  const int slot = slots.slot(0);
  slots.unuse(0);
  slots.move(0, 1);
  EXPECT_EQ(slots.slot(1), slot);
  EXPECT_FALSE(slots.has(0));
  ASSERT_TRUE(slots.use(1));
  ASSERT_TRUE(slots.use(2));
  slots.unuse(2);
  slots.move(2, 1);  // has one already
  EXPECT_EQ(slots.slot(1), slot);
  EXPECT_TRUE(slots.has(2));
}

TEST(WindowSlots, WithoutAWindowEveryBlockHasItsOwn) {
  for (WindowSlots slots : {WindowSlots(), WindowSlots(3, 3, 64), WindowSlots(3, 0, 0)})
    for (int block = 0; block < 3; ++block) {
      EXPECT_EQ(slots.slot(block), block);
      EXPECT_TRUE(slots.use(block));
      slots.unuse(block);
    }
}

// The layers with a window take memory by slot, the others by block.
TEST(KvMemory, KeepsLayersWithAWindowInSlots) {
  ModelShape shape;
  shape.layers = 3;
  shape.kv_heads = 1;
  shape.head_dim = 16;
  shape.layer = {{.window = 40}, {}, {.window = 40}};
  const std::size_t layer = kv_block_bytes(KvType::f16, 1, 16);
  EXPECT_EQ(KvMemory::block_bytes(shape, KvType::f16), layer);
  EXPECT_EQ(KvMemory::slot_bytes(shape, KvType::f16), 2 * layer);
  Result<KvMemory> kv = KvMemory::allocate(shape, KvType::f16, {5, 2});
  ASSERT_TRUE(kv.ok());
  EXPECT_NE(kv->at(4, 1), nullptr);
  EXPECT_EQ(kv->at(4, 0), nullptr);
  ASSERT_TRUE(kv->windows().use(4));
  ASSERT_TRUE(kv->windows().use(2));
  for (int l = 0; l < 3; ++l) std::fill_n(kv->at(4, l), layer, std::byte(l + 1));
  EXPECT_EQ(kv->at(4, 2), kv->at(4, 0) + layer);
  kv->copy(4, 2);
  for (int l = 0; l < 3; ++l) {
    EXPECT_EQ(kv->at(2, l)[0], std::byte(l + 1));
    EXPECT_EQ(kv->at(2, l)[layer - 1], std::byte(l + 1));
  }
}

}  // namespace
}  // namespace serval::llm
