// How one kv head of one cache block lies in memory, for each KvType; shared by every table. The
// head's keys come first, then its values, then the scales of the quantised types.
//
//   f32 f16  K [D][32 slots]          V [32 slots][D]
//   bf16     K [D/2][32 slots][2]     V [16][D][2 slots]      pairs, as vdpbf16ps reads them
//   int8     K [D/4][32 slots][4]     V [8][D][4 slots]       fours, as vpdpbusd reads them;
//            K as q + 128, V signed; f32 scales of K [32], of V [32]: value = scale * q
//   int4     K [D][16]                V [32 slots][D/2]       two nibbles a byte: slot and slot +
//   16,
//            d and d + D/2; for each run of 32 dimensions f16 steps [32] and minima [32], of K,
//            then of V: value = minimum + step * q
//
// Static and constexpr for the reasons float16.h gives.
#pragma once

#include <cstdint>

#include "kernels/float16.h"
#include "kernels/ops.h"

namespace serval {
namespace {

constexpr int kKvRunDims = 32;  // dimensions of one int4 step and minimum

[[maybe_unused]] constexpr int kv_runs(int head_dim) {
  return (head_dim + kKvRunDims - 1) / kKvRunDims;
}

// Bytes of the keys of one head, and as many of its values.
[[maybe_unused]] constexpr int64_t kv_side_bytes(KvType type, int head_dim) {
  switch (type) {
    case KvType::f32:
      return int64_t{128} * head_dim;
    case KvType::int8:
      return int64_t{32} * head_dim;
    case KvType::int4:
      return int64_t{16} * head_dim;
    default:
      return int64_t{64} * head_dim;
  }
}

// Bytes of one head: both sides and the scales.
[[maybe_unused]] constexpr int64_t kv_head_bytes(KvType type, int head_dim) {
  const int64_t scales = type == KvType::int8   ? 2 * 32 * 4
                         : type == KvType::int4 ? 4 * 32 * 2 * kv_runs(head_dim)
                                                : 0;
  return 2 * kv_side_bytes(type, head_dim) + scales;
}

// Index of an element within its side; of a byte for int4.
[[maybe_unused]] constexpr int64_t k_element(KvType type, int head_dim, int slot, int d) {
  switch (type) {
    case KvType::bf16:
      return (int64_t{d / 2} * 32 + slot) * 2 + d % 2;
    case KvType::int8:
      return (int64_t{d / 4} * 32 + slot) * 4 + d % 4;
    case KvType::int4:
      return int64_t{d % (head_dim / 2)} * 32 + slot;
    default:
      return int64_t{d} * 32 + slot;
  }
}

[[maybe_unused]] constexpr int64_t v_element(KvType type, int head_dim, int slot, int d) {
  switch (type) {
    case KvType::bf16:
      return (int64_t{slot / 2} * head_dim + d) * 2 + slot % 2;
    case KvType::int8:
      return (int64_t{slot / 4} * head_dim + d) * 4 + slot % 4;
    case KvType::int4:
      return int64_t{slot} * (head_dim / 2) + d % (head_dim / 2);
    default:
      return int64_t{slot} * head_dim + d;
  }
}

// Round to nearest, |x| below 2^22.
[[maybe_unused]] constexpr float kv_round(float x) { return (x + 0x1.8p23f) - 0x1.8p23f; }

// One head's vector x [D] at `slot` of its keys (kValues: of its values), int8. side: the first
// byte of the side; scales: [32] of the side. Not finite: any finite q.
template <bool kValues>
[[maybe_unused]] constexpr void write_int8(const float* x, int head_dim, int slot, uint8_t* side,
                                           float* scales) {
  float peak = 0;
  for (int d = 0; d < head_dim; ++d) {
    const float size = x[d] < 0 ? -x[d] : x[d];
    if (size > peak && size <= 3.0e38f) peak = size;
  }
  const bool live = peak > 1e-30f;
  const float inverse = live ? 127.0f / peak : 0.0f;
  scales[slot] = live ? peak / 127.0f : 0.0f;
  for (int d = 0; d < head_dim; ++d) {
    float q = x[d] * inverse;
    q = q > 127.0f ? 127.0f : q > -127.0f ? q : -127.0f;  // NaN: -127
    const int rounded = int(kv_round(q));
    if constexpr (kValues)
      side[v_element(KvType::int8, head_dim, slot, d)] = uint8_t(int8_t(rounded));
    else
      side[k_element(KvType::int8, head_dim, slot, d)] = uint8_t(rounded + 128);
  }
}

// The same, int4. scales: steps and minima of the side, [runs][2][32].
template <bool kValues>
[[maybe_unused]] constexpr void write_int4(const float* x, int head_dim, int slot, uint8_t* side,
                                           uint16_t* scales) {
  for (int run = 0; run < kv_runs(head_dim); ++run) {
    const int begin = run * kKvRunDims;
    const int end = begin + kKvRunDims < head_dim ? begin + kKvRunDims : head_dim;
    float low = 6e4f, high = -6e4f;  // f16 ends at 65504
    for (int d = begin; d < end; ++d) {
      low = x[d] < low ? x[d] : low;
      high = x[d] > high ? x[d] : high;
    }
    low = low > -6e4f ? low : -6e4f;
    high = high > low ? (high < 6e4f ? high : 6e4f) : low;
    const uint16_t step_bits = f32_to_f16((high - low) / 15), low_bits = f32_to_f16(low);
    scales[(run * 2) * 32 + slot] = step_bits;
    scales[(run * 2 + 1) * 32 + slot] = low_bits;
    const float step = f16_to_f32(step_bits), minimum = f16_to_f32(low_bits);
    const float inverse = step > 0 ? 1 / step : 0.0f;
    for (int d = begin; d < end; ++d) {
      float q = (x[d] - minimum) * inverse;
      q = q < 15.0f ? (q > 0.0f ? q : 0.0f) : 15.0f;  // NaN: 15
      const bool top = d >= head_dim / 2;
      uint8_t& byte = side[kValues ? v_element(KvType::int4, head_dim, slot, d)
                                   : k_element(KvType::int4, head_dim, slot, d)];
      byte = uint8_t((byte & (top ? 0x0f : 0xf0)) | int(kv_round(q)) << (top ? 4 : 0));
    }
  }
}

// One element as int4 holds it.
template <bool kValues>
[[maybe_unused]] constexpr float read_int4(const uint8_t* side, const uint16_t* scales,
                                           int head_dim, int slot, int d) {
  const int run = d / kKvRunDims;
  const bool top = d >= head_dim / 2;
  const uint8_t byte = side[kValues ? v_element(KvType::int4, head_dim, slot, d)
                                    : k_element(KvType::int4, head_dim, slot, d)];
  const float step = f16_to_f32(scales[(run * 2) * 32 + slot]);
  return f16_to_f32(scales[(run * 2 + 1) * 32 + slot]) + step * float(byte >> (top ? 4 : 0) & 15);
}

}  // namespace
}  // namespace serval
