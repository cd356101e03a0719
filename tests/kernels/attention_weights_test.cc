// The weights of attention against the oracle, for every type of cache.
#include <algorithm>

#include "tests/kernels/attention_sequence.h"

namespace serval {
namespace {

class AttentionWeightsTest : public KernelTest {};
SERVAL_KERNEL_SUITE(AttentionWeightsTest);

// For one head of a sequence whose unwritten slots hold NaN.
AttentionWeights args_of(const Attention& s, int kv_head, int n, int keys, float* out) {
  return {.q = s.q + kv_head * s.head_dim,
          .q_stride = s.q_stride,
          .out = out,
          .out_stride = keys + 3,
          .blocks = s.blocks,
          .type = s.type,
          .n = n,
          .keys = keys,
          .kv_heads = s.kv_heads,
          .kv_head = kv_head,
          .head_dim = s.head_dim,
          .scale = s.scale};
}

TEST_P(AttentionWeightsTest, EqualReference) {
  for (const KvType type : kAllKvTypes) {
    for (const int head_dim : {16, 24, 64, 80}) {
      for (const int keys : {1, 2, 15, 31, 32, 33, 47, 70, 150}) {
        const AttentionSequence s(ops(), type, {3, 3, head_dim}, keys, rng_, 3);
        const int n = std::min(keys, 5);
        const auto size = std::size_t(n * (keys + 3));
        Guarded out(size, keys % 3);
        std::vector<float> want(size, kGuard);
        std::fill(out.span().begin(), out.span().end(), kGuard);
        const Attention a = s.args(0, n, want.data());
        ops().attention_weights(args_of(a, 1, n, keys, out.data()));
        reference_ops().attention_weights(args_of(a, 1, n, keys, want.data()));
        ASSERT_TRUE(out.intact());
        for (std::size_t i = 0; i < size; ++i)
          ASSERT_NEAR(out[i], want[i], 2e-6) << int(type) << " D " << head_dim << " keys " << keys;
        for (int i = 0; i < n; ++i) {
          double total = 0;
          for (int t = 0; t < keys; ++t) total += out[std::size_t(i * (keys + 3) + t)];
          ASSERT_NEAR(total, 1, 1e-5);
        }
      }
    }
  }
}

// A query's weights are the same bits alone.
TEST_P(AttentionWeightsTest, QueriesAreIndependent) {
  const int keys = 100, n = 7;
  const AttentionSequence s(ops(), KvType::bf16, {2, 2, 64}, keys, rng_);
  std::vector<float> all(static_cast<std::size_t>(n * (keys + 3)));
  std::vector<float> one(static_cast<std::size_t>(keys));
  AttentionWeights a = args_of(s.args(0, n, all.data()), 1, n, keys, all.data());
  ops().attention_weights(a);
  for (int i = 0; i < n; ++i) {
    AttentionWeights alone = a;
    alone.q += i * a.q_stride;
    alone.n = 1;
    alone.out = one.data();
    ops().attention_weights(alone);
    ASSERT_TRUE(same_bits(one, std::span(all).subspan(std::size_t(i * (keys + 3)), keys)));
  }
}

}  // namespace
}  // namespace serval
