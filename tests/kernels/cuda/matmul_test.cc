// Every packed form, ragged rows and tokens, ranges: the CUDA kernels against the reference table.
#include <cmath>

#include "tests/kernels/cuda/simulated.h"
#include "tests/kernels/matmul_case.h"
#include "tests/kernels/quant_record.h"

namespace serval {
namespace {

using CudaMatMul = CudaTest;

TEST_F(CudaMatMul, QuantizedRecordsStandForTheirValues) {
  const int64_t cols = 224, stride = cols + 3;
  for (const int tokens : {1, 2, 15, 16, 17, 33}) {
    const auto x = random_floats(std::size_t(tokens * stride), rng_, 4);
    const std::size_t bytes = quantized_bytes(tokens, cols);
    Aligned out(bytes + 64);
    std::memset(out.data(), 0xa5, out.size());
    const int half = tokens / 2;  // in two ranges
    ops_.quantize_rows({x.data(), stride, tokens, cols, 0, half, out.data()});
    ops_.quantize_rows({x.data(), stride, tokens, cols, half, tokens, out.data()});
    for (int t = 0; t < tokens; ++t)
      for (int64_t run = 0; run < records_of(cols); ++run)
        expect_stands_for(quant_record(out.data(), t, run, tokens, cols),
                          x.data() + t * stride + run * kRecordCols,
                          int(std::min<int64_t>(cols - run * kRecordCols, kRecordCols)));
    const auto* end = static_cast<const unsigned char*>(out.data()) + bytes;
    for (int i = 0; i < 64; ++i) ASSERT_EQ(end[i], 0xa5);
  }
}

TEST_F(CudaMatMul, QuantizesZeroTinyHugeAndNonFiniteRuns) {
  const int64_t cols = 5 * kRecordCols;
  std::vector<float> x(std::size_t(cols), 0);
  for (int i = kRecordCols; i < 2 * kRecordCols; ++i) x[std::size_t(i)] = 1e-42f;
  x[2 * kRecordCols] = NAN;
  x[2 * kRecordCols + 1] = 3;
  x[3 * kRecordCols] = INFINITY;
  x[3 * kRecordCols + 1] = -INFINITY;
  x[4 * kRecordCols] = 3e38f;
  Aligned out(quantized_bytes(1, cols));
  ops_.quantize_rows({x.data(), cols, 1, cols, 0, 1, out.data()});
  const auto run = [&](int64_t index) -> const QuantRecord& {
    return quant_record(out.data(), 0, index, 1, cols);
  };
  for (int64_t i = 0; i < 4; ++i) {
    for (int8_t q : run(i).q) ASSERT_GE(q, -127);
    if (i < 2) {
      EXPECT_LT(run(i).scale, i == 0 ? 1e-45 : 1e-40);
    }
  }
  EXPECT_EQ(run(2).q[1], 127);  // NaN does not set the scale
  EXPECT_EQ(run(3).scale, 0);
  EXPECT_EQ(run(4).q[0], 127);
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
