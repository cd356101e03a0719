// Lengths around the block size, strides, guards: the CUDA kernels against the reference table.
#include <cmath>

#include "tests/kernels/cuda/simulated.h"

namespace serval {
namespace {

using CudaRowwise = CudaTest;

constexpr int kLengths[] = {0, 1, 2, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 577};

TEST_F(CudaRowwise, RmsNorm) {
  for (const int dim : kLengths) {
    const int rows = 3, stride = dim + 2;
    const auto w = random_floats(std::size_t(dim), rng_);
    Guarded x(std::size_t(rows * stride), 1), y(std::size_t(rows * stride), 3);
    for (float& v : x.span()) v = std::normal_distribution<float>()(rng_);
    for (float& v : y.span()) v = kGuard;
    std::vector<float> want(std::size_t(rows * stride), kGuard);
    reference_ops().rms_norm({x.data(), stride, w.data(), want.data(), stride, rows, dim, 1e-5f});
    ops_.rms_norm({x.data(), stride, w.data(), y.data(), stride, rows, dim, 1e-5f});
    ASSERT_TRUE(y.intact());
    for (std::size_t i = 0; i < want.size(); ++i)  // between the rows too: those stay kGuard
      ASSERT_NEAR(y[i], want[i], 2e-6 * (1 + std::fabs(want[i]))) << dim;
    ops_.rms_norm({x.data(), stride, w.data(), x.data(), stride, rows, dim, 1e-5f});
    for (int r = 0; r < rows; ++r)  // in place is the same
      ASSERT_TRUE(same_bits(x.span().subspan(std::size_t(r * stride), std::size_t(dim)),
                            y.span().subspan(std::size_t(r * stride), std::size_t(dim))));
  }
}

TEST_F(CudaRowwise, Rope) {
  for (const RopeLayout layout : {RopeLayout::adjacent, RopeLayout::halves}) {
    for (const int rotary : {2, 6, 14, 64}) {
      for (const int rest : {0, 2}) {
        const int tokens = 3, heads = 2, dim = rotary + rest, stride = heads * dim + 1;
        std::vector<float> table(std::size_t(40 * rotary));
        build_rope_table(table.data(), 40, rotary, 10000.0, nullptr);
        const int32_t positions[] = {0, 39, 7};
        Guarded x(std::size_t(tokens * stride), rotary % 5);
        for (float& v : x.span()) v = std::normal_distribution<float>()(rng_);
        std::vector<float> want(x.span().begin(), x.span().end());
        Rope a{x.data(), stride, positions, table.data(), tokens, heads, dim, rotary, layout};
        ops_.rope(a);
        a.x = want.data();
        reference_ops().rope(a);
        ASSERT_TRUE(x.intact());
        for (std::size_t i = 0; i < want.size(); ++i) ASSERT_NEAR(x[i], want[i], 2e-6);
      }
    }
  }
}

TEST_F(CudaRowwise, SiluMul) {
  for (const int dim : kLengths) {
    const int stride = dim + 3;
    const auto gate = random_floats(std::size_t(2 * stride), rng_, 8);
    const auto up = random_floats(std::size_t(2 * stride), rng_);
    Guarded y(std::size_t(2 * stride), 5);
    for (float& v : y.span()) v = kGuard;
    std::vector<float> want(std::size_t(2 * stride), kGuard);
    GatedMul a{gate.data(), stride, up.data(), stride, y.data(), stride, 2, dim};
    ops_.silu_mul(a);
    a.y = want.data();
    reference_ops().silu_mul(a);
    ASSERT_TRUE(y.intact());
    for (std::size_t i = 0; i < want.size(); ++i)
      ASSERT_NEAR(y[i], want[i], 1e-6 * (1e-3 + std::fabs(want[i]))) << dim;
  }
  const float gate[] = {-1000, -89, 0, 89, 1000}, up[] = {1, 1, 1, 1, 1},
              want[] = {0, 0, 0, 89, 1000};
  float y[5];
  ops_.silu_mul({gate, 5, up, 5, y, 5, 1, 5});
  for (int i = 0; i < 5; ++i) EXPECT_NEAR(y[i], want[i], 1e-30 + 1e-6 * want[i]) << gate[i];
}

TEST_F(CudaRowwise, AddAndExp) {
  for (const int n : kLengths) {
    const auto a = random_floats(std::size_t(n), rng_), b = random_floats(std::size_t(n), rng_);
    Guarded sum(a.size(), 1), power(a.size(), 3);
    std::vector<float> want_sum(a.size()), want_power(a.size());
    ops_.add({a.data(), b.data(), sum.data(), n});
    reference_ops().add({a.data(), b.data(), want_sum.data(), n});
    ops_.exp({a.data(), power.data(), n, 0.25f});
    reference_ops().exp({a.data(), want_power.data(), n, 0.25f});
    ASSERT_TRUE(sum.intact() && power.intact());
    ASSERT_TRUE(same_bits(sum.span(), want_sum)) << n;
    for (std::size_t i = 0; i < a.size(); ++i)
      ASSERT_NEAR(power[i], want_power[i], 3e-7 * want_power[i]) << n;
  }
  const float x[] = {-INFINITY, -1e30f, 0, 100, INFINITY, NAN};
  float y[6];
  ops_.exp({x, y, 6});
  EXPECT_EQ(y[0], 0);
  EXPECT_EQ(y[1], 0);
  EXPECT_EQ(y[2], 1);
  EXPECT_EQ(y[3], INFINITY);
  EXPECT_EQ(y[4], INFINITY);
  EXPECT_TRUE(std::isnan(y[5]));
}

TEST_F(CudaRowwise, LogitsOfEveryLength) {
  for (const int n : kLengths) {
    auto x = random_floats(std::size_t(n), rng_, 3);
    if (n > 0) {
      ASSERT_NEAR(ops_.log_sum_exp(x.data(), n), reference_ops().log_sum_exp(x.data(), n), 2e-5);
    }
    if (n > 2) {
      x[std::size_t(rng_() % unsigned(n))] = NAN;
      x[std::size_t(n - 1)] = x[std::size_t(n / 2)] = 50;  // a tie: the first wins
    }
    ASSERT_EQ(ops_.argmax(x.data(), n), reference_ops().argmax(x.data(), n)) << n;
    ASSERT_EQ(ops_.max(x.data(), n), reference_ops().max(x.data(), n)) << n;
  }
}

TEST_F(CudaRowwise, LogitsNothingAndInfinities) {
  const float none[] = {NAN, NAN}, low[] = {-INFINITY, -INFINITY}, huge[] = {0, INFINITY, 1};
  EXPECT_EQ(ops_.argmax(nullptr, 0), -1);
  EXPECT_EQ(ops_.max(nullptr, 0), -INFINITY);
  EXPECT_EQ(ops_.log_sum_exp(nullptr, 0), -INFINITY);
  EXPECT_EQ(ops_.argmax(none, 2), -1);
  EXPECT_EQ(ops_.max(none, 2), -INFINITY);
  EXPECT_EQ(ops_.argmax(low, 2), 0);
  EXPECT_EQ(ops_.log_sum_exp(low, 2), -INFINITY);
  EXPECT_EQ(ops_.argmax(huge, 3), 1);
  EXPECT_EQ(ops_.log_sum_exp(huge, 3), INFINITY);
}

TEST_F(CudaRowwise, TooLargeALaunchIsAnError) {
  const Status status = kCudaOps.matmul(
      [] {
        MatMul a;
        a.w.rows = int64_t{1} << 31;
        a.w.cols = 32;
        a.tokens = a.token_end = 64;
        a.group_end = int64_t{1} << 27;
        return a;
      }(),
      nullptr);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, Code::invalid_argument);
  EXPECT_NE(status.error().message.find("matmul"), std::string::npos) << status.error().message;
}

}  // namespace
}  // namespace serval
