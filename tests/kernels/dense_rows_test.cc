// Prepared rows and the norms that write them: lengths around the vector widths, misaligned.
#include <cmath>

#include "kernels/dense_layout.h"
#include "kernels/float16.h"
#include "tests/kernels/kernel_test.h"

namespace serval {
namespace {

class DenseRows : public KernelTest {
 protected:
  // Element c of a prepared int8 row.
  int quant(const uint8_t* row, int c) const {
    const uint8_t q = row[sizeof(DenseRowHeader) + std::size_t(c)];
    return ops().narrow_int8 ? q : int8_t(q);
  }
};
SERVAL_KERNEL_SUITE(DenseRows);

constexpr DenseType kTypes[] = {DenseType::f32, DenseType::bf16, DenseType::int8};

std::vector<int> lengths() {
  std::vector<int> all;
  for (int n = 1; n <= 70; ++n) all.push_back(n);
  all.insert(all.end(), {384, 769});
  return all;
}

TEST_P(DenseRows, PrepareKeepsTheValues) {
  for (const int cols : lengths()) {
    for (const DenseType type : kTypes) {
      const int rows = 3;
      const auto x = random_floats(std::size_t(rows * (cols + 1)), rng_, 4);
      const std::size_t stride = dense_row_bytes(type, cols);
      const Aligned out(rows * stride);
      std::memset(out.data(), 0x5a, out.size());
      ops().prepare_rows({x.data(), cols + 1, rows, cols, type, out.data(), stride});
      for (int r = 0; r < rows; ++r) {
        const auto* row = static_cast<const uint8_t*>(out.data()) + std::size_t(r) * stride;
        DenseRowHeader header;
        std::memcpy(&header, row, sizeof header);
        int total = 0;
        for (int c = 0; c < (cols + 3) / 4 * 4; ++c) total += quant(row, c);
        if (type == DenseType::int8) {
          ASSERT_EQ(header.start, ops().narrow_int8 ? 0 : -128 * total);
        }
        for (int c = 0; c < cols; ++c) {
          const float v = x[std::size_t(r * (cols + 1) + c)];
          float f;
          uint16_t half;
          if (type == DenseType::f32) {
            std::memcpy(&f, row + 4 * c, 4);
            ASSERT_EQ(f, v);
          } else if (type == DenseType::bf16) {
            std::memcpy(&half, row + 2 * c, 2);
            ASSERT_EQ(half, f32_to_bf16(v));
          } else {
            ASSERT_NEAR(header.step * float(quant(row, c)) + header.middle, v,
                        0.5001f * header.step + 1e-6f);
          }
        }
        if (type == DenseType::bf16 && cols % 2 != 0) {
          ASSERT_EQ(row[2 * cols], 0);
          ASSERT_EQ(row[2 * cols + 1], 0);
        }
        const int pad = cols % 4 == 0 ? 0 : 4 - cols % 4;
        for (int c = cols; type == DenseType::int8 && c < cols + pad; ++c)
          ASSERT_EQ(quant(row, c), ops().narrow_int8 ? 128 : 0);
        const int end = type == DenseType::f32    ? 4 * cols
                        : type == DenseType::bf16 ? 2 * (cols + cols % 2)
                                                  : 64 + cols + pad;
        for (std::size_t at = std::size_t(end); at < stride; ++at) ASSERT_EQ(row[at], 0x5a) << cols;
      }
    }
  }
}

TEST_P(DenseRows, PrepareOfConstantAndBadRows) {
  const float rows[][4] = {{0, 0, 0, 0}, {3, 3, 3, 3}, {NAN, 1, 2, 3}, {1, INFINITY, 2, 3}};
  const std::size_t stride = dense_row_bytes(DenseType::int8, 4);
  const Aligned out(4 * stride);
  ops().prepare_rows({rows[0], 4, 4, 4, DenseType::int8, out.data(), stride});
  for (int r = 0; r < 2; ++r) {
    DenseRowHeader header;
    std::memcpy(&header, static_cast<uint8_t*>(out.data()) + std::size_t(r) * stride, 64);
    EXPECT_EQ(header.middle, rows[r][0]);
    EXPECT_EQ(header.start, 0);
  }
}

TEST_P(DenseRows, NormEqualsReference) {
  for (const NormKind kind : {NormKind::layer, NormKind::rms}) {
    for (const int dim : lengths()) {
      for (const bool all : {false, true}) {
        const int rows = 3, stride = dim + 2;
        auto x = random_floats(std::size_t(rows * stride), rng_);
        for (float& v : x) v += 100;  // a mean that must not cancel the variance away
        const auto add = random_floats(x.size(), rng_);
        const auto gamma = random_floats(std::size_t(dim), rng_);
        const auto beta = random_floats(std::size_t(dim), rng_);
        Guarded y(x.size(), dim % 3), sum(x.size(), 1);
        std::vector<float> want(x.size(), kGuard), want_sum(x.size(), kGuard);
        for (float& v : y.span()) v = kGuard;
        for (float& v : sum.span()) v = kGuard;
        NormRows a{.kind = kind,
                   .x = x.data(),
                   .x_stride = stride,
                   .gamma = gamma.data(),
                   .eps = 1e-5f,
                   .rows = rows,
                   .dim = dim};
        if (all) {
          a.add = add.data();
          a.beta = beta.data();
          a.add_stride = a.sum_stride = stride;
        }
        a.y_stride = stride;
        a.y = want.data();
        if (all) a.sum = want_sum.data();
        reference_ops().norm_rows(a);
        a.y = y.data();
        if (all) a.sum = sum.data();
        ops().norm_rows(a);
        ASSERT_TRUE(y.intact() && sum.intact());
        for (std::size_t i = 0; i < want.size(); ++i)
          ASSERT_NEAR(y[i], want[i], 3e-5 * (1 + std::fabs(want[i]))) << dim;
        ASSERT_TRUE(same_bits(sum.span(), want_sum));
      }
    }
  }
}

// The prepared form is that of y, with y written or not, and in place too.
TEST_P(DenseRows, NormPreparesItsResult) {
  const int rows = 4, dim = 100;
  const auto gamma = random_floats(dim, rng_);
  for (const DenseType type : kTypes) {
    const std::size_t stride = dense_row_bytes(type, dim);
    const Aligned got(rows * stride), alone(rows * stride), want(rows * stride);
    for (const Aligned* a : {&got, &alone, &want}) std::memset(a->data(), 0, a->size());
    auto x = random_floats(rows * dim, rng_);
    std::vector<float> y(x.size());
    NormRows a{.x = x.data(),
               .x_stride = dim,
               .gamma = gamma.data(),
               .eps = 1e-12f,
               .rows = rows,
               .dim = dim,
               .y_stride = dim,
               .type = type,
               .prepared = alone.data(),
               .prepared_stride = stride};
    ops().norm_rows(a);
    a.y = y.data();
    a.prepared = got.data();
    ops().norm_rows(a);
    a.y = x.data();
    a.prepared = nullptr;
    ops().norm_rows(a);
    ASSERT_TRUE(same_bits(x, y));
    ops().prepare_rows({y.data(), dim, rows, dim, type, want.data(), stride});
    EXPECT_EQ(std::memcmp(got.data(), want.data(), want.size()), 0) << dense_type_name(type);
    EXPECT_EQ(std::memcmp(alone.data(), want.data(), want.size()), 0) << dense_type_name(type);
  }
}

}  // namespace
}  // namespace serval
