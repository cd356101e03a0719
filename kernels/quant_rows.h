// The layout of quantised activations, shared by quantize_rows and every matmul.
//
// Tokens go in tiles of up to 16. A tile holds, for each block of 32 columns, one record a token;
// so the micro-kernel finds the operands of its tokens at constant distances. Static for the
// reason float16.h gives.
#pragma once

#include <cstdint>

namespace serval {
namespace {

constexpr int kTileTokens = 16;

// Value of column i: scale * q[i].
struct QuantRecord {
  int8_t q[32];
  float scale;
  float scaled_sum;       // scale * sum(q): multiplies the weights' m
  int32_t minus_sum;      // -sum(q): times the zero point it corrects for unsigned weights
  int32_t minus_sum_low;  // the same over columns 0..15
};
static_assert(sizeof(QuantRecord) == 48);

struct QuantTile {
  int64_t first_record;  // of the tile, in records from the start of the buffer
  int tokens;            // in this tile: record of (block, token) is block * tokens + token
};

[[maybe_unused]] constexpr QuantTile quant_tile(int tile, int tokens, int64_t blocks) {
  const int left = tokens - tile * kTileTokens;
  return {int64_t{tile} * kTileTokens * blocks, left < kTileTokens ? left : kTileTokens};
}

}  // namespace
}  // namespace serval
