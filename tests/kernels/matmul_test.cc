#include <cmath>

#include "tests/kernels/matmul_case.h"

namespace serval {
namespace {

class MatMulTest : public KernelTest {};
SERVAL_KERNEL_SUITE(MatMulTest);

// The same packed weights and the same activations: only the order of float sums may differ.
TEST_P(MatMulTest, EqualsReference) {
  for (WeightType type : all_weight_types()) {
    const int64_t step = column_step(type);
    for (int64_t rows : {1, 7, 16, 17, 40}) {
      for (int64_t blocks : {1, 2, 3, 5}) {
        for (int tokens : {1, 2, 3, 8, 17, 35}) {
          MatMulCase c(type, rows, blocks * step, tokens, rng_);
          c.prepare(ops(), 0, tokens);
          const int64_t stride = rows + 3;
          Guarded y(std::size_t(tokens * stride), int(rng_() % 8));
          std::vector<float> want(std::size_t(tokens * stride), kGuard);
          for (float& v : y.span()) v = kGuard;
          reference_ops().matmul(c.args(want.data(), stride));
          ops().matmul(c.args(y.data(), stride));
          ASSERT_TRUE(y.intact());
          // Products are about 1 each; the guards between the rows of y must come out equal.
          const double rounding = 2e-6 * std::sqrt(double(blocks * step));
          for (std::size_t i = 0; i < want.size(); ++i)
            ASSERT_NEAR(y[i], want[i], rounding * (1 + std::fabs(want[i])))
                << weight_type_name(type) << " " << rows << "x" << blocks * step << " T" << tokens;
        }
      }
    }
  }
}

// Against the file's own values: what int8 activations and f16 scales cost, about 1e-5 of power.
TEST_P(MatMulTest, StaysCloseToTheFile) {
  for (WeightType type : all_weight_types()) {
    MatMulCase c(type, 32, 512, 4, rng_);
    c.prepare(ops(), 0, 4);
    std::vector<float> y(4 * 32);
    ops().matmul(c.args(y.data(), 32));
    EXPECT_LT(relative_power(y, c.truth()), c.is_float() ? 1e-11 : 1e-4) << weight_type_name(type);
  }
}

TEST_P(MatMulTest, BiasAddAndAccumulate) {
  for (WeightType type : {WeightType::q4_1, WeightType::q8_0, WeightType::f16}) {
    const int64_t rows = 37;
    const int tokens = 5;
    MatMulCase c(type, rows, 64, tokens, rng_);
    c.prepare(ops(), 0, tokens);
    const auto bias = random_floats(std::size_t(rows), rng_);
    const auto add = random_floats(std::size_t(tokens * rows), rng_);
    std::vector<float> plain(add.size()), full(add.size()), in_place = add;
    ops().matmul(c.args(plain.data(), rows));
    MatMul a = c.args(full.data(), rows);
    a.bias = bias.data();
    a.add = add.data();
    a.add_stride = rows;
    ops().matmul(a);
    a.y = in_place.data();
    a.add = in_place.data();
    ops().matmul(a);
    EXPECT_TRUE(same_bits(full, in_place));
    for (std::size_t i = 0; i < add.size(); ++i)
      ASSERT_NEAR(full[i], plain[i] + bias[i % std::size_t(rows)] + add[i], 1e-5);
  }
}

// The greatest quants against the greatest activations: a 16-bit step that saturated would show.
TEST_P(MatMulTest, ExtremeQuantsDoNotSaturate) {
  for (WeightType type : all_weight_types()) {
    if (is_float_form(packed_form(type))) continue;
    for (const int fill : {0x00, 0x7f, 0x80, 0x81, 0xff}) {
      MatMulCase c(type, 16, 512, 3, rng_);
      const std::size_t block = std::size_t(block_info(type).bytes);
      for (std::size_t i = 0; i < c.tensor().size(); ++i) {
        const std::size_t in = i % block;
        const bool is_scale = type == WeightType::q6_k ? in >= 192 : in < 4;
        if (!is_scale || (in >= 2 && block_info(type).elements == 32 && type != WeightType::q4_1 &&
                          type != WeightType::q5_1))
          c.tensor()[i] = uint8_t(fill);
      }
      c.repack();
      for (std::size_t i = 0; i < c.x().size(); ++i)  // all 127, all -127, alternating
        c.x()[i] = i < 512 ? 1.0f : i < 1024 ? -1.0f : i % 2 == 0 ? 1.0f : -1.0f;
      c.prepare(ops(), 0, 3);
      std::vector<float> y(3 * 16), want(3 * 16);
      ops().matmul(c.args(y.data(), 16));
      reference_ops().matmul(c.args(want.data(), 16));
      ASSERT_LT(relative_power(y, want), 1e-9) << weight_type_name(type) << " fill " << fill;
    }
  }
}

TEST_P(MatMulTest, OddColumnsOfFloatForms) {
  for (WeightType type : {WeightType::f32, WeightType::f16, WeightType::bf16}) {
    for (int64_t cols = 1; cols <= 67; cols += 11) {
      MatMulCase c(type, 18, cols, 9, rng_);
      c.prepare(ops(), 0, 9);
      std::vector<float> y(9 * 18);
      ops().matmul(c.args(y.data(), 18));
      ASSERT_LT(relative_power(y, c.truth()), 1e-11) << weight_type_name(type) << " " << cols;
    }
  }
}

TEST_P(MatMulTest, EmptyRangesWriteNothing) {
  MatMulCase c(WeightType::q4_0, 32, 64, 3, rng_);
  c.prepare(ops(), 0, 3);
  std::vector<float> y(3 * 32, kGuard);
  MatMul a = c.args(y.data(), 32);
  a.group_begin = a.group_end = 1;
  ops().matmul(a);
  a = c.args(y.data(), 32);
  a.token_begin = a.token_end = 2;
  ops().matmul(a);
  for (float v : y) EXPECT_EQ(v, kGuard);
}

}  // namespace
}  // namespace serval
