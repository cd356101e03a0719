// The integer dot products of a pair of blocks with 16-bit multiplications of a plain compiler
// vector. A vector holds 4 rows x 4 columns of bytes; its even and odd bytes become 16-bit lanes,
// so two products are added before widening: at most 2 * 128 * 127 for bytes. Nibbles, at most 2 *
// 15 * 127 a step, are widened once after 8 steps.
constexpr int kMaxTokens = 2;  // with 4 the sums leave the 16 registers and the rate halves
constexpr int kMaxFloatTokens = 2;

typedef int16_t Shorts __attribute__((vector_size(16)));
typedef uint16_t UShorts __attribute__((vector_size(16)));

struct Rows16 {
  Vec v[4];
};

// Activations 4u..4u+3 as the even and odd lanes of every row.
struct Operand {
  Shorts even, odd;
};

Operand operand(const int8_t* q) {
  const int32_t even = int32_t(uint32_t(uint16_t(q[0])) | uint32_t(uint16_t(q[2])) << 16);
  const int32_t odd = int32_t(uint32_t(uint16_t(q[1])) | uint32_t(uint16_t(q[3])) << 16);
  return {(Shorts)Ints{even, even, even, even}, (Shorts)Ints{odd, odd, odd, odd}};
}

UShorts load_quants(const uint8_t* p) {
  UShorts v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}

// Sums of neighbouring 16-bit lanes: one 32-bit lane a row.
Ints widen(Shorts pairs) { return ((Ints)pairs << 16 >> 16) + ((Ints)pairs >> 16); }

Ints nibble_dot(const uint8_t* quants, const int8_t* q) {
  Shorts total{};
  for (int u = 0; u < 8; ++u) {
    const UShorts w = load_quants(quants + u % 4 * 64) >> (u < 4 ? 0 : 4);
    const Operand o = operand(q + 4 * u);
    total += (Shorts)(w & 15) * o.even + (Shorts)(w >> 8 & 15) * o.odd;
  }
  return widen(total);
}

// Columns 4*first .. 4*last-1.
Ints byte_dot(const uint8_t* quants, int zero, const int8_t* q, int first, int last) {
  Ints total{};
  for (int u = first; u < last; ++u) {
    const UShorts w = load_quants(quants + u * 64);
    const Operand o = operand(q + 4 * u);
    const Shorts even = (Shorts)(w & 255) - int16_t(zero), odd = (Shorts)(w >> 8) - int16_t(zero);
    total += widen(even * o.even + odd * o.odd);
  }
  return total;
}

Vec to_floats(Ints i) { return {__builtin_convertvector(i, Floats)}; }

// Four rows of one block, which is number `index` of the record.
template <PackedForm form, int kZeroShift>
SERVAL_INLINE Vec quarter_block(const uint8_t* quants, const uint16_t* scales, int index,
                                const QuantRecord& x, Vec y) {
  constexpr int zero = 1 << kZeroShift;
  const int8_t* q = x.q + index * 32;
  const Vec d = Vec::load_half(scales);
  if constexpr (form == PackedForm::byte_16) {
    y = fma(to_floats(byte_dot(quants, zero, q, 0, 4)), d, y);
    return fma(to_floats(byte_dot(quants, zero, q, 4, 8)), Vec::load_half(scales + 16), y);
  } else if constexpr (quant_bytes(form) == 256) {
    return fma(to_floats(nibble_dot(quants, q) + x.minus_sum[index] * zero), d, y);
  } else {
    return fma(to_floats(byte_dot(quants, zero, q, 0, 8)), d, y);
  }
}

// part[t] += W x[t] / scale over the pair of blocks that the records at x stand for.
template <PackedForm form, int kZeroShift, int N>
SERVAL_INLINE void pair_dot(const uint8_t* group, int64_t pair, const QuantRecord* x,
                            Rows16 (&part)[N]) {
  for (int quarter = 0; quarter < 4; ++quarter) {
    for (int b = 0; b < 2; ++b) {
      const uint8_t* quants = group + quants_at(form, 2 * pair + b) + quarter * 16;
      const uint8_t* scales = group + scales_at(form, 2 * pair + b) + quarter * 8;
      for (int t = 0; t < N; ++t)
        part[t].v[quarter] = quarter_block<form, kZeroShift>(
            quants, reinterpret_cast<const uint16_t*>(scales), b, x[t], part[t].v[quarter]);
    }
    if constexpr (has_offsets(form)) {
      Ints both;
      __builtin_memcpy(&both, group + offsets_at(form, pair) + quarter * 16, sizeof both);
      const Vec first{(Floats)(both << 16)}, second{(Floats)(both & int(0xffff0000u))};
      for (int t = 0; t < N; ++t) {
        const uint16_t* sums = x[t].sums;
        Vec& y = part[t].v[quarter];
        y = fma(first, Vec::set(bf16_to_f32(sums[0])), y);
        y = fma(second, Vec::set(bf16_to_f32(sums[1])), y);
      }
    }
  }
}
