// Vec: 16 floats of AVX-512.
struct Vec {
  static constexpr int width = 16;
  __m512 v;

  static __mmask16 first(int n) { return n >= 16 ? __mmask16(0xffff) : __mmask16((1u << n) - 1); }

  static Vec zero() { return {_mm512_setzero_ps()}; }
  static Vec set(float x) { return {_mm512_set1_ps(x)}; }
  static Vec load(const float* p) { return {_mm512_loadu_ps(p)}; }
  // The first n lanes (n may pass the width); the others are 0, or `fill`.
  static Vec load(const float* p, int n) { return {_mm512_maskz_loadu_ps(first(n), p)}; }
  static Vec load_or(const float* p, int n, float fill) {
    return {_mm512_mask_loadu_ps(_mm512_set1_ps(fill), first(n), p)};
  }
  static Vec load_half(const uint16_t* p) {
    return {_mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))};
  }
  static Vec load_half(const uint16_t* p, int n) {
    return {_mm512_cvtph_ps(_mm256_maskz_loadu_epi16(first(n), p))};
  }
  static Vec load_brain(const uint16_t* p) {
    const __m256i half = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16))};
  }
  void store(float* p) const { _mm512_storeu_ps(p, v); }
  void store(float* p, int n) const { _mm512_mask_storeu_ps(p, first(n), v); }
  void store_half(uint16_t* p, int n) const {
    _mm256_mask_storeu_epi16(p, first(n), _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
  }
  void store_brain(uint16_t* p) const {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), (__m256i)_mm512_cvtneps_pbh(v));
  }
  void store_brain(uint16_t* p, int n) const {
    _mm256_mask_storeu_epi16(p, first(n), (__m256i)_mm512_cvtneps_pbh(v));
  }
};

void store_brain(Vec first, Vec second, uint16_t* p) {  // one vector behind the other
  _mm512_storeu_si512(p, (__m512i)_mm512_cvtne2ps_pbh(second.v, first.v));
}
// Each element of the first with that of the second behind it.
void store_brain_pairs(Vec first, Vec second, uint32_t* p) {
  alignas(64) static constexpr uint16_t kOrder[32] = {0,  16, 1,  17, 2,  18, 3,  19, 4,  20, 5,
                                                      21, 6,  22, 7,  23, 8,  24, 9,  25, 10, 26,
                                                      11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
  const __m512i both = (__m512i)_mm512_cvtne2ps_pbh(second.v, first.v);
  _mm512_storeu_si512(p, _mm512_permutexvar_epi16(_mm512_load_si512(kOrder), both));
}

Vec operator+(Vec a, Vec b) { return {_mm512_add_ps(a.v, b.v)}; }
Vec operator-(Vec a, Vec b) { return {_mm512_sub_ps(a.v, b.v)}; }
Vec operator*(Vec a, Vec b) { return {_mm512_mul_ps(a.v, b.v)}; }
Vec operator/(Vec a, Vec b) { return {_mm512_div_ps(a.v, b.v)}; }
Vec fma(Vec a, Vec b, Vec c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
Vec abs(Vec a) { return {_mm512_abs_ps(a.v)}; }
Vec lesser(Vec a, Vec b) { return {_mm512_min_ps(a.v, b.v)}; }   // b if a is NaN
Vec greater(Vec a, Vec b) { return {_mm512_max_ps(a.v, b.v)}; }  // b if a is NaN
Vec select_less(Vec a, Vec b, Vec yes, Vec no) {                 // a < b ? yes : no
  return {_mm512_mask_blend_ps(_mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ), no.v, yes.v)};
}
bool any_equal(Vec a, Vec b) { return _mm512_cmp_ps_mask(a.v, b.v, _CMP_EQ_OQ) != 0; }
float sum(Vec a) { return _mm512_reduce_add_ps(a.v); }
float max_lane(Vec a) { return _mm512_reduce_max_ps(a.v); }

// 2^n, where n is the integer in the low mantissa bits of n + 1.5 * 2^23; -127 < n < 128.
Vec pow2_of_biased(Vec biased) {
  const __m512i shifted = _mm512_slli_epi32(_mm512_castps_si512(biased.v), 23);
  return {_mm512_castsi512_ps(_mm512_add_epi32(shifted, _mm512_set1_epi32(0x3f800000)))};
}

Vec round_even(Vec x) { return {_mm512_roundscale_ps(x.v, _MM_FROUND_TO_NEAREST_INT)}; }
Vec times_pow2(Vec p, Vec n) { return {_mm512_scalef_ps(p.v, n.v)}; }
Vec above_floor(Vec x) { return {_mm512_reduce_ps(x.v, _MM_FROUND_TO_NEG_INF)}; }
Vec times_pow2_floor(Vec p, Vec x) { return {_mm512_scalef_ps(p.v, x.v)}; }  // floors x itself

// Stores x rounded to nearest and clamped to -127..127; gives the sum of what it stored.
int store_int8(Vec x, int8_t* q) {
  __m512i i = _mm512_cvtps_epi32(x.v);
  i = _mm512_min_epi32(_mm512_max_epi32(i, _mm512_set1_epi32(-127)), _mm512_set1_epi32(127));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(q), _mm512_cvtepi32_epi8(i));
  return _mm512_reduce_add_epi32(i);
}
