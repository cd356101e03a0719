// The integer dot products of a pair of blocks, AVX2. vpmaddubsw adds two products of an unsigned
// and a signed byte in 16 bits. Nibbles: at most 2 * 15 * 127 = 3810 a step, so 8 steps fit before
// widening. Bytes: as |w| * sign(w) x with w = q - zero in -128..127: at most 2 * 128 * 127 =
// 32512 fits once, and vpmaddwd widens at every step.
constexpr int kMaxTokens = 4;
constexpr int kMaxFloatTokens = 2;

struct Rows16 {
  Vec v[2];
};

__m256i broadcast4(const int8_t* q) {
  int32_t word;
  __builtin_memcpy(&word, q, 4);
  return _mm256_set1_epi32(word);
}

// Vector u (8 rows x 4 columns) of a nibble block's half.
__m256i nibbles(const uint8_t* quants, int u) {
  const __m256i both = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(quants + u % 4 * 64));
  return _mm256_and_si256(u < 4 ? both : _mm256_srli_epi16(both, 4), _mm256_set1_epi8(15));
}

template <int N>
SERVAL_INLINE void nibble_dots(const uint8_t* quants, const QuantRecord* x, int at,
                               __m256i (&dot)[N]) {
  for (int t = 0; t < N; ++t) dot[t] = _mm256_setzero_si256();
  for (int u = 0; u < 8; ++u) {
    const __m256i w = nibbles(quants, u);
    for (int t = 0; t < N; ++t)
      dot[t] = _mm256_add_epi16(dot[t], _mm256_maddubs_epi16(w, broadcast4(x[t].q + at + 4 * u)));
  }
  for (int t = 0; t < N; ++t) dot[t] = _mm256_madd_epi16(dot[t], _mm256_set1_epi16(1));
}

// Columns 4*first .. 4*last-1 of a byte block's half.
template <int N>
SERVAL_INLINE void byte_dots(const uint8_t* quants, __m256i zero, const QuantRecord* x, int at,
                             int first, int last, __m256i (&dot)[N]) {
  for (int t = 0; t < N; ++t) dot[t] = _mm256_setzero_si256();
  for (int u = first; u < last; ++u) {
    const __m256i unsigned_w =
        _mm256_loadu_si256(reinterpret_cast<const __m256i*>(quants + u * 64));
    const __m256i w = _mm256_sub_epi8(unsigned_w, zero), magnitude = _mm256_abs_epi8(w);
    for (int t = 0; t < N; ++t) {
      const __m256i signed_x = _mm256_sign_epi8(broadcast4(x[t].q + at + 4 * u), w);
      const __m256i pairs = _mm256_maddubs_epi16(magnitude, signed_x);
      dot[t] = _mm256_add_epi32(dot[t], _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
    }
  }
}

// One block, which is number `index` of the records at x, into 8 rows of part.
template <PackedForm form, int kZeroShift, int N>
SERVAL_INLINE void half_block(const uint8_t* quants, const uint16_t* scales, int index,
                              const QuantRecord* x, Rows16 (&part)[N], int half) {
  const __m256i zero = _mm256_set1_epi8(char(1 << kZeroShift));
  const Vec d = Vec::load_half(scales);
  __m256i dot[N], high[N];
  if constexpr (quant_bytes(form) == 256)
    nibble_dots(quants, x, index * 32, dot);
  else
    byte_dots(quants, zero, x, index * 32, 0, form == PackedForm::byte_16 ? 4 : 8, dot);
  if constexpr (form == PackedForm::byte_16) byte_dots(quants, zero, x, index * 32, 4, 8, high);
  for (int t = 0; t < N; ++t) {
    Vec& y = part[t].v[half];
    if constexpr (quant_bytes(form) == 256)
      dot[t] = _mm256_add_epi32(
          dot[t], _mm256_slli_epi32(_mm256_set1_epi32(x[t].minus_sum[index]), kZeroShift));
    y = fma(Vec{_mm256_cvtepi32_ps(dot[t])}, d, y);
    if constexpr (form == PackedForm::byte_16)
      y = fma(Vec{_mm256_cvtepi32_ps(high[t])}, Vec::load_half(scales + 16), y);
  }
}

// Eight rows' offsets of one pair: the even elements are the first block's, the odd the second's.
struct Offsets {
  Vec first, second;
};

Offsets load_offsets(const uint8_t* p) {
  const __m256i both = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  return {{_mm256_castsi256_ps(_mm256_slli_epi32(both, 16))},
          {_mm256_castsi256_ps(_mm256_and_si256(both, _mm256_set1_epi32(int(0xffff0000u))))}};
}

// part[t] += W x[t] / scale over the pair of blocks that the records at x stand for.
template <PackedForm form, int kZeroShift, int N>
SERVAL_INLINE void pair_dot(const uint8_t* group, int64_t pair, const QuantRecord* x,
                            Rows16 (&part)[N]) {
  for (int half = 0; half < 2; ++half) {
    for (int b = 0; b < 2; ++b) {
      const uint8_t* scales = group + scales_at(form, 2 * pair + b);
      half_block<form, kZeroShift, N>(group + quants_at(form, 2 * pair + b) + half * 32,
                                      reinterpret_cast<const uint16_t*>(scales) + half * 8, b, x,
                                      part, half);
    }
    if constexpr (has_offsets(form)) {
      const Offsets offsets = load_offsets(group + offsets_at(form, pair) + half * 32);
      for (int t = 0; t < N; ++t) {
        const uint16_t* sums = x[t].sums;
        Vec& y = part[t].v[half];
        y = fma(offsets.first, Vec::set(bf16_to_f32(sums[0])), y);
        y = fma(offsets.second, Vec::set(bf16_to_f32(sums[1])), y);
      }
    }
  }
}
