#include <cmath>

#include "tests/kernels/kernel_test.h"

namespace serval {
namespace {

class Logits : public KernelTest {};
SERVAL_KERNEL_SUITE(Logits);

TEST_P(Logits, EveryLengthAndMaximumAnywhere) {
  for (int n = 1; n <= 2 * 64 + 3; ++n) {  // a step of the widest table is 64 values
    auto x = random_floats(std::size_t(n), rng_, 3);
    const int peak = int(rng_() % unsigned(n));
    x[std::size_t(peak)] = 50;
    if (n > 1) x[std::size_t(rng_() % unsigned(n))] = NAN;
    const bool overwritten = std::isnan(x[std::size_t(peak)]);
    const int64_t want = reference_ops().argmax(x.data(), n);
    if (!overwritten) {
      EXPECT_EQ(want, peak);
    }
    ASSERT_EQ(ops().argmax(x.data(), n), want) << n;
    ASSERT_EQ(ops().max(x.data(), n), x[std::size_t(want)]) << n;
  }
}

TEST_P(Logits, TiesGoToTheFirst) {
  for (int n : {2, 17, 100, 1000}) {
    std::vector<float> x(std::size_t(n), -1);
    x[std::size_t(n - 1)] = x[std::size_t(n / 2)] = 4;
    EXPECT_EQ(ops().argmax(x.data(), n), n / 2);
  }
}

TEST_P(Logits, LogSumExp) {
  for (int n : {1, 2, 15, 16, 17, 63, 64, 65, 131, 49152}) {
    const auto x = random_floats(std::size_t(n), rng_, 5);
    const double want = reference_ops().log_sum_exp(x.data(), n);
    EXPECT_NEAR(ops().log_sum_exp(x.data(), n), want, 2e-6 * (1 + std::fabs(want))) << n;
  }
}

TEST_P(Logits, NothingAndInfinities) {
  const float none[] = {NAN, NAN, NAN};
  EXPECT_EQ(ops().argmax(nullptr, 0), -1);
  EXPECT_EQ(ops().max(nullptr, 0), -INFINITY);
  EXPECT_EQ(ops().log_sum_exp(nullptr, 0), -INFINITY);
  EXPECT_EQ(ops().argmax(none, 3), -1);
  EXPECT_EQ(ops().max(none, 3), -INFINITY);
  const float masked[] = {-INFINITY, -INFINITY, 2, -INFINITY};
  EXPECT_EQ(ops().argmax(masked, 4), 2);
  EXPECT_FLOAT_EQ(ops().log_sum_exp(masked, 4), 2);
  EXPECT_EQ(ops().argmax(masked, 2), 0);
  EXPECT_EQ(ops().log_sum_exp(masked, 2), -INFINITY);
  const float huge[] = {0, INFINITY, 1};
  EXPECT_EQ(ops().argmax(huge, 3), 1);
  EXPECT_EQ(ops().log_sum_exp(huge, 3), INFINITY);
}

}  // namespace
}  // namespace serval
