// The integer dot products of one block, AVX2. vpmaddubsw adds two products of an unsigned and a
// signed byte in 16 bits. Nibbles: at most 2 * 15 * 127 = 3810 a step, so 8 steps fit before
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
void nibble_dots(const uint8_t* quants, const QuantRecord* x, __m256i (&dot)[N]) {
  for (int t = 0; t < N; ++t) dot[t] = _mm256_setzero_si256();
  for (int u = 0; u < 8; ++u) {
    const __m256i w = nibbles(quants, u);
    for (int t = 0; t < N; ++t)
      dot[t] = _mm256_add_epi16(dot[t], _mm256_maddubs_epi16(w, broadcast4(x[t].q + 4 * u)));
  }
  for (int t = 0; t < N; ++t) dot[t] = _mm256_madd_epi16(dot[t], _mm256_set1_epi16(1));
}

// Columns 4*first .. 4*last-1 of a byte block's half.
template <int N>
void byte_dots(const uint8_t* quants, __m256i zero, const QuantRecord* x, int first, int last,
               __m256i (&dot)[N]) {
  for (int t = 0; t < N; ++t) dot[t] = _mm256_setzero_si256();
  for (int u = first; u < last; ++u) {
    const __m256i unsigned_w =
        _mm256_loadu_si256(reinterpret_cast<const __m256i*>(quants + u * 64));
    const __m256i w = _mm256_sub_epi8(unsigned_w, zero), magnitude = _mm256_abs_epi8(w);
    for (int t = 0; t < N; ++t) {
      const __m256i signed_x = _mm256_sign_epi8(broadcast4(x[t].q + 4 * u), w);
      const __m256i pairs = _mm256_maddubs_epi16(magnitude, signed_x);
      dot[t] = _mm256_add_epi32(dot[t], _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
    }
  }
}

// sum[t] += W_block * x[t] for N tokens whose records follow each other.
template <PackedForm form, int kZeroShift, int N>
void block_dot(const uint8_t* group, int64_t block, const QuantRecord* x, Rows16 (&sum)[N]) {
  constexpr bool is_nibble = quant_bytes(form) == 256;
  const __m256i zero = _mm256_set1_epi8(char(kZeroShift > 0 ? 1 << kZeroShift : 0));
  for (int half = 0; half < 2; ++half) {
    const uint8_t* quants = group + quants_at(form, block) + half * 32;
    const uint16_t* scales =
        reinterpret_cast<const uint16_t*>(group + scales_at(form, block)) + half * 8;
    const Vec d = Vec::load_half(scales);
    Vec second = Vec::zero();
    if constexpr (!is_paired(form)) second = Vec::load_half(scales + 16);
    __m256i dot[N], high[N];
    if constexpr (is_nibble)
      nibble_dots(quants, x, dot);
    else
      byte_dots(quants, zero, x, 0, form == PackedForm::byte_16 ? 4 : 8, dot);
    if constexpr (form == PackedForm::byte_16) byte_dots(quants, zero, x, 4, 8, high);
    for (int t = 0; t < N; ++t) {
      Vec& y = sum[t].v[half];
      const Vec scale = Vec::set(x[t].scale);
      if constexpr (is_nibble && kZeroShift > 0)
        dot[t] = _mm256_add_epi32(dot[t],
                                  _mm256_slli_epi32(_mm256_set1_epi32(x[t].minus_sum), kZeroShift));
      y = fma(Vec{_mm256_cvtepi32_ps(dot[t])}, d * scale, y);
      if constexpr (form == PackedForm::byte_16)
        y = fma(Vec{_mm256_cvtepi32_ps(high[t])}, second * scale, y);
      else if constexpr (!is_paired(form))
        y = fma(second, Vec::set(x[t].scaled_sum), y);
    }
  }
}
