#include <algorithm>
#include <cmath>

#include "tests/kernels/attention_sequence.h"

namespace serval {
namespace {

class AttentionTest : public KernelTest {};
SERVAL_KERNEL_SUITE(AttentionTest);

// What a table may differ from the reference by on the same cache, for values of about 1: it may
// round queries and weights to the cache's own precision.
double tolerance(KvType type) {
  switch (type) {
    case KvType::bf16:
    case KvType::int4:
      return 1.2e-2;
    case KvType::int8:
      return 3e-2;
    default:
      return 2e-6;
  }
}

constexpr AttentionShape kShapes[] = {{3, 1, 64},  {9, 3, 64}, {14, 2, 64}, {4, 4, 80},
                                      {2, 1, 16},  {3, 1, 24}, {10, 1, 72}, {2, 2, 128},
                                      {4, 1, 256}, {1, 1, 248}};

TEST_P(AttentionTest, EqualsReference) {
  for (const AttentionShape shape : kShapes) {
    for (const KvType type : kAllKvTypes) {
      for (int length : {1, 2, 31, 32, 33, 70}) {
        const AttentionSequence s(ops(), type, shape, length, rng_);
        Guarded out(s.floats());
        std::vector<float> want(s.floats());
        reference_ops().attention(s.args(0, length, want.data()));
        ops().attention(s.args(0, length, out.data()));
        ASSERT_TRUE(out.intact());
        for (std::size_t i = 0; i < want.size(); ++i)
          ASSERT_NEAR(out[i], want[i], tolerance(type) * (1 + std::fabs(want[i])))
              << "type " << int(type) << " " << shape.heads << "/" << shape.kv_heads << "x"
              << shape.head_dim << " L" << length;
      }
    }
  }
}

// A window whose edge runs through tiles, with anything in the blocks no query sees. Over few keys
// the rounding of weights does not average out: twice the tolerance.
TEST_P(AttentionTest, WindowEqualsReferenceAtAnyChunking) {
  const int length = 140;
  for (const AttentionShape shape : {AttentionShape{4, 1, 64}, AttentionShape{3, 3, 40},
                                     AttentionShape{1, 1, 16}, AttentionShape{4, 1, 256}}) {
    for (const KvType type : kAllKvTypes) {
      for (int window : {1, 2, 31, 32, 33, 50, 64, 139, 140, 500}) {
        const AttentionSequence s(ops(), type, shape, length, rng_);
        std::vector<float> want(s.floats()), whole(s.floats());
        Attention a = s.args(0, length, want.data());
        a.window = window;
        reference_ops().attention(a);
        a.out = whole.data();
        ops().attention(a);
        for (std::size_t i = 0; i < want.size(); ++i)
          ASSERT_NEAR(whole[i], want[i], 2 * tolerance(type) * (1 + std::fabs(want[i])))
              << "type " << int(type) << " window " << window;
        for (int chunk : {1, 3, 7, 32, 45}) {
          std::vector<float> out(s.floats());
          for (int q0 = 0; q0 < length; q0 += chunk) {
            Attention part = s.args(q0, std::min(chunk, length - q0), out.data());
            part.window = window;
            std::vector<const void*> blocks(part.blocks, part.blocks + (q0 + part.n + 31) / 32);
            for (int dead = 0; (dead + 1) * 32 <= q0 - window + 1; ++dead)
              blocks[std::size_t(dead)] = nullptr;
            part.blocks = blocks.data();
            ops().attention(part);
          }
          ASSERT_TRUE(same_bits(out, whole))
              << "type " << int(type) << " window " << window << " chunk " << chunk;
        }
      }
    }
  }
}

// Any cut into chunks, and any split of the kv heads, gives the same bits.
TEST_P(AttentionTest, ChunksAreBitwiseEqual) {
  const int length = 83;
  for (const AttentionShape shape : {AttentionShape{9, 3, 64}, AttentionShape{14, 2, 64},
                                     AttentionShape{3, 3, 40}, AttentionShape{5, 1, 128}}) {
    for (const KvType type : kAllKvTypes) {
      const AttentionSequence s(ops(), type, shape, length, rng_, 3);
      std::vector<float> whole(s.floats());
      ops().attention(s.args(0, length, whole.data()));
      for (int chunk : {1, 2, 3, 5, 7, 16, 31, 32, 33, 64}) {
        std::vector<float> out(s.floats());
        for (int q0 = 0; q0 < length; q0 += chunk) {
          Attention a = s.args(q0, std::min(chunk, length - q0), out.data());
          for (int h = 0; h < shape.kv_heads; ++h) {
            a.kv_head_begin = h;
            a.kv_head_end = h + 1;
            ops().attention(a);
          }
        }
        ASSERT_TRUE(same_bits(out, whole)) << shape.head_dim << " chunk " << chunk;
      }
    }
  }
}

// Scores of +-50 and more: the running maximum moves from tile to tile.
TEST_P(AttentionTest, LargeScoresStayStable) {
  const int length = 130;
  const AttentionSequence s(ops(), KvType::f32, {2, 1, 64}, length, rng_, 60);
  std::vector<float> out(s.floats()), want(s.floats());
  reference_ops().attention(s.args(0, length, want.data()));
  ops().attention(s.args(0, length, out.data()));
  for (std::size_t i = 0; i < want.size(); ++i) ASSERT_NEAR(out[i], want[i], 2e-3);
}

TEST_P(AttentionTest, OutMayBeQ) {
  const AttentionSequence s(ops(), KvType::f16, {6, 2, 64}, 40, rng_);
  std::vector<float> out(s.floats());
  Attention a = s.args(0, 40, out.data());
  std::vector<float> in_place(a.q, a.q + s.floats());
  ops().attention(a);
  a.q = in_place.data();
  a.out = in_place.data();
  ops().attention(a);
  EXPECT_TRUE(same_bits(in_place, out));
}

TEST_P(AttentionTest, KvWriteEqualsReferenceAndTouchesOneSlotOnly) {
  for (const KvType type : kAllKvTypes) {
    const std::size_t bytes = kv_block_bytes(type, 2, 24);
    EXPECT_EQ(bytes % 64, 0u);
    for (int slot : {0, 15, 16, 31}) {
      Aligned block(bytes), want(bytes);
      std::memset(block.data(), 0xff, bytes);
      std::memset(want.data(), 0xff, bytes);
      const auto k = random_floats(48, rng_), v = random_floats(48, rng_);
      ops().kv_write({k.data(), v.data(), block.data(), slot, type, 2, 24});
      reference_ops().kv_write({k.data(), v.data(), want.data(), slot, type, 2, 24});
      EXPECT_EQ(std::memcmp(block.data(), want.data(), bytes), 0) << int(type) << " slot " << slot;
      // Another token in the next slot changes nothing of what this one's reader sees.
      if (slot == 31) continue;
      const auto other = random_floats(48, rng_);
      ops().kv_write({other.data(), other.data(), block.data(), slot + 1, type, 2, 24});
      ops().kv_write({k.data(), v.data(), want.data(), slot, type, 2, 24});
      ops().kv_write({other.data(), other.data(), want.data(), slot + 1, type, 2, 24});
      EXPECT_EQ(std::memcmp(block.data(), want.data(), bytes), 0) << int(type) << " slot " << slot;
    }
  }
}

// The cache holds what was written, to its precision: a query that sees one key gets its value.
TEST_P(AttentionTest, CacheHoldsItsPrecision) {
  const double limits[] = {0, 5e-4, 4e-3, 4e-3, 6.9e-2};  // of a vector's greatest element
  for (const KvType type : kAllKvTypes) {
    for (int head_dim : {24, 64, 80, 256}) {
      Aligned block(kv_block_bytes(type, 1, head_dim));
      std::memset(block.data(), 0xff, block.size());
      const auto k = random_floats(std::size_t(head_dim), rng_);
      const auto v = random_floats(std::size_t(head_dim), rng_);
      ops().kv_write({k.data(), v.data(), block.data(), 0, type, 1, head_dim});
      float peak = 0;
      for (float x : v) peak = std::max(peak, std::fabs(x));
      std::vector<float> out(static_cast<std::size_t>(head_dim));
      const void* blocks[] = {block.data()};
      ops().attention({k.data(), head_dim, out.data(), head_dim, blocks, type, 0, 1, 1, 1, head_dim,
                       0, 1, 0.1f});
      for (int d = 0; d < head_dim; ++d)
        ASSERT_NEAR(out[std::size_t(d)], v[std::size_t(d)], (limits[int(type)] + 1e-6) * peak)
            << int(type) << " D " << head_dim << " d " << d;
    }
  }
}

}  // namespace
}  // namespace serval
