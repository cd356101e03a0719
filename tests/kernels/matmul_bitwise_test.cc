// A token's result is the same to the last bit, whatever else is in the call.
#include <algorithm>

#include "tests/kernels/matmul_case.h"

namespace serval {
namespace {

class MatMulBitwise : public KernelTest {};
SERVAL_KERNEL_SUITE(MatMulBitwise);

constexpr int64_t kRows = 50;
constexpr int kTokens = 20;

TEST_P(MatMulBitwise, AnyBatchSizeEqualsOneAtATime) {
  for (WeightType type : all_weight_types()) {
    MatMulCase c(type, kRows, 3 * std::max<int64_t>(column_step(type), 32), kTokens, rng_);
    std::vector<float> alone(kTokens * kRows);
    for (int t = 0; t < kTokens; ++t) {
      c.prepare(ops(), t, 1);
      ops().matmul(c.args(&alone[std::size_t(t * kRows)], kRows));
    }
    for (int batch = 1; batch <= kTokens; ++batch) {
      std::vector<float> y(std::size_t(batch * kRows));
      c.prepare(ops(), 0, batch);
      ops().matmul(c.args(y.data(), kRows));
      ASSERT_TRUE(same_bits(y, std::span(alone).first(y.size())))
          << weight_type_name(type) << " batch " << batch;
    }
  }
}

TEST_P(MatMulBitwise, AnySplitOfRowsAndTokensEqualsTheWhole) {
  for (WeightType type : all_weight_types()) {
    MatMulCase c(type, kRows, 2 * std::max<int64_t>(column_step(type), 32), kTokens, rng_);
    c.prepare(ops(), 0, kTokens);
    std::vector<float> whole(kTokens * kRows);
    ops().matmul(c.args(whole.data(), kRows));
    for (int trial = 0; trial < 8; ++trial) {
      std::vector<float> y(whole.size(), kGuard);
      int64_t g = 0;
      while (g < group_count(kRows)) {
        const int64_t next = std::min<int64_t>(g + 1 + rng_() % 3, group_count(kRows));
        int t = 0;
        while (t < kTokens) {
          MatMul a = c.args(y.data(), kRows);
          a.group_begin = g;
          a.group_end = next;
          a.token_begin = t;
          a.token_end = t = std::min<int>(t + 1 + int(rng_() % 9), kTokens);
          ops().matmul(a);
        }
        g = next;
      }
      ASSERT_TRUE(same_bits(y, whole)) << weight_type_name(type);
    }
  }
}

// More weights than one pass over the tokens takes, and several tiles.
TEST_P(MatMulBitwise, StripesOfManyRowsEqualOneTokenAtATime) {
  const int tokens = 70;
  const int64_t rows = 160;
  MatMulCase c(WeightType::q4_1, rows, 4096, tokens, rng_);
  c.prepare(ops(), 0, tokens);
  std::vector<float> y(std::size_t(tokens * rows)), alone(std::size_t{rows});
  ops().matmul(c.args(y.data(), rows));
  for (int t = 0; t < tokens; t += 3) {
    c.prepare(ops(), t, 1);
    ops().matmul(c.args(alone.data(), rows));
    ASSERT_TRUE(same_bits(alone, std::span(y).subspan(std::size_t(t * rows), alone.size()))) << t;
  }
}

}  // namespace
}  // namespace serval
