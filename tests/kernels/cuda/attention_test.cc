// Paged attention and the cache's writes: the CUDA kernels against the reference table.
#include "tests/kernels/attention_sequence.h"
#include "tests/kernels/cuda/simulated.h"

namespace serval {
namespace {

using CudaAttention = CudaTest;

TEST_F(CudaAttention, EqualsReference) {
  struct Case {
    int heads, kv_heads, head_dim, length;
  };
  for (const KvType type : kAllKvTypes) {
    for (const auto [heads, kv_heads, head_dim, length] :
         {Case{3, 1, 64, 1}, Case{4, 2, 64, 33}, Case{2, 2, 80, 32}, Case{2, 1, 16, 70},
          Case{1, 1, 24, 31}, Case{1, 1, 256, 40}}) {
      const AttentionSequence s(reference_ops(), type, {heads, kv_heads, head_dim}, length, rng_);
      Guarded out(s.floats());
      std::vector<float> want(s.floats());
      const int q0 = length > 20 ? length - 20 : 0;  // the last queries: a thread each is slow here
      reference_ops().attention(s.args(q0, length - q0, want.data()));
      ops_.attention(s.args(q0, length - q0, out.data()));
      ASSERT_TRUE(out.intact());
      for (std::size_t i = std::size_t(q0 * s.stride()); i < want.size(); ++i)
        ASSERT_NEAR(out[i], want[i], 2e-6 * (1 + std::fabs(want[i]))) << head_dim << " L" << length;
    }
  }
}

TEST_F(CudaAttention, WindowEqualsReference) {
  const int length = 70, q0 = 60;
  const AttentionSequence s(reference_ops(), KvType::f32, {2, 1, 24}, length, rng_);
  for (const int window : {1, 29, 40, 70}) {
    std::vector<float> out(s.floats()), want(s.floats());
    Attention a = s.args(q0, length - q0, want.data());
    a.window = window;
    reference_ops().attention(a);
    a.out = out.data() + q0 * s.stride();
    ops_.attention(a);
    for (std::size_t i = 0; i < want.size(); ++i)
      ASSERT_NEAR(out[i], want[i], 2e-6 * (1 + std::fabs(want[i]))) << "window " << window;
  }
}

// Any cut into chunks, and any split of the kv heads, gives the same bits; so does out = q.
TEST_F(CudaAttention, ChunksAndAliasAreBitwiseEqual) {
  const int length = 37;
  const AttentionSequence s(reference_ops(), KvType::f16, {4, 2, 40}, length, rng_, 3);
  std::vector<float> whole(s.floats());
  ops_.attention(s.args(0, length, whole.data()));
  for (const int chunk : {5, 32}) {
    std::vector<float> out(s.floats());
    for (int q0 = 0; q0 < length; q0 += chunk) {
      Attention a = s.args(q0, std::min(chunk, length - q0), out.data());
      for (int h = 0; h < 2; ++h) {
        a.kv_head_begin = h;
        a.kv_head_end = h + 1;
        ops_.attention(a);
      }
    }
    ASSERT_TRUE(same_bits(out, whole)) << chunk;
  }
  std::vector<float> in_place(s.floats());
  Attention a = s.args(0, length, in_place.data());
  std::copy(a.q, a.q + s.floats(), in_place.data());
  a.q = in_place.data();
  ops_.attention(a);
  EXPECT_TRUE(same_bits(in_place, whole));
}

// Scores of +-50 and more: the running maximum moves from block to block.
TEST_F(CudaAttention, LargeScoresStayStable) {
  const int length = 100;
  const AttentionSequence s(reference_ops(), KvType::f32, {2, 1, 64}, length, rng_, 60);
  std::vector<float> out(s.floats()), want(s.floats());
  reference_ops().attention(s.args(90, 10, want.data()));
  ops_.attention(s.args(90, 10, out.data()));
  for (std::size_t i = 0; i < want.size(); ++i) ASSERT_NEAR(out[i], want[i], 2e-3);
}

TEST_F(CudaAttention, KvWriteEqualsReference) {
  for (const KvType type : kAllKvTypes) {
    for (const int slot : {0, 5, 31}) {
      const std::size_t bytes = kv_block_bytes(type, 2, 24);
      Aligned block(bytes), want(bytes);
      std::memset(block.data(), 0xff, bytes);
      std::memset(want.data(), 0xff, bytes);
      const auto k = random_floats(48, rng_), v = random_floats(48, rng_);
      ops_.kv_write({k.data(), v.data(), block.data(), slot, type, 2, 24});
      reference_ops().kv_write({k.data(), v.data(), want.data(), slot, type, 2, 24});
      EXPECT_EQ(std::memcmp(block.data(), want.data(), bytes), 0);
    }
  }
}

TEST_F(CudaAttention, PartsAreRefused) {
  float part[32];
  Attention a{};
  a.n = a.heads = a.kv_heads = a.kv_head_end = 1;
  a.head_dim = 16;
  a.part = part;
  EXPECT_EQ(kCudaOps.attention(a, nullptr).error().code, Code::unimplemented);
}

TEST_F(CudaAttention, TooLargeAHeadIsAnError) {
  Attention a{};
  a.n = a.heads = a.kv_heads = a.kv_head_end = 1;
  a.head_dim = 264;
  const Status status = kCudaOps.attention(a, nullptr);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, Code::invalid_argument);
}

}  // namespace
}  // namespace serval
