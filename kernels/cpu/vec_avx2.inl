// Vec: 8 floats of AVX2 with FMA and F16C.
struct Vec {
  static constexpr int width = 8;
  __m256 v;

  static __m256i first(int n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }

  static Vec zero() { return {_mm256_setzero_ps()}; }
  static Vec set(float x) { return {_mm256_set1_ps(x)}; }
  static Vec load(const float* p) { return {_mm256_loadu_ps(p)}; }
  // The first n lanes (n may pass the width); the others are 0, or `fill`.
  static Vec load(const float* p, int n) { return {_mm256_maskload_ps(p, first(n))}; }
  static Vec load_or(const float* p, int n, float fill) {
    const __m256i mask = first(n);
    return {_mm256_blendv_ps(_mm256_set1_ps(fill), _mm256_maskload_ps(p, mask),
                             _mm256_castsi256_ps(mask))};
  }
  static Vec load_half(const uint16_t* p) {
    return {_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))};
  }
  static Vec load_half(const uint16_t* p, int n) {
    if (n >= 8) return load_half(p);
    uint16_t lanes[8] = {};
    for (int i = 0; i < n; ++i) lanes[i] = p[i];
    return load_half(lanes);
  }
  static Vec load_brain(const uint16_t* p) {
    const __m128i half = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    return {_mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(half), 16))};
  }
  void store(float* p) const { _mm256_storeu_ps(p, v); }
  // A masked store takes Zen 3 a dozen cycles.
  void store(float* p, int n) const {
    if (n >= width) return store(p);
    _mm256_maskstore_ps(p, first(n), v);
  }
  void store_half(uint16_t* p, int n) const {
    uint16_t lanes[8];
    _mm_storeu_si128(reinterpret_cast<__m128i*>(lanes),
                     _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
    for (int i = 0; i < n && i < 8; ++i) p[i] = lanes[i];
  }
  void store_brain(uint16_t* p) const { store_brain(p, width); }
  // As f32_to_bf16 in float16.h, eight at a time.
  void store_brain(uint16_t* p, int n) const {
    const __m256i bits = _mm256_castps_si256(v), odd = _mm256_set1_epi32(1);
    __m256i up = _mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff));
    up = _mm256_add_epi32(up, _mm256_and_si256(_mm256_srli_epi32(bits, 16), odd));
    const __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(v, v, _CMP_UNORD_Q));
    const __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
    const __m256i high = _mm256_srli_epi32(_mm256_blendv_epi8(up, quiet, nan), 16);
    const __m128i words =
        _mm_packus_epi32(_mm256_castsi256_si128(high), _mm256_extracti128_si256(high, 1));
    if (n >= 8) return _mm_storeu_si128(reinterpret_cast<__m128i*>(p), words);
    uint16_t lanes[8];
    _mm_storeu_si128(reinterpret_cast<__m128i*>(lanes), words);
    for (int i = 0; i < n; ++i) p[i] = lanes[i];
  }
};

Vec operator+(Vec a, Vec b) { return {_mm256_add_ps(a.v, b.v)}; }
Vec operator-(Vec a, Vec b) { return {_mm256_sub_ps(a.v, b.v)}; }
Vec operator*(Vec a, Vec b) { return {_mm256_mul_ps(a.v, b.v)}; }
Vec operator/(Vec a, Vec b) { return {_mm256_div_ps(a.v, b.v)}; }
Vec fma(Vec a, Vec b, Vec c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
Vec abs(Vec a) { return {_mm256_andnot_ps(_mm256_set1_ps(-0.0f), a.v)}; }
Vec lesser(Vec a, Vec b) { return {_mm256_min_ps(a.v, b.v)}; }   // b if a is NaN
Vec greater(Vec a, Vec b) { return {_mm256_max_ps(a.v, b.v)}; }  // b if a is NaN
Vec select_less(Vec a, Vec b, Vec yes, Vec no) {                 // a < b ? yes : no
  return {_mm256_blendv_ps(no.v, yes.v, _mm256_cmp_ps(a.v, b.v, _CMP_LT_OQ))};
}
bool any_equal(Vec a, Vec b) {
  return _mm256_movemask_ps(_mm256_cmp_ps(a.v, b.v, _CMP_EQ_OQ)) != 0;
}
float sum(Vec a) {
  __m128 x = _mm_add_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
  x = _mm_add_ps(x, _mm_movehl_ps(x, x));
  return _mm_cvtss_f32(_mm_add_ss(x, _mm_shuffle_ps(x, x, 1)));
}
float max_lane(Vec a) {
  __m128 x = _mm_max_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
  x = _mm_max_ps(x, _mm_movehl_ps(x, x));
  return _mm_cvtss_f32(_mm_max_ss(x, _mm_shuffle_ps(x, x, 1)));
}

// 2^n, where n is the integer in the low mantissa bits of n + 1.5 * 2^23; -127 < n < 128.
Vec pow2_of_biased(Vec biased) {
  const __m256i shifted = _mm256_slli_epi32(_mm256_castps_si256(biased.v), 23);
  return {_mm256_castsi256_ps(_mm256_add_epi32(shifted, _mm256_set1_epi32(0x3f800000)))};
}

// Stores x rounded to nearest and clamped to -127..127; gives the sum of what it stored.
int store_int8(Vec x, int8_t* q) {
  __m256i i = _mm256_cvtps_epi32(x.v);
  i = _mm256_min_epi32(_mm256_max_epi32(i, _mm256_set1_epi32(-127)), _mm256_set1_epi32(127));
  const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(i), _mm256_extracti128_si256(i, 1));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(q), _mm_packs_epi16(words, words));
  __m128i sum = _mm_madd_epi16(words, _mm_set1_epi16(1));
  sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0x4e));
  return _mm_cvtsi128_si32(_mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0xb1)));
}
