// The sums of a tile of a dense product, AVX2: 6 rows by the 32 outputs of a panel, of which 16 at
// a time fill 12 registers with sums.
constexpr int kTileRows = 6;
constexpr int kTileVecs = 4;
#include "kernels/cpu/dense_tile_float.inl"

// |w| * sign(w) q as dot_avx2.inl does, at most 2 * 127 * 127 in 16 bits. The three
// multiplications share two units, so that a step can take no less than 1.5 cycles a register of
// sums.
template <int N, int Vecs>
SERVAL_INLINE void int8_dots(const uint8_t* w, const uint8_t* x, std::size_t stride, int64_t steps,
                             int first, Vec (&sum)[N][kTileVecs]) {
  const __m256i ones = _mm256_set1_epi16(1);
  __m256i dot[N][Vecs];
  for (int t = 0; t < N; ++t)
    for (int v = 0; v < Vecs; ++v) dot[t][v] = _mm256_setzero_si256();
  x += sizeof(DenseRowHeader);
  for (int64_t s = 0; s < steps; ++s, w += kDenseStepBytes, x += 4) {
    for (int v = 0; v < Vecs; ++v) {
      const __m256i bytes = _mm256_load_si256(reinterpret_cast<const __m256i*>(w) + v);
      const __m256i weight = _mm256_sub_epi8(bytes, _mm256_set1_epi8(char(128)));
      const __m256i magnitude = _mm256_abs_epi8(weight);
#pragma GCC unroll 8
      for (int t = 0; t < N; ++t) {
        const auto* q = reinterpret_cast<const int8_t*>(x + t * stride);
        const __m256i signed_x = _mm256_sign_epi8(broadcast4(q), weight);
        const __m256i pairs = _mm256_maddubs_epi16(magnitude, signed_x);
        dot[t][v] = _mm256_add_epi32(dot[t][v], _mm256_madd_epi16(pairs, ones));
      }
    }
  }
  for (int t = 0; t < N; ++t)
    for (int v = 0; v < Vecs; ++v) sum[t][first + v] = {_mm256_cvtepi32_ps(dot[t][v])};
}

template <int N>
SERVAL_INLINE void int8_tile(const uint8_t* w, const uint8_t* x, std::size_t stride, int64_t steps,
                             Vec (&sum)[N][kTileVecs]) {
  constexpr int vecs = vecs_at_once<N>();
  for (int v = 0; v < kTileVecs; v += vecs)
    int8_dots<N, vecs>(w + 32 * v, x, stride, steps, v, sum);
}

template <DenseType type, int N>
SERVAL_INLINE void tile(const uint8_t* w, const uint8_t* x, std::size_t stride, int64_t steps,
                        Vec (&sum)[N][kTileVecs]) {
  if constexpr (type == DenseType::int8)
    int8_tile<N>(w, x, stride, steps, sum);
  else
    float_tile<type, N>(w, x, stride, steps, sum);
}
