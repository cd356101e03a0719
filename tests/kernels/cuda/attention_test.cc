// Paged attention and the cache's writes: the CUDA kernels against the reference table.
#include <cmath>

#include "tests/kernels/cuda/simulated.h"

namespace serval {
namespace {

using CudaAttention = CudaTest;

constexpr KvType kAllTypes[] = {KvType::f32, KvType::f16, KvType::bf16, KvType::int8, KvType::int4};

// One sequence in a cache whose unwritten slots hold NaN, and queries for all its tokens.
struct Sequence {
  Sequence(const Ops& ops, KvType type, int heads, int kv_heads, int head_dim, int length,
           std::mt19937& rng, float spread = 1)
      : stride(int64_t{heads} * head_dim),
        q(random_floats(std::size_t(length * stride), rng, spread)) {
    const std::size_t bytes = kv_block_bytes(type, kv_heads, head_dim);
    const std::size_t kv = std::size_t(kv_heads * head_dim);
    for (int t = 0; t < length; ++t) {
      if (t % kKvBlockTokens == 0) {
        memory.push_back(std::make_unique<Aligned>(bytes));
        std::memset(memory.back()->data(), 0xff, bytes);  // NaN in f32 and in f16
        blocks.push_back(memory.back()->data());
      }
      const auto k = random_floats(kv, rng), v = random_floats(kv, rng);
      ops.kv_write({k.data(), v.data(), memory.back()->data(), t % kKvBlockTokens, type, kv_heads,
                    head_dim});
    }
    args = {q.data(),
            stride,
            nullptr,
            stride,
            blocks.data(),
            type,
            0,
            length,
            heads,
            kv_heads,
            head_dim,
            0,
            kv_heads,
            1.0f / std::sqrt(float(head_dim))};
  }

  // Queries [q0, q0 + n); out as for the whole sequence.
  Attention part(int q0, int n, float* out) const {
    Attention a = args;
    a.q += q0 * stride;
    a.out = out + q0 * stride;
    a.q0 = q0;
    a.n = n;
    return a;
  }

  int64_t stride;
  std::vector<float> q;
  std::vector<std::unique_ptr<Aligned>> memory;
  std::vector<const void*> blocks;
  Attention args;
};

TEST_F(CudaAttention, EqualsReference) {
  struct Case {
    int heads, kv_heads, head_dim, length;
  };
  for (const KvType type : kAllTypes) {
    for (const auto [heads, kv_heads, head_dim, length] :
         {Case{3, 1, 64, 1}, Case{4, 2, 64, 33}, Case{2, 2, 80, 32}, Case{2, 1, 16, 70},
          Case{1, 1, 24, 31}, Case{1, 1, 256, 40}}) {
      const Sequence s(reference_ops(), type, heads, kv_heads, head_dim, length, rng_);
      Guarded out(s.q.size());
      std::vector<float> want(s.q.size());
      const int q0 = length > 20 ? length - 20 : 0;  // the last queries: a thread each is slow here
      reference_ops().attention(s.part(q0, length - q0, want.data()));
      ops_.attention(s.part(q0, length - q0, out.data()));
      ASSERT_TRUE(out.intact());
      for (std::size_t i = std::size_t(q0 * s.stride); i < want.size(); ++i)
        ASSERT_NEAR(out[i], want[i], 2e-6 * (1 + std::fabs(want[i]))) << head_dim << " L" << length;
    }
  }
}

TEST_F(CudaAttention, WindowEqualsReference) {
  const int length = 70, q0 = 60;
  const Sequence s(reference_ops(), KvType::f32, 2, 1, 24, length, rng_);
  for (const int window : {1, 29, 40, 70}) {
    std::vector<float> out(s.q.size()), want(s.q.size());
    Attention a = s.part(q0, length - q0, want.data());
    a.window = window;
    reference_ops().attention(a);
    a.out = out.data() + q0 * s.stride;
    ops_.attention(a);
    for (std::size_t i = 0; i < want.size(); ++i)
      ASSERT_NEAR(out[i], want[i], 2e-6 * (1 + std::fabs(want[i]))) << "window " << window;
  }
}

// Any cut into chunks, and any split of the kv heads, gives the same bits; so does out = q.
TEST_F(CudaAttention, ChunksAndAliasAreBitwiseEqual) {
  const int length = 37;
  const Sequence s(reference_ops(), KvType::f16, 4, 2, 40, length, rng_, 3);
  std::vector<float> whole(s.q.size());
  ops_.attention(s.part(0, length, whole.data()));
  for (const int chunk : {5, 32}) {
    std::vector<float> out(s.q.size());
    for (int q0 = 0; q0 < length; q0 += chunk) {
      Attention a = s.part(q0, std::min(chunk, length - q0), out.data());
      for (int h = 0; h < 2; ++h) {
        a.kv_head_begin = h;
        a.kv_head_end = h + 1;
        ops_.attention(a);
      }
    }
    ASSERT_TRUE(same_bits(out, whole)) << chunk;
  }
  std::vector<float> in_place = s.q;
  Attention a = s.part(0, length, in_place.data());
  a.q = in_place.data();
  ops_.attention(a);
  EXPECT_TRUE(same_bits(in_place, whole));
}

// Scores of +-50 and more: the running maximum moves from block to block.
TEST_F(CudaAttention, LargeScoresStayStable) {
  const int length = 100;
  const Sequence s(reference_ops(), KvType::f32, 2, 1, 64, length, rng_, 60);
  std::vector<float> out(s.q.size()), want(s.q.size());
  reference_ops().attention(s.part(90, 10, want.data()));
  ops_.attention(s.part(90, 10, out.data()));
  for (std::size_t i = 0; i < want.size(); ++i) ASSERT_NEAR(out[i], want[i], 2e-3);
}

TEST_F(CudaAttention, KvWriteEqualsReference) {
  for (const KvType type : kAllTypes) {
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
