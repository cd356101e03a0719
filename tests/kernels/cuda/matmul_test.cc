// Every packed form, ragged rows and tokens, ranges: the CUDA kernels against the reference table.
#include <cmath>

#include "kernels/quant_rows.h"
#include "tests/kernels/cuda/simulated.h"
#include "tests/kernels/matmul_case.h"

namespace serval {
namespace {

using CudaMatMul = CudaTest;

const QuantRecord& record(const void* out, int token, int64_t block, int tokens, int64_t cols) {
  const QuantTile tile = quant_tile(token / kTileTokens, tokens, cols / 32);
  return static_cast<const QuantRecord*>(
      out)[tile.first_record + block * tile.tokens + token % kTileTokens];
}

TEST_F(CudaMatMul, QuantizedRecordsStandForTheirValues) {
  const int64_t cols = 96, stride = cols + 3;
  for (const int tokens : {1, 2, 15, 16, 17, 33}) {
    const auto x = random_floats(std::size_t(tokens * stride), rng_, 4);
    const std::size_t bytes = quantized_bytes(tokens, cols);
    Aligned out(bytes + 64);
    std::memset(out.data(), 0xa5, out.size());
    const int half = tokens / 2;  // in two ranges
    ops_.quantize_rows({x.data(), stride, tokens, cols, 0, half, out.data()});
    ops_.quantize_rows({x.data(), stride, tokens, cols, half, tokens, out.data()});
    for (int t = 0; t < tokens; ++t) {
      for (int64_t b = 0; b < cols / 32; ++b) {
        const QuantRecord& r = record(out.data(), t, b, tokens, cols);
        const float* block = x.data() + t * stride + b * 32;
        float peak = 0;
        int sum = 0, low = 0;
        for (int i = 0; i < 32; ++i) {
          peak = std::max(peak, std::fabs(block[i]));
          sum += r.q[i];
          if (i < 16) low += r.q[i];
          ASSERT_NEAR(r.q[i] * r.scale, block[i], r.scale * 0.5001) << t << "," << b << "," << i;
        }
        ASSERT_NEAR(r.scale, peak / 127, peak * 1e-7);
        ASSERT_EQ(r.minus_sum, -sum);
        ASSERT_EQ(r.minus_sum_low, -low);
        ASSERT_EQ(r.scaled_sum, r.scale * float(sum));
      }
    }
    const auto* end = static_cast<const unsigned char*>(out.data()) + bytes;
    for (int i = 0; i < 64; ++i) ASSERT_EQ(end[i], 0xa5);
  }
}

TEST_F(CudaMatMul, QuantizesZeroTinyHugeAndNonFiniteBlocks) {
  std::vector<float> x(5 * 32, 0);
  for (int i = 32; i < 64; ++i) x[std::size_t(i)] = 1e-42f;
  x[64] = NAN;
  x[65] = 3;
  x[96] = INFINITY;
  x[97] = -INFINITY;
  x[128] = 3e38f;
  Aligned out(quantized_bytes(1, 160));
  ops_.quantize_rows({x.data(), 160, 1, 160, 0, 1, out.data()});
  for (int64_t b = 0; b < 4; ++b) {
    const QuantRecord& r = record(out.data(), 0, b, 1, 160);
    for (int i = 0; i < 32; ++i) ASSERT_GE(r.q[i], -127);
    if (b < 2) {
      EXPECT_LT(r.scale, b == 0 ? 1e-45 : 1e-40);
    }
  }
  EXPECT_EQ(record(out.data(), 0, 2, 1, 160).q[1], 127);  // NaN does not set the scale
  EXPECT_EQ(record(out.data(), 0, 3, 1, 160).scale, 0);
  EXPECT_EQ(record(out.data(), 0, 4, 1, 160).q[0], 127);
}

// The same packed weights and the same activations: only the order of float sums may differ.
TEST_F(CudaMatMul, EqualsReference) {
  struct Size {
    int64_t rows, blocks;
    int tokens;
  };
  for (const WeightType type : all_weight_types()) {
    const int64_t step = column_step(type);
    const int64_t unit = is_float_form(packed_form(type)) ? 29 : step;
    for (const auto [rows, blocks, tokens] :
         {Size{1, 1, 1}, Size{7, 2, 2}, Size{16, 3, 3}, Size{17, 5, 1}, Size{20, 2, 17}}) {
      MatMulCase c(type, rows, blocks * unit, tokens, rng_);
      c.prepare(reference_ops(), 0, tokens);
      const int64_t stride = rows + 3;
      Guarded y(std::size_t(tokens * stride), 1);
      std::vector<float> want(std::size_t(tokens * stride), kGuard);
      for (float& v : y.span()) v = kGuard;
      reference_ops().matmul(c.args(want.data(), stride));
      ops_.matmul(c.args(y.data(), stride));
      ASSERT_TRUE(y.intact());
      const double rounding = 2e-6 * std::sqrt(double(blocks * unit));
      for (std::size_t i = 0; i < want.size(); ++i)
        ASSERT_NEAR(y[i], want[i], rounding * (1 + std::fabs(want[i])))
            << weight_type_name(type) << " " << rows << "x" << blocks * unit << " T" << tokens;
    }
  }
}

TEST_F(CudaMatMul, BiasAddAndAccumulate) {
  for (const WeightType type : {WeightType::q4_1, WeightType::q8_0, WeightType::f16}) {
    const int64_t rows = 37;
    const int tokens = 5;
    MatMulCase c(type, rows, 64, tokens, rng_);
    c.prepare(ops_, 0, tokens);
    const auto bias = random_floats(std::size_t(rows), rng_);
    const auto add = random_floats(std::size_t(tokens * rows), rng_);
    std::vector<float> plain(add.size()), full(add.size()), in_place = add;
    ops_.matmul(c.args(plain.data(), rows));
    MatMul a = c.args(full.data(), rows);
    a.bias = bias.data();
    a.add = add.data();
    a.add_stride = rows;
    ops_.matmul(a);
    a.y = in_place.data();
    a.add = in_place.data();
    ops_.matmul(a);
    EXPECT_TRUE(same_bits(full, in_place));
    for (std::size_t i = 0; i < add.size(); ++i)
      ASSERT_NEAR(full[i], plain[i] + bias[i % std::size_t(rows)] + add[i], 1e-5);
  }
}

// Any range of groups and tokens, and any batch a token is in, gives the same bits.
TEST_F(CudaMatMul, RangesAndBatchesAreBitwiseEqual) {
  const int64_t rows = 40;
  const int tokens = 19;
  for (const WeightType type : {WeightType::q4_0, WeightType::q6_k, WeightType::bf16}) {
    MatMulCase c(type, rows, 512, tokens, rng_);
    c.prepare(ops_, 0, tokens);
    std::vector<float> whole(std::size_t(tokens * rows)), parts(whole.size(), kGuard),
        one(static_cast<std::size_t>(rows));
    ops_.matmul(c.args(whole.data(), rows));
    MatMul a = c.args(parts.data(), rows);
    a.group_begin = a.group_end = 1;
    ops_.matmul(a);  // nothing
    for (const float v : parts) ASSERT_EQ(v, kGuard);
    for (const auto& [from, to] : {std::pair{0, 3}, {3, 16}, {16, 19}}) {
      a.token_begin = from;
      a.token_end = to;
      for (a.group_begin = 0; a.group_begin < 3; a.group_begin = a.group_end) {
        a.group_end = a.group_begin == 0 ? 1 : 3;
        ops_.matmul(a);
      }
    }
    ASSERT_TRUE(same_bits(parts, whole)) << weight_type_name(type);
    c.prepare(ops_, 18, 1);
    ops_.matmul(c.args(one.data(), rows));
    ASSERT_TRUE(same_bits(one, std::span(whole).subspan(std::size_t(18 * rows))));
  }
}

}  // namespace
}  // namespace serval
