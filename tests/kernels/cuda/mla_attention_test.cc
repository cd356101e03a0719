// Latent attention and its cache's writes: the CUDA kernels against the reference table.
#include <cmath>

#include "tests/kernels/cuda/simulated.h"

namespace serval {
namespace {

using CudaMlaAttention = CudaTest;

// One sequence in a cache whose unwritten slots hold NaN, and queries for all its tokens.
struct Sequence {
  Sequence(const Ops& ops, KvType type, int heads, int rank, int rope_dim, int length,
           std::mt19937& rng)
      : q_stride(int64_t{heads} * (rank + rope_dim)),
        out_stride(int64_t{heads} * rank),
        q(random_floats(std::size_t(length * q_stride), rng)) {
    const std::size_t bytes = mla_block_bytes(type, rank, rope_dim);
    for (int t = 0; t < length; ++t) {
      if (t % kKvBlockTokens == 0) {
        memory.push_back(std::make_unique<Aligned>(bytes));
        std::memset(memory.back()->data(), 0xff, bytes);  // NaN in f32 and in f16
        blocks.push_back(memory.back()->data());
      }
      const auto latent = random_floats(std::size_t(rank), rng);
      const auto key = random_floats(std::size_t(rope_dim), rng);
      ops.mla_write({latent.data(), key.data(), memory.back()->data(), t % kKvBlockTokens, type,
                     rank, rope_dim});
    }
    args = {q.data(),
            q_stride,
            nullptr,
            out_stride,
            blocks.data(),
            type,
            0,
            length,
            rank,
            rope_dim,
            0,
            heads,
            1.0f / std::sqrt(float(rank + rope_dim))};
  }

  // Queries [q0, q0 + n); out as for the whole sequence.
  MlaAttention part(int q0, int n, float* out) const {
    MlaAttention a = args;
    a.q += q0 * q_stride;
    a.out = out + q0 * out_stride;
    a.q0 = q0;
    a.n = n;
    return a;
  }

  int64_t q_stride, out_stride;
  std::vector<float> q;
  std::vector<std::unique_ptr<Aligned>> memory;
  std::vector<const void*> blocks;
  MlaAttention args;
};

TEST_F(CudaMlaAttention, EqualsReference) {
  struct Case {
    int heads, rank, rope_dim, length;
  };
  for (const KvType type : {KvType::f32, KvType::f16}) {
    for (const auto [heads, rank, rope_dim, length] :
         {Case{3, 64, 16, 1}, Case{4, 40, 8, 33}, Case{2, 136, 24, 32}, Case{1, 512, 64, 40}}) {
      const Sequence s(reference_ops(), type, heads, rank, rope_dim, length, rng_);
      const std::size_t floats = std::size_t(length * s.out_stride);
      Guarded out(floats);
      std::vector<float> want(floats);
      const int q0 = length > 10 ? length - 10 : 0;  // the last queries: a thread each is slow here
      reference_ops().mla_attention(s.part(q0, length - q0, want.data()));
      ops_.mla_attention(s.part(q0, length - q0, out.data()));
      ASSERT_TRUE(out.intact());
      for (std::size_t i = std::size_t(q0 * s.out_stride); i < floats; ++i)
        ASSERT_NEAR(out[i], want[i], 3e-6 * (1 + std::fabs(want[i]))) << rank << " L" << length;
    }
  }
}

// Any cut into chunks, and any split of the heads, gives the same bits.
TEST_F(CudaMlaAttention, ChunksAreBitwiseEqual) {
  const int length = 37;
  const Sequence s(reference_ops(), KvType::f16, 3, 40, 8, length, rng_);
  std::vector<float> whole(std::size_t(length * s.out_stride));
  ops_.mla_attention(s.part(0, length, whole.data()));
  std::vector<float> out(whole.size());
  for (int q0 = 0; q0 < length; q0 += 15) {
    MlaAttention a = s.part(q0, std::min(15, length - q0), out.data());
    for (int h = 0; h < 3; ++h) {
      a.head_begin = h;
      a.head_end = h + 1;
      ops_.mla_attention(a);
    }
  }
  EXPECT_TRUE(same_bits(out, whole));
}

TEST_F(CudaMlaAttention, WriteEqualsReference) {
  for (const KvType type : {KvType::f32, KvType::f16}) {
    for (const int slot : {0, 5, 31}) {
      const std::size_t bytes = mla_block_bytes(type, 40, 24);
      Aligned block(bytes), want(bytes);
      std::memset(block.data(), 0xff, bytes);
      std::memset(want.data(), 0xff, bytes);
      const auto latent = random_floats(40, rng_), key = random_floats(24, rng_);
      ops_.mla_write({latent.data(), key.data(), block.data(), slot, type, 40, 24});
      reference_ops().mla_write({latent.data(), key.data(), want.data(), slot, type, 40, 24});
      EXPECT_EQ(std::memcmp(block.data(), want.data(), bytes), 0);
    }
  }
}

TEST_F(CudaMlaAttention, TooWideARowIsAnError) {
  MlaAttention a{};
  a.n = a.head_end = 1;
  a.rank = 2056;
  const Status status = kCudaOps.mla_attention(a, nullptr);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, Code::invalid_argument);
}

}  // namespace
}  // namespace serval
