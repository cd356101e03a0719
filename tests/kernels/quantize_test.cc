#include <cmath>

#include "tests/kernels/kernel_test.h"
#include "tests/kernels/quant_record.h"

namespace serval {
namespace {

class Quantize : public KernelTest {};
SERVAL_KERNEL_SUITE(Quantize);

TEST_P(Quantize, RecordsStandForTheirValues) {
  const int64_t cols = 224, stride = cols + 3;
  for (int tokens : {1, 2, 15, 16, 17, 33}) {
    const auto x = random_floats(std::size_t(tokens * stride), rng_, 4);
    const std::size_t bytes = quantized_bytes(tokens, cols);
    Aligned out(bytes + 64);
    std::memset(out.data(), 0xa5, out.size());
    ops().quantize_rows({x.data(), stride, tokens, cols, 0, tokens, out.data()});
    for (int t = 0; t < tokens; ++t)
      for (int64_t run = 0; run < records_of(cols); ++run)
        expect_stands_for(quant_record(out.data(), t, run, tokens, cols),
                          x.data() + t * stride + run * kRecordCols,
                          int(std::min<int64_t>(cols - run * kRecordCols, kRecordCols)));
    const auto* end = static_cast<const unsigned char*>(out.data()) + bytes;
    for (int i = 0; i < 64; ++i) ASSERT_EQ(end[i], 0xa5);
  }
}

TEST_P(Quantize, TokenRangesAndBatchesGiveTheSameRecords) {
  const int tokens = 21;
  const int64_t cols = 192;
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
    for (int64_t run = 0; run < records_of(cols); ++run)
      EXPECT_EQ(std::memcmp(&quant_record(one.data(), 0, run, 1, cols),
                            &quant_record(whole.data(), t, run, tokens, cols), sizeof(QuantRecord)),
                0);
  }
}

TEST_P(Quantize, ZeroTinyAndNonFiniteRuns) {
  const int64_t cols = 4 * kRecordCols;
  std::vector<float> x(std::size_t(cols), 0);
  for (int i = kRecordCols; i < 2 * kRecordCols; ++i) x[std::size_t(i)] = 1e-42f;
  x[2 * kRecordCols] = NAN;
  x[2 * kRecordCols + 1] = 3;
  x[3 * kRecordCols] = INFINITY;
  x[3 * kRecordCols + 1] = -INFINITY;
  Aligned out(quantized_bytes(1, cols));
  ops().quantize_rows({x.data(), cols, 1, cols, 0, 1, out.data()});
  for (int64_t run = 0; run < 4; ++run) {
    const QuantRecord& r = quant_record(out.data(), 0, run, 1, cols);
    for (int8_t q : r.q) ASSERT_GE(q, -127);
    if (run < 2) {
      EXPECT_LT(r.scale, run == 0 ? 1e-45 : 1e-40);
    }
  }
  EXPECT_EQ(quant_record(out.data(), 0, 2, 1, cols).q[1], 127);  // NaN does not set the scale
}

}  // namespace
}  // namespace serval
