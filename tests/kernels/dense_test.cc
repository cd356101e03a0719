// Dense products: every table against the oracle on the same packed weights and prepared rows.
#include <algorithm>
#include <cmath>

#include "kernels/dense_layout.h"
#include "kernels/dense_pack.h"
#include "kernels/float16.h"
#include "tests/kernels/kernel_test.h"

namespace serval {
namespace {

class DenseTest : public KernelTest {};
SERVAL_KERNEL_SUITE(DenseTest);

constexpr DenseType kTypes[] = {DenseType::f32, DenseType::bf16, DenseType::int8};

// int8: a row of the oracle's as a table of narrow sums reads it.
void shift_row(const uint8_t* row, int64_t cols, uint8_t* out) {
  DenseRowHeader header;
  std::memcpy(&header, row, sizeof header);
  header.middle -= 128 * header.step;
  std::memcpy(out, &header, sizeof header);
  for (std::size_t c = sizeof header;
       c < sizeof header + 4 * std::size_t(dense_steps(DenseType::int8, cols)); ++c)
    out[c] = row[c] ^ 128;
}

// Weights, rows and bias of one product. int8: packed for narrow sums, which all tables can read.
struct Case {
  Case(DenseType type, int rows, int64_t n, int64_t k, bool gated, std::mt19937& rng)
      : rows(rows),
        weights(random_floats(std::size_t(n * k), rng)),
        x(random_floats(std::size_t(rows * k), rng)),
        bias(random_floats(std::size_t(n), rng)),
        packed(dense_packed_bytes(type, n, k)),
        prepared(std::size_t(rows) * dense_row_bytes(type, k)),
        shifted(type == DenseType::int8 ? prepared.size() : 0) {
    pack_dense({type, gated, type == DenseType::int8, weights.data(), k, n, k, 0, dense_panels(n),
                packed.data()});
    reference_ops().prepare_rows({x.data(), k, rows, k, type, prepared.data(), row_bytes(type, k)});
    for (std::size_t at = 0; at < shifted.size(); at += row_bytes(type, k))
      shift_row(bytes_of(prepared) + at, k, bytes_of(shifted) + at);
    args.w = dense_weights(type, n, k, gated, packed.data());
    args.x = prepared.data();
    args.x_stride = row_bytes(type, k);
    args.bias = bias.data();
    args.y_stride = dense_outputs(args.w);
    args.row_end = rows;
    args.panel_end = dense_panels(n);
  }
  static std::size_t row_bytes(DenseType type, int64_t k) { return dense_row_bytes(type, k); }
  std::size_t outputs() const { return std::size_t(rows * dense_outputs(args.w)); }
  static uint8_t* bytes_of(const Aligned& a) { return static_cast<uint8_t*>(a.data()); }
  // The product as a table is to make it.
  Dense by(const Ops& ops, float* y) const {
    Dense a = args;
    a.y = y;
    if (shifted.size() > 0 && ops.narrow_int8) a.x = shifted.data();
    return a;
  }

  int rows;
  std::vector<float> weights, x, bias;
  Aligned packed, prepared, shifted;
  Dense args;
};

void expect_near(std::span<const float> got, std::span<const float> want, double tolerance) {
  for (std::size_t i = 0; i < want.size(); ++i)
    ASSERT_NEAR(got[i], want[i], tolerance * (1 + std::fabs(want[i]))) << i;
}

TEST_P(DenseTest, EqualsReference) {
  for (const DenseType type : kTypes) {
    for (const auto& [n, k] : {std::pair{1, 1}, {33, 5}, {31, 64}, {96, 70}, {65, 131}}) {
      for (int rows = 1; rows <= 70; rows += rows < 27 ? 1 : 7) {
        const Case c(type, rows, n, k, false, rng_);
        Guarded y(c.outputs(), rows % 3);
        std::vector<float> want(c.outputs());
        reference_ops().dense(c.by(reference_ops(), want.data()));
        ops().dense(c.by(ops(), y.data()));
        ASSERT_TRUE(y.intact());
        SCOPED_TRACE(std::string(dense_type_name(type)) + " " + std::to_string(rows) + "x" +
                     std::to_string(n) + "x" + std::to_string(k));
        expect_near(y.span(), want, type == DenseType::bf16 ? 3e-5 : 1e-5);
        if (HasFatalFailure()) return;
      }
    }
  }
}

// The whole product is near the one of the floats it came from.
TEST_P(DenseTest, StaysNearTheFloats) {
  for (const DenseType type : kTypes) {
    const int rows = 9;
    const int64_t n = 70, k = 384;
    const Case c(type, rows, n, k, false, rng_);
    std::vector<float> y(c.outputs()), want(c.outputs());
    for (int r = 0; r < rows; ++r) {
      for (int64_t o = 0; o < n; ++o) {
        double sum = double(c.bias[std::size_t(o)]);
        for (int64_t i = 0; i < k; ++i)
          sum += double(c.x[std::size_t(r * k + i)]) * double(c.weights[std::size_t(o * k + i)]);
        want[std::size_t(r * n + o)] = float(sum);
      }
    }
    ops().prepare_rows({c.x.data(), k, rows, k, type, c.prepared.data(), c.args.x_stride});
    pack_dense({type, false, ops().narrow_int8, c.weights.data(), k, n, k, 0, dense_panels(n),
                c.packed.data()});
    Dense a = c.args;
    a.y = y.data();
    ops().dense(a);
    const double int8_limit = ops().narrow_int8 ? 6e-4 : 2e-4;
    const double limit = type == DenseType::f32    ? 1e-12
                         : type == DenseType::bf16 ? 2e-5
                                                   : int8_limit;
    EXPECT_LT(relative_power(y, want), limit) << dense_type_name(type);
  }
}

TEST_P(DenseTest, EpiloguesEqualReference) {
  for (const DenseType type : kTypes) {
    for (const Activation activation :
         {Activation::none, Activation::relu, Activation::tanh, Activation::silu,
          Activation::gelu_erf, Activation::gelu_tanh}) {
      for (const bool gated : {false, true}) {
        for (const int64_t n : {2, 30, 66, 106}) {
          const Case c(type, 14, n, 37, gated, rng_);
          const auto start = random_floats(c.outputs(), rng_);
          Guarded y(c.outputs(), 1);
          std::copy(start.begin(), start.end(), y.data());
          std::vector<float> want = start;
          for (const auto& [table, to] :
               {std::pair{&reference_ops(), want.data()}, {&ops(), y.data()}}) {
            Dense a = c.by(*table, to);
            a.activation = activation;
            a.add = to;  // in place
            a.add_stride = a.y_stride;
            table->dense(a);
          }
          ASSERT_TRUE(y.intact());
          SCOPED_TRACE(std::string(dense_type_name(type)) + " act " +
                       std::to_string(int(activation)) + " n " + std::to_string(n));
          expect_near(y.span(), want, gated ? 1e-4 : 2e-5);
          if (HasFatalFailure()) return;
        }
      }
    }
  }
}

// A row alone, in any company and by any split of the panels has the same bits.
TEST_P(DenseTest, RowsAreBitwiseIndependent) {
  for (const DenseType type : kTypes) {
    for (const bool gated : {false, true}) {
      const int rows = 70;
      Case c(type, rows, 134, 83, gated, rng_);
      std::vector<float> whole(c.outputs()), parts(c.outputs());
      ops().dense(c.by(ops(), whole.data()));
      for (int step : {1, 2, 3, 5, 7, 11, 12, 13, 25, 64}) {
        std::fill(parts.begin(), parts.end(), 0.0f);
        Dense a = c.by(ops(), parts.data());
        for (int64_t panel = 0; panel < c.args.panel_end; panel += 1 + step % 3) {
          a.panel_begin = panel;
          a.panel_end = std::min<int64_t>(panel + 1 + step % 3, c.args.panel_end);
          for (int r = 0; r < rows; r += step) {
            a.row_begin = r;
            a.row_end = std::min(r + step, rows);
            ops().dense(a);
          }
        }
        ASSERT_TRUE(same_bits(parts, whole)) << dense_type_name(type) << " step " << step;
      }
    }
  }
}

TEST_P(DenseTest, WritesBf16Rows) {
  for (const int64_t n : {1, 31, 33, 64, 75}) {
    const Case c(DenseType::f32, 13, n, 20, false, rng_);
    std::vector<float> y(c.outputs());
    ops().dense(c.by(ops(), y.data()));
    const std::size_t stride = dense_row_bytes(DenseType::bf16, n);
    const Aligned out(13 * stride), want(13 * stride);
    std::memset(out.data(), 0x55, out.size());
    std::memset(want.data(), 0x55, want.size());
    Dense a = c.by(ops(), nullptr);
    a.y_bf16 = out.data();
    a.y_bf16_stride = stride;
    ops().dense(a);
    ops().prepare_rows({y.data(), n, 13, n, DenseType::bf16, want.data(), stride});
    EXPECT_EQ(std::memcmp(out.data(), want.data(), out.size()), 0) << n;
  }
}

TEST_P(DenseTest, GeluErfIsWithin1e6) {
  const int rows = 1;
  for (float from = -8; from < 8; from += 0.32f) {
    Case c(DenseType::f32, rows, 64, 1, false, rng_);
    std::fill(c.x.begin(), c.x.end(), 0.0f);
    reference_ops().prepare_rows(
        {c.x.data(), 1, rows, 1, DenseType::f32, c.prepared.data(), c.args.x_stride});
    for (int i = 0; i < 64; ++i) c.bias[std::size_t(i)] = from + 0.005f * float(i);
    std::vector<float> y(64);
    Dense a = c.by(ops(), y.data());
    a.activation = Activation::gelu_erf;
    ops().dense(a);
    for (std::size_t i = 0; i < 64; ++i) {
      const double x = double(c.bias[i]);
      ASSERT_NEAR(y[i], x / 2 * std::erfc(-x / std::sqrt(2.0)), 1e-6) << x;
    }
  }
}

TEST(DensePack, RefusesBadShapes) {
  EXPECT_TRUE(check_dense(DenseType::int8, 384, 1536, false).ok());
  EXPECT_FALSE(check_dense(DenseType::f32, 0, 4, false).ok());
  EXPECT_FALSE(check_dense(DenseType::f32, 4, 0, false).ok());
  EXPECT_FALSE(check_dense(DenseType::f32, 4, int64_t{1} << 25, false).ok());
  EXPECT_FALSE(check_dense(DenseType::int8, 4, 65537, false).ok());
  EXPECT_FALSE(check_dense(DenseType::bf16, 5, 4, true).ok());
}

TEST(DensePack, PanelsPackAlone) {
  std::mt19937 rng(3);
  const int64_t n = 100, k = 45;
  const auto w = random_floats(std::size_t(n * k), rng);
  for (const DenseType type : kTypes) {
    const Aligned whole(dense_packed_bytes(type, n, k)), parts(whole.size());
    pack_dense({type, true, true, w.data(), k, n, k, 0, dense_panels(n), whole.data()});
    for (int64_t p = 0; p < dense_panels(n); ++p)
      pack_dense({type, true, true, w.data(), k, n, k, p, p + 1, parts.data()});
    EXPECT_EQ(std::memcmp(whole.data(), parts.data(), whole.size()), 0);
  }
}

}  // namespace
}  // namespace serval
