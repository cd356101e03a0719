// The integer dot products of a pair of blocks, AVX-512 VNNI: vpdpbusd multiplies 16 rows x 4
// columns of unsigned weights with 4 broadcast signed activations, so no shuffle is ever needed.
// The zero point z enters as the accumulator's start, -z * sum(q); z is a power of two.
constexpr int kMaxTokens = 16;      // 16 sums, 8 weight vectors, 4 chains and a scale: 29 registers
constexpr int kMaxFloatTokens = 8;  // two sums a token

struct Rows16 {
  Vec v[1];
};

__m512i broadcast4(const void* p) {
  int32_t word;
  __builtin_memcpy(&word, p, 4);
  return _mm512_set1_epi32(word);
}

template <PackedForm form>
SERVAL_INLINE void load_weights(const uint8_t* quants, __m512i (&w)[8]) {
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

// start[t] += 16 columns of the block x the activations at x[t].q + at.
template <int N>
SERVAL_INLINE void dot16(const __m512i* w, const QuantRecord* x, int at, __m512i (&start)[N]) {
#pragma GCC unroll 4
  for (int u = 0; u < 4; ++u)
#pragma GCC unroll 4
    for (int t = 0; t < N; ++t)
      start[t] = _mm512_dpbusd_epi32(start[t], w[u], broadcast4(x[t].q + at + 4 * u));
}

template <int kZeroShift>
__m512i zero_correction(int32_t minus_sum) {
  return _mm512_slli_epi32(_mm512_set1_epi32(minus_sum), kZeroShift);
}

// Block `index` of its record, for N tokens at a time: their chains of dependent instructions are
// interleaved, which hides the latency of vpdpbusd.
template <PackedForm form, int kZeroShift, int N>
SERVAL_INLINE void block_tokens(const __m512i (&w)[8], Vec d, Vec second, int index,
                                const QuantRecord* x, Rows16* part) {
  __m512i low[N], high[N];
  if constexpr (form == PackedForm::byte_16) {
    for (int t = 0; t < N; ++t) {
      low[t] = zero_correction<kZeroShift>(x[t].minus_sum_low[index]);
      high[t] = zero_correction<kZeroShift>(x[t].minus_sum[index] - x[t].minus_sum_low[index]);
    }
    dot16(w, x, index * 32, low);
    dot16(w + 4, x, index * 32 + 16, high);
    for (int t = 0; t < N; ++t) {
      part[t].v[0] = fma(Vec{_mm512_cvtepi32_ps(low[t])}, d, part[t].v[0]);
      part[t].v[0] = fma(Vec{_mm512_cvtepi32_ps(high[t])}, second, part[t].v[0]);
    }
  } else {
    for (int t = 0; t < N; ++t) low[t] = zero_correction<kZeroShift>(x[t].minus_sum[index]);
    dot16(w, x, index * 32, low);
    dot16(w + 4, x, index * 32 + 16, low);
    for (int t = 0; t < N; ++t)
      part[t].v[0] = fma(Vec{_mm512_cvtepi32_ps(low[t])}, d, part[t].v[0]);
  }
}

// part[t] += W x[t] / scale over the pair of blocks that the records at x stand for.
template <PackedForm form, int kZeroShift, int N>
SERVAL_INLINE void pair_dot(const uint8_t* group, int64_t pair, const QuantRecord* x,
                            Rows16 (&part)[N]) {
  constexpr int kTogether = N < 4 ? N : 4;
  for (int half = 0; half < 2; ++half) {
    const int64_t block = 2 * pair + half;
    __m512i w[8];
    load_weights<form>(group + quants_at(form, block), w);
    const uint16_t* scales = reinterpret_cast<const uint16_t*>(group + scales_at(form, block));
    const Vec d = Vec::load_half(scales);
    Vec second = Vec::zero();
    if constexpr (form == PackedForm::byte_16) second = Vec::load_half(scales + 16);
#pragma GCC unroll 4
    for (int t = 0; t < N; t += kTogether)
      block_tokens<form, kZeroShift, kTogether>(w, d, second, half, x + t, part + t);
  }
  if constexpr (has_offsets(form)) {
    const __m512i offsets = _mm512_load_si512(group + offsets_at(form, pair));
#pragma GCC unroll 16
    for (int t = 0; t < N; ++t)
      part[t].v[0].v =
          _mm512_dpbf16_ps(part[t].v[0].v, (__m512bh)offsets, (__m512bh)broadcast4(x[t].sums));
  }
}
