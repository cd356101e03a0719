// The integer dot products of one block with 16-bit multiplications of a plain compiler vector.
// A vector holds 4 rows x 4 columns of bytes; its even and odd bytes become 16-bit lanes, so two
// products are added before widening: at most 2 * 128 * 127 for bytes. Nibbles, at most
// 2 * 15 * 127 a step, are widened once after 8 steps.
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

Ints nibble_dot(const uint8_t* quants, const QuantRecord& x) {
  Shorts total{};
  for (int u = 0; u < 8; ++u) {
    const UShorts w = load_quants(quants + u % 4 * 64) >> (u < 4 ? 0 : 4);
    const Operand o = operand(x.q + 4 * u);
    total += (Shorts)(w & 15) * o.even + (Shorts)(w >> 8 & 15) * o.odd;
  }
  return widen(total);
}

// Columns 4*first .. 4*last-1.
Ints byte_dot(const uint8_t* quants, int zero, const QuantRecord& x, int first, int last) {
  Ints total{};
  for (int u = first; u < last; ++u) {
    const UShorts w = load_quants(quants + u * 64);
    const Operand o = operand(x.q + 4 * u);
    const Shorts even = (Shorts)(w & 255) - int16_t(zero), odd = (Shorts)(w >> 8) - int16_t(zero);
    total += widen(even * o.even + odd * o.odd);
  }
  return total;
}

Vec to_floats(Ints i) { return {__builtin_convertvector(i, Floats)}; }

// sum[t] += W_block * x[t] for N tokens whose records follow each other.
template <PackedForm form, int kZeroShift, int N>
void block_dot(const uint8_t* group, int64_t block, const QuantRecord* x, Rows16 (&sum)[N]) {
  constexpr int zero = kZeroShift > 0 ? 1 << kZeroShift : 0;
  for (int quarter = 0; quarter < 4; ++quarter) {
    const uint8_t* quants = group + quants_at(form, block) + quarter * 16;
    const uint16_t* scales =
        reinterpret_cast<const uint16_t*>(group + scales_at(form, block)) + quarter * 4;
    const Vec d = Vec::load_half(scales);
    Vec second = Vec::zero();
    if constexpr (!is_paired(form)) second = Vec::load_half(scales + 16);
    for (int t = 0; t < N; ++t) {
      Vec& y = sum[t].v[quarter];
      const Vec scale = Vec::set(x[t].scale);
      if constexpr (form == PackedForm::byte_16) {
        y = fma(to_floats(byte_dot(quants, zero, x[t], 0, 4)), d * scale, y);
        y = fma(to_floats(byte_dot(quants, zero, x[t], 4, 8)), second * scale, y);
      } else {
        Ints dot;
        if constexpr (quant_bytes(form) == 256)
          dot = nibble_dot(quants, x[t]) + x[t].minus_sum * zero;
        else
          dot = byte_dot(quants, zero, x[t], 0, 8);
        y = fma(to_floats(dot), d * scale, y);
        if constexpr (!is_paired(form)) y = fma(second, Vec::set(x[t].scaled_sum), y);
      }
    }
  }
}
