#include "kernels/quant_block.h"

#include "kernels/float16.h"

namespace serval {
namespace {

float half_at(const uint8_t* p) { return f16_to_f32(uint16_t(p[0] | p[1] << 8)); }

// 16 bytes: low nibbles are columns 0..15, high nibbles columns 16..31.
void split_nibbles(const uint8_t* packed, uint8_t* q) {
  for (int i = 0; i < 16; ++i) {
    q[i] = packed[i] & 15;
    q[i + 16] = packed[i] >> 4;
  }
}

// Bit i of the 32-bit word at `high` is bit 4 of column i.
void add_fifth_bits(const uint8_t* high, uint8_t* q) {
  for (int i = 0; i < 32; ++i) q[i] |= uint8_t((high[i / 8] >> (i % 8) & 1) << 4);
}

// d, 16 B of nibbles.
void read_q4_0(const uint8_t* p, QuantBlock& out) {
  out.d[0] = half_at(p);
  out.m = 0;
  split_nibbles(p + 2, out.q);
}

// d, m, 16 B of nibbles.
void read_q4_1(const uint8_t* p, QuantBlock& out) {
  out.d[0] = half_at(p);
  out.m = half_at(p + 2);
  split_nibbles(p + 4, out.q);
}

// d, 4 B of fifth bits, 16 B of nibbles.
void read_q5_0(const uint8_t* p, QuantBlock& out) {
  out.d[0] = half_at(p);
  out.m = 0;
  split_nibbles(p + 6, out.q);
  add_fifth_bits(p + 2, out.q);
}

// d, m, 4 B of fifth bits, 16 B of nibbles.
void read_q5_1(const uint8_t* p, QuantBlock& out) {
  out.d[0] = half_at(p);
  out.m = half_at(p + 2);
  split_nibbles(p + 8, out.q);
  add_fifth_bits(p + 4, out.q);
}

// d, 32 signed bytes.
void read_q8_0(const uint8_t* p, QuantBlock& out) {
  out.d[0] = half_at(p);
  out.m = 0;
  for (int i = 0; i < 32; ++i) out.q[i] = p[2 + i] ^ 0x80;  // two's complement to q + 128
}

// The 12 bytes that hold 8 scales and 8 minima of 6 bits: the first four of each lie in the low
// 6 bits of bytes 0..3 and 4..7; the others have 4 bits in bytes 8..11 and 2 in the top of 0..7.
void k_scale_min(const uint8_t* packed, int j, int& scale, int& min) {
  if (j < 4) {
    scale = packed[j] & 63;
    min = packed[j + 4] & 63;
  } else {
    scale = (packed[j + 4] & 15) | (packed[j - 4] >> 6) << 4;
    min = (packed[j + 4] >> 4) | (packed[j] >> 6) << 4;
  }
}

// d, dmin, 12 B of scales, then (Q5_K: 32 B of fifth bits and) 4 chunks of 32 B: low nibbles are
// sub-block 2c, high nibbles sub-block 2c+1. sub: 0..7.
void read_q4_k(const uint8_t* p, int sub, bool fifth_bits, QuantBlock& out) {
  int scale, min;
  k_scale_min(p + 4, sub, scale, min);
  out.d[0] = half_at(p) * float(scale);
  out.m = -(half_at(p + 2) * float(min));
  const uint8_t* quants = p + (fifth_bits ? 48 : 16) + sub / 2 * 32;
  const int shift = sub % 2 * 4;
  for (int i = 0; i < 32; ++i) out.q[i] = quants[i] >> shift & 15;
  if (fifth_bits)
    for (int i = 0; i < 32; ++i) out.q[i] |= uint8_t((p[16 + i] >> sub & 1) << 4);
}

// 128 B of low nibbles, 64 B of high bit pairs, 16 signed scales of 16 columns each, d. Each half
// of 128 columns has four runs of 32: nibbles low/low/high/high of byte i, i+32, i, i+32; bit
// pairs 0..3 of byte i.
void read_q6_k(const uint8_t* p, int sub, QuantBlock& out) {
  const float d = half_at(p + 208);
  for (int h = 0; h < 2; ++h) out.d[h] = d * float(int8_t(p[192 + sub * 2 + h]));
  out.m = 0;
  const int half = sub / 4, run = sub % 4;
  const uint8_t* low = p + half * 64 + run % 2 * 32;
  const uint8_t* high = p + 128 + half * 32;
  for (int i = 0; i < 32; ++i)
    out.q[i] = uint8_t((low[i] >> (run / 2 * 4) & 15) | (high[i] >> (run * 2) & 3) << 4);
}

}  // namespace

int zero_point(WeightType type) {
  switch (type) {
    case WeightType::q4_0:
      return 8;
    case WeightType::q5_0:
      return 16;
    case WeightType::q6_k:
      return 32;
    case WeightType::q8_0:
      return 128;
    default:
      return 0;
  }
}

int packed_zero_point(WeightType type) {
  switch (packed_form(type)) {
    case PackedForm::nibble_offset:
      return 8;
    case PackedForm::byte_offset:
      return 16;
    default:
      return zero_point(type);
  }
}

void read_quant_block(WeightType type, const uint8_t* row, int64_t index, QuantBlock& out) {
  const BlockInfo info = block_info(type);
  const int64_t per_file_block = info.elements / 32;
  const uint8_t* p = row + index / per_file_block * info.bytes;
  const int sub = int(index % per_file_block);
  switch (type) {
    case WeightType::q4_0:
      read_q4_0(p, out);
      break;
    case WeightType::q4_1:
      read_q4_1(p, out);
      break;
    case WeightType::q5_0:
      read_q5_0(p, out);
      break;
    case WeightType::q5_1:
      read_q5_1(p, out);
      break;
    case WeightType::q8_0:
      read_q8_0(p, out);
      break;
    case WeightType::q4_k:
      read_q4_k(p, sub, false, out);
      break;
    case WeightType::q5_k:
      read_q4_k(p, sub, true, out);
      break;
    case WeightType::q6_k:
      read_q6_k(p, sub, out);
      return;
    default:
      return;
  }
  out.d[1] = out.d[0];
}

}  // namespace serval
