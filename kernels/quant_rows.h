// The layout of quantised activations, shared by quantize_rows and every matmul.
//
// Tokens go in tiles of up to 16. A tile holds, for each run of 64 columns, one record a token; so
// the micro-kernel finds the operands of its tokens at constant distances. Static for the reason
// float16.h gives.
#pragma once

#include <cstdint>

namespace serval {
namespace {

constexpr int kTileTokens = 16;
constexpr int kRecordCols = 64;
constexpr int kRecordBlocks = 2;  // of 32 columns

// Value of column i: scale * q[i]. Columns past the row's end are 0.
struct QuantRecord {
  int8_t q[kRecordCols];
  int32_t minus_sum[kRecordBlocks];      // -sum(q) of a block: times the zero point of its weights
  int32_t minus_sum_low[kRecordBlocks];  // the same over the block's columns 0..15
  uint16_t sums[kRecordBlocks];          // sum(q) as bf16: multiplies the weights' offsets
  float scale;
  int32_t unused[2];  // to 32 bytes
};
static_assert(sizeof(QuantRecord) == 96);

struct QuantTile {
  int64_t first_record;  // of the tile, in records from the start of the buffer
  int tokens;            // in this tile: record of (run, token) is run * tokens + token
};

[[maybe_unused]] constexpr int64_t records_of(int64_t cols) {
  return (cols + kRecordCols - 1) / kRecordCols;
}

[[maybe_unused]] constexpr QuantTile quant_tile(int tile, int tokens, int64_t records) {
  const int left = tokens - tile * kTileTokens;
  return {int64_t{tile} * kTileTokens * records, left < kTileTokens ? left : kTileTokens};
}

}  // namespace
}  // namespace serval
