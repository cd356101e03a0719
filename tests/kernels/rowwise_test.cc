// Operations on rows: every length around the vector widths, misaligned, guarded.
#include <cmath>

#include "tests/kernels/kernel_test.h"

namespace serval {
namespace {

constexpr int kMaxLength = 2 * 16 + 3;  // of the widest vector

class Rowwise : public KernelTest {};
SERVAL_KERNEL_SUITE(Rowwise);

template <class Run>
void for_lengths_and_offsets(Run run) {
  for (int n = 0; n <= kMaxLength; ++n)
    for (int offset : {0, 1, 5}) run(n, offset);
  run(576, 3);
}

TEST_P(Rowwise, RmsNorm) {
  for_lengths_and_offsets([&](int dim, int offset) {
    const int rows = 3, stride = dim + 2;
    const auto w = random_floats(std::size_t(dim), rng_);
    Guarded x(std::size_t(rows * stride), offset), y(std::size_t(rows * stride), offset);
    for (float& v : x.span()) v = std::normal_distribution<float>()(rng_);
    for (float& v : y.span()) v = kGuard;
    std::vector<float> want(std::size_t(rows * stride), kGuard);
    reference_ops().rms_norm({x.data(), stride, w.data(), want.data(), stride, rows, dim, 1e-5f});
    ops().rms_norm({x.data(), stride, w.data(), y.data(), stride, rows, dim, 1e-5f});
    ASSERT_TRUE(y.intact());
    for (int i = 0; i < rows * stride; ++i) {  // between the rows too: those stay kGuard
      const float expected = want[std::size_t(i)];
      ASSERT_NEAR(y[std::size_t(i)], expected, 2e-6 * (1 + std::fabs(expected))) << dim;
    }
    ops().rms_norm({x.data(), stride, w.data(), x.data(), stride, rows, dim, 1e-5f});
    for (int r = 0; r < rows; ++r)  // in place is the same
      ASSERT_TRUE(same_bits(x.span().subspan(std::size_t(r * stride), std::size_t(dim)),
                            y.span().subspan(std::size_t(r * stride), std::size_t(dim))));
  });
}

TEST_P(Rowwise, GatedMul) {
  for (const auto operation : {&Ops::silu_mul, &Ops::gelu_mul}) {
    for_lengths_and_offsets([&](int dim, int offset) {
      const auto gate = random_floats(std::size_t(2 * dim), rng_, 8);
      const auto up = random_floats(std::size_t(2 * dim), rng_);
      Guarded y(std::size_t(2 * dim), offset);
      std::vector<float> want(std::size_t(2 * dim));
      const GatedMul a{gate.data(), dim, up.data(), dim, y.data(), dim, 2, dim};
      GatedMul r = a;
      r.y = want.data();
      (reference_ops().*operation)(r);
      (ops().*operation)(a);
      ASSERT_TRUE(y.intact());
      for (std::size_t i = 0; i < want.size(); ++i)
        ASSERT_NEAR(y[i], want[i], 1e-6 * (1e-1 + std::fabs(want[i]))) << dim;
    });
  }
}

TEST_P(Rowwise, SiluOfExtremes) {
  const float gate[] = {-1000, -89, -88, 88, 89, 1000, 0, -0.0f};
  const float up[] = {1, 1, 1, 1, 1, 1, 1, 1};
  const float want[] = {0, 0, 0, 88, 89, 1000, 0, 0};
  float y[8];
  ops().silu_mul({gate, 8, up, 8, y, 8, 1, 8});
  for (int i = 0; i < 8; ++i) EXPECT_NEAR(y[i], want[i], 1e-30 + 1e-6 * want[i]) << gate[i];
}

TEST_P(Rowwise, GeluOfExtremes) {
  const float gate[] = {-1e30f, -1e9f, -1000, -5, 0, 5, 1000, 1e30f};
  const float up[] = {1, 1, 1, 1, 1, 1, 1, 1};
  const float want[] = {0, 0, 0, -2.2917961e-07f, 0, 5, 1000, 1e30f};
  float y[8];
  ops().gelu_mul({gate, 8, up, 8, y, 8, 1, 8});
  for (int i = 0; i < 8; ++i) EXPECT_NEAR(y[i], want[i], 1e-7 + 1e-6 * want[i]) << gate[i];
}

TEST_P(Rowwise, MixRows) {
  for_lengths_and_offsets([&](int dim, int offset) {
    for (int count : {0, 1, 2, 8}) {
      const auto rows = random_floats(std::size_t(dim * count), rng_);
      const auto weights = random_floats(std::size_t(count), rng_);
      std::vector<const float*> pointers;
      for (int i = 0; i < count; ++i) pointers.push_back(rows.data() + i * dim);
      Guarded y(std::size_t(dim), offset);
      std::vector<float> want(std::size_t(dim), kGuard);
      MixRows a{pointers.data(), weights.data(), count, want.data(), dim};
      reference_ops().mix_rows(a);
      a.y = y.data();
      ops().mix_rows(a);
      ASSERT_TRUE(y.intact());
      for (std::size_t i = 0; i < want.size(); ++i)
        ASSERT_NEAR(y[i], want[i], 1e-6 * (1 + std::fabs(want[i]))) << dim << " of " << count;
    }
  });
}

TEST_P(Rowwise, SoftCap) {
  for_lengths_and_offsets([&](int n, int offset) {
    Guarded x(std::size_t(n), offset);
    for (float& v : x.span()) v = std::normal_distribution<float>(0, 40)(rng_);
    std::vector<float> want(x.span().size());
    reference_ops().soft_cap({x.data(), want.data(), n, 30});
    ops().soft_cap({x.data(), x.data(), n, 30});
    ASSERT_TRUE(x.intact());
    for (std::size_t i = 0; i < want.size(); ++i) ASSERT_NEAR(x[i], want[i], 1e-5);
  });
  const float x[] = {-INFINITY, -1e30f, 0, 1e30f, INFINITY};
  const float want[] = {-30, -30, 0, 30, 30};
  float y[5];
  ops().soft_cap({x, y, 5, 30});
  for (int i = 0; i < 5; ++i) EXPECT_EQ(y[i], want[i]);
}

TEST_P(Rowwise, Add) {
  for_lengths_and_offsets([&](int n, int offset) {
    const auto b = random_floats(std::size_t(n), rng_);
    Guarded a(b.size(), offset);
    std::vector<float> want(b.size());
    for (int i = 0; i < n; ++i) {
      a[std::size_t(i)] = float(i);
      want[std::size_t(i)] = float(i) + b[std::size_t(i)];
    }
    ops().add({a.data(), b.data(), a.data(), n});  // in place
    ASSERT_TRUE(a.intact());
    ASSERT_TRUE(same_bits(a.span(), want));
  });
}

TEST_P(Rowwise, ExpIsWithinTwoUlp) {
  std::vector<float> x;
  for (float v = -87.3f; v < 88.3f; v += 0.0137f) x.push_back(v);
  std::vector<float> y(x.size());
  ops().exp({x.data(), y.data(), int64_t(x.size())});
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double want = std::exp(double(x[i]));
    const float rounded = float(want);
    const double ulp = double(std::nextafter(rounded, INFINITY)) - rounded;
    ASSERT_LE(std::fabs(y[i] - want), 2 * ulp) << x[i];
  }
}

TEST_P(Rowwise, ExpLengthsAndExtremes) {
  for_lengths_and_offsets([&](int n, int offset) {
    const auto x = random_floats(std::size_t(n), rng_);
    Guarded y(std::size_t(n), offset);
    ops().exp({x.data(), y.data(), n, 0.25f});
    ASSERT_TRUE(y.intact());
    for (int i = 0; i < n; ++i) {
      const double want = std::exp(double(x[std::size_t(i)] - 0.25f));
      ASSERT_NEAR(y[std::size_t(i)], want, 3e-7 * want);
    }
  });
  const float x[] = {-INFINITY, -1e30f, -104, 0, -0.0f, 100, 1e30f, INFINITY, NAN};
  float y[9];
  ops().exp({x, y, 9});
  for (int i = 0; i < 3; ++i) EXPECT_NEAR(y[i], 0, 1e-44);
  EXPECT_EQ(y[3], 1);
  EXPECT_EQ(y[4], 1);
  for (int i = 5; i < 8; ++i) EXPECT_EQ(y[i], INFINITY);
  EXPECT_TRUE(std::isnan(y[8]));
}

TEST_P(Rowwise, RopeTurnsPairs) {
  for (const RopeLayout layout : {RopeLayout::adjacent, RopeLayout::halves}) {
    for (int rotary : {2, 4, 6, 8, 14, 34, 64}) {
      for (int rest : {0, 2}) {
        const int tokens = 3, heads = 2, dim = rotary + rest, stride = heads * dim + 1;
        std::vector<float> table(std::size_t(40 * rotary));
        build_rope_table(table.data(), 40, rotary, 10000.0, nullptr);
        const int32_t positions[] = {0, 39, 7};
        Guarded x(std::size_t(tokens * stride), rotary % 5);
        for (float& v : x.span()) v = std::normal_distribution<float>()(rng_);
        std::vector<float> want(x.span().begin(), x.span().end());
        Rope a{x.data(), stride, positions, table.data(), tokens, heads, dim, rotary, layout};
        Rope r = a;
        r.x = want.data();
        reference_ops().rope(r);
        ops().rope(a);
        ASSERT_TRUE(x.intact());
        for (std::size_t i = 0; i < want.size(); ++i) ASSERT_NEAR(x[i], want[i], 2e-6);
      }
    }
  }
}

TEST(RopeTable, HoldsAnglesAndFactors) {
  float table[3 * 4];
  const float factors[] = {1, 4};
  build_rope_table(table, 3, 4, 100.0, factors);
  for (int p = 0; p < 3; ++p) {
    EXPECT_FLOAT_EQ(table[p * 4 + 0], float(std::cos(p * 1.0)));
    EXPECT_FLOAT_EQ(table[p * 4 + 1], float(std::cos(p * 0.1 / 4)));
    EXPECT_FLOAT_EQ(table[p * 4 + 2], float(std::sin(p * 1.0)));
    EXPECT_FLOAT_EQ(table[p * 4 + 3], float(std::sin(p * 0.1 / 4)));
  }
}

TEST(RopeTable, ScalesByTheMagnitude) {
  float plain[3 * 4], scaled[3 * 4];
  build_rope_table(plain, 3, 4, 100.0, nullptr);
  build_rope_table(scaled, 3, 4, 100.0, nullptr, 1.25);
  for (int i = 0; i < 12; ++i) EXPECT_FLOAT_EQ(scaled[i], 1.25f * plain[i]);
}

}  // namespace
}  // namespace serval
