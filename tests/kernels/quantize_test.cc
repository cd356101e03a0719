#include <cmath>

#include "kernels/quant_rows.h"
#include "tests/kernels/kernel_test.h"

namespace serval {
namespace {

class Quantize : public KernelTest {};
SERVAL_KERNEL_SUITE(Quantize);

const QuantRecord& record(const void* out, int token, int64_t block, int tokens, int64_t cols) {
  const QuantTile tile = quant_tile(token / kTileTokens, tokens, cols / 32);
  return static_cast<const QuantRecord*>(
      out)[tile.first_record + block * tile.tokens + token % kTileTokens];
}

TEST_P(Quantize, RecordsStandForTheirValues) {
  const int64_t cols = 96, stride = cols + 3;
  for (int tokens : {1, 2, 15, 16, 17, 33}) {
    const auto x = random_floats(std::size_t(tokens * stride), rng_, 4);
    const std::size_t bytes = quantized_bytes(tokens, cols);
    Aligned out(bytes + 64);
    std::memset(out.data(), 0xa5, out.size());
    ops().quantize_rows({x.data(), stride, tokens, cols, 0, tokens, out.data()});
    for (int t = 0; t < tokens; ++t) {
      for (int64_t b = 0; b < cols / 32; ++b) {
        const QuantRecord& r = record(out.data(), t, b, tokens, cols);
        const float* block = x.data() + t * stride + b * 32;
        float peak = 0;
        int sum = 0, low = 0, greatest = 0;
        for (int i = 0; i < 32; ++i) {
          peak = std::max(peak, std::fabs(block[i]));
          greatest = std::max(greatest, std::abs(r.q[i]));
          sum += r.q[i];
          if (i < 16) low += r.q[i];
          ASSERT_NEAR(r.q[i] * r.scale, block[i], r.scale * 0.5001) << t << "," << b << "," << i;
        }
        ASSERT_EQ(greatest, 127);
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

TEST_P(Quantize, TokenRangesAndBatchesGiveTheSameRecords) {
  const int tokens = 21;
  const int64_t cols = 64;
  const auto x = random_floats(std::size_t(tokens * cols), rng_);
  Aligned whole(quantized_bytes(tokens, cols)), parts(quantized_bytes(tokens, cols)),
      one(quantized_bytes(1, cols));
  ops().quantize_rows({x.data(), cols, tokens, cols, 0, tokens, whole.data()});
  for (int t : {0, 5, 6, 17})
    ops().quantize_rows({x.data(), cols, tokens, cols, t,
                         t == 0   ? 5
                         : t == 5 ? 6
                         : t == 6 ? 17
                                  : 21,
                         parts.data()});
  EXPECT_EQ(std::memcmp(whole.data(), parts.data(), whole.size()), 0);
  for (int t = 0; t < tokens; ++t) {
    ops().quantize_rows({x.data() + t * cols, cols, 1, cols, 0, 1, one.data()});
    for (int64_t b = 0; b < cols / 32; ++b)
      EXPECT_EQ(std::memcmp(&record(one.data(), 0, b, 1, cols),
                            &record(whole.data(), t, b, tokens, cols), sizeof(QuantRecord)),
                0);
  }
}

TEST_P(Quantize, ZeroTinyAndNonFiniteBlocks) {
  std::vector<float> x(4 * 32, 0);
  for (int i = 32; i < 64; ++i) x[std::size_t(i)] = 1e-42f;
  x[64] = NAN;
  x[65] = 3;
  x[96] = INFINITY;
  x[97] = -INFINITY;
  Aligned out(quantized_bytes(1, 128));
  ops().quantize_rows({x.data(), 128, 1, 128, 0, 1, out.data()});
  for (int64_t b = 0; b < 4; ++b) {
    const QuantRecord& r = record(out.data(), 0, b, 1, 128);
    for (int i = 0; i < 32; ++i) ASSERT_GE(r.q[i], -127);
    if (b < 2) {
      EXPECT_LT(r.scale, b == 0 ? 1e-45 : 1e-40);
    }
  }
  EXPECT_EQ(record(out.data(), 0, 2, 1, 128).q[1], 127);  // NaN does not set the scale
}

}  // namespace
}  // namespace serval
