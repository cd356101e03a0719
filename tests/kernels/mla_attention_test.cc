#include <algorithm>
#include <cmath>

#include "tests/kernels/kernel_test.h"

namespace serval {
namespace {

class MlaAttentionTest : public KernelTest {};
SERVAL_KERNEL_SUITE(MlaAttentionTest);

struct Shape {
  int heads, rank, rope_dim;
};

// One sequence of `length` tokens in a cache whose unwritten slots hold NaN.
class Sequence {
 public:
  Sequence(const Ops& ops, KvType type, Shape shape, int length, std::mt19937& rng,
           float spread = 1)
      : type_(type),
        shape_(shape),
        q_(random_floats(std::size_t(length * q_stride()), rng, spread)),
        length_(length) {
    const std::size_t bytes = mla_block_bytes(type, shape.rank, shape.rope_dim);
    for (int t = 0; t < length; ++t) {
      if (t % kKvBlockTokens == 0) {
        memory_.push_back(std::make_unique<Aligned>(bytes));
        std::memset(memory_.back()->data(), 0xff, bytes);  // NaN in f32 and in f16
        blocks_.push_back(memory_.back()->data());
      }
      const auto latent = random_floats(std::size_t(shape.rank), rng);
      const auto key = random_floats(std::size_t(shape.rope_dim), rng);
      ops.mla_write({latent.data(), key.data(), memory_.back()->data(), t % kKvBlockTokens, type,
                     shape.rank, shape.rope_dim});
    }
  }

  int64_t q_stride() const { return int64_t{shape_.heads} * (shape_.rank + shape_.rope_dim); }
  int64_t out_stride() const { return int64_t{shape_.heads} * shape_.rank; }
  std::size_t out_floats() const { return std::size_t(length_ * out_stride()); }

  // Queries [q0, q0 + n); out as for the whole sequence.
  MlaAttention args(int q0, int n, float* out) const {
    return {q_.data() + q0 * q_stride(),
            q_stride(),
            out + q0 * out_stride(),
            out_stride(),
            blocks_.data(),
            type_,
            q0,
            n,
            shape_.rank,
            shape_.rope_dim,
            0,
            shape_.heads,
            1.0f / std::sqrt(float(shape_.rank + shape_.rope_dim))};
  }

 private:
  KvType type_;
  Shape shape_;
  std::vector<float> q_;
  int length_;
  std::vector<std::unique_ptr<Aligned>> memory_;
  std::vector<const void*> blocks_;
};

constexpr Shape kShapes[] = {{1, 16, 8},  {2, 24, 8},   {3, 32, 16}, {5, 40, 24},
                             {9, 64, 32}, {16, 136, 8}, {4, 512, 64}};

TEST_P(MlaAttentionTest, EqualsReference) {
  for (const Shape shape : kShapes) {
    for (const KvType type : {KvType::f32, KvType::f16}) {
      for (int length : {1, 2, 31, 32, 33, 70}) {
        const Sequence s(ops(), type, shape, length, rng_);
        Guarded out(s.out_floats());
        std::vector<float> want(s.out_floats());
        reference_ops().mla_attention(s.args(0, length, want.data()));
        ops().mla_attention(s.args(0, length, out.data()));
        ASSERT_TRUE(out.intact());
        for (std::size_t i = 0; i < want.size(); ++i)
          ASSERT_NEAR(out[i], want[i], 3e-6 * (1 + std::fabs(want[i])))
              << shape.heads << "x" << shape.rank << "+" << shape.rope_dim << " L" << length;
      }
    }
  }
}

// Any cut into chunks, and any split of the heads, gives the same bits.
TEST_P(MlaAttentionTest, ChunksAreBitwiseEqual) {
  const int length = 83;
  for (const Shape shape : {Shape{16, 64, 16}, Shape{9, 40, 8}, Shape{3, 136, 24}}) {
    for (const KvType type : {KvType::f32, KvType::f16}) {
      const Sequence s(ops(), type, shape, length, rng_, 3);
      std::vector<float> whole(s.out_floats());
      ops().mla_attention(s.args(0, length, whole.data()));
      for (int chunk : {1, 2, 3, 5, 7, 16, 31, 32, 33, 64}) {
        const int step = chunk % 5 + 1;  // heads a call
        std::vector<float> out(s.out_floats());
        for (int q0 = 0; q0 < length; q0 += chunk) {
          MlaAttention a = s.args(q0, std::min(chunk, length - q0), out.data());
          for (int h = 0; h < shape.heads; h += step) {
            a.head_begin = h;
            a.head_end = std::min(h + step, shape.heads);
            ops().mla_attention(a);
          }
        }
        ASSERT_TRUE(same_bits(out, whole)) << shape.rank << " chunk " << chunk;
      }
    }
  }
}

// Scores of +-50 and more: the running maximum moves from tile to tile.
TEST_P(MlaAttentionTest, LargeScoresStayStable) {
  const int length = 130;
  const Sequence s(ops(), KvType::f32, {2, 64, 16}, length, rng_, 60);
  std::vector<float> out(s.out_floats()), want(s.out_floats());
  reference_ops().mla_attention(s.args(0, length, want.data()));
  ops().mla_attention(s.args(0, length, out.data()));
  for (std::size_t i = 0; i < want.size(); ++i) ASSERT_NEAR(out[i], want[i], 2e-3);
}

TEST_P(MlaAttentionTest, OtherHeadsAreLeftAlone) {
  const Sequence s(ops(), KvType::f16, {6, 32, 8}, 40, rng_);
  std::vector<float> out(s.out_floats(), kGuard), want(s.out_floats());
  MlaAttention a = s.args(0, 40, out.data());
  a.head_begin = 2;
  a.head_end = 5;
  ops().mla_attention(a);
  ops().mla_attention(s.args(0, 40, want.data()));
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::size_t head = i / 32 % 6;
    ASSERT_EQ(out[i], head >= 2 && head < 5 ? want[i] : kGuard) << i;
  }
}

TEST_P(MlaAttentionTest, WriteTouchesOneSlotOnly) {
  for (const KvType type : {KvType::f32, KvType::f16}) {
    const std::size_t bytes = mla_block_bytes(type, 40, 24), element = type == KvType::f32 ? 4 : 2;
    EXPECT_EQ(bytes, 64u * 32 * element);
    EXPECT_EQ(bytes % 64, 0u);
    Aligned block(bytes), want(bytes);
    std::memset(block.data(), 0xff, bytes);
    std::memset(want.data(), 0xff, bytes);
    const auto latent = random_floats(40, rng_), key = random_floats(24, rng_);
    ops().mla_write({latent.data(), key.data(), block.data(), 30, type, 40, 24});
    reference_ops().mla_write({latent.data(), key.data(), want.data(), 30, type, 40, 24});
    EXPECT_EQ(std::memcmp(block.data(), want.data(), bytes), 0);
    std::size_t changed = 0;
    const auto* p = static_cast<const unsigned char*>(block.data());
    for (std::size_t i = 0; i < bytes; i += element)
      changed += std::any_of(p + i, p + i + element, [](unsigned char c) { return c != 0xff; });
    EXPECT_EQ(changed, 64u);
  }
}

}  // namespace
}  // namespace serval
