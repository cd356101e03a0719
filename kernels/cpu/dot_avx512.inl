// The integer dot products of one block, AVX-512 VNNI: vpdpbusd multiplies 16 rows x 4 columns of
// unsigned weights with 4 broadcast signed activations, so no shuffle is ever needed. The zero
// point z enters as the accumulator's start, -z * sum(q); z is a power of two.
constexpr int kMaxTokens = 16;      // 16 sums + 8 weight vectors + scales fit the 32 registers
constexpr int kMaxFloatTokens = 8;  // two sums a token

struct Rows16 {
  Vec v[1];
};

__m512i broadcast4(const int8_t* q) {
  int32_t word;
  __builtin_memcpy(&word, q, 4);
  return _mm512_set1_epi32(word);
}

template <PackedForm form>
void load_weights(const uint8_t* quants, __m512i (&w)[8]) {
  if constexpr (quant_bytes(form) == 256) {
    const __m512i nibble = _mm512_set1_epi8(15);
    for (int u = 0; u < 4; ++u) {
      const __m512i both = _mm512_load_si512(quants + u * 64);
      w[u] = _mm512_and_si512(both, nibble);
      w[u + 4] = _mm512_and_si512(_mm512_srli_epi16(both, 4), nibble);
    }
  } else {
    for (int u = 0; u < 8; ++u) w[u] = _mm512_load_si512(quants + u * 64);
  }
}

__m512i dot4(const __m512i* w, const int8_t* q, __m512i start) {
  for (int u = 0; u < 4; ++u) start = _mm512_dpbusd_epi32(start, w[u], broadcast4(q + 4 * u));
  return start;
}

// sum[t] += W_block * x[t] for N tokens whose records follow each other.
template <PackedForm form, int kZeroShift, int N>
void block_dot(const uint8_t* group, int64_t block, const QuantRecord* x, Rows16 (&sum)[N]) {
  __m512i w[8];
  load_weights<form>(group + quants_at(form, block), w);
  const uint16_t* scales = reinterpret_cast<const uint16_t*>(group + scales_at(form, block));
  const Vec d = Vec::load_half(scales);
  Vec second = Vec::zero();
  if constexpr (!is_paired(form)) second = Vec::load_half(scales + 16);
#pragma GCC unroll 16
  for (int t = 0; t < N; ++t) {
    const Vec scale = Vec::set(x[t].scale);
    __m512i start = _mm512_setzero_si512();
    if constexpr (form == PackedForm::byte_16) {
      const __m512i low = _mm512_set1_epi32(x[t].minus_sum_low);
      const __m512i high = _mm512_sub_epi32(_mm512_set1_epi32(x[t].minus_sum), low);
      const __m512i a = dot4(w, x[t].q, _mm512_slli_epi32(low, kZeroShift));
      const __m512i b = dot4(w + 4, x[t].q + 16, _mm512_slli_epi32(high, kZeroShift));
      sum[t].v[0] = fma(Vec{_mm512_cvtepi32_ps(a)}, d * scale, sum[t].v[0]);
      sum[t].v[0] = fma(Vec{_mm512_cvtepi32_ps(b)}, second * scale, sum[t].v[0]);
    } else {
      if constexpr (kZeroShift > 0)
        start = _mm512_slli_epi32(_mm512_set1_epi32(x[t].minus_sum), kZeroShift);
      const __m512i dot = dot4(w + 4, x[t].q + 16, dot4(w, x[t].q, start));
      sum[t].v[0] = fma(Vec{_mm512_cvtepi32_ps(dot)}, d * scale, sum[t].v[0]);
      if constexpr (!is_paired(form))
        sum[t].v[0] = fma(second, Vec::set(x[t].scaled_sum), sum[t].v[0]);
    }
  }
}
