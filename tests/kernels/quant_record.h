// What a record of quantised activations must hold.
#pragma once

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>

#include "kernels/float16.h"
#include "kernels/quant_rows.h"

namespace serval {

inline const QuantRecord& quant_record(const void* out, int token, int64_t run, int tokens,
                                       int64_t cols) {
  const QuantTile tile = quant_tile(token / kTileTokens, tokens, records_of(cols));
  return static_cast<const QuantRecord*>(
      out)[tile.first_record + run * tile.tokens + token % kTileTokens];
}

// x: the n columns the record stands for; n is a multiple of 32.
inline void expect_stands_for(const QuantRecord& r, const float* x, int n) {
  float peak = 0;
  int greatest = 0;
  for (int b = 0; b < kRecordBlocks; ++b) {
    int sum = 0, low = 0;
    for (int i = b * 32; i < (b + 1) * 32; ++i) {
      const float value = i < n ? x[i] : 0;
      peak = std::max(peak, std::fabs(value));
      greatest = std::max(greatest, std::abs(r.q[i]));
      sum += r.q[i];
      if (i % 32 < 16) low += r.q[i];
      ASSERT_NEAR(r.q[i] * r.scale, value, r.scale * 0.5001) << i;
    }
    ASSERT_EQ(r.minus_sum[b], -sum);
    ASSERT_EQ(r.minus_sum_low[b], -low);
    ASSERT_EQ(r.sums[b], f32_to_bf16(float(sum)));
  }
  ASSERT_EQ(greatest, 127);
  ASSERT_NEAR(r.scale, peak / 127, peak * 1e-7);
}

}  // namespace serval
