// The sums of a tile of a dense product, AVX-512: 12 rows by the 32 outputs of a panel fill 24
// registers with sums; each step loads two vectors of weights and broadcasts 4 bytes a row.
constexpr int kTileRows = 12;
constexpr int kTileVecs = 2;

// sum[t] = x row t times the weights of kTileVecs vectors of outputs, over `steps` steps. int8: the
// exact integer as a float.
template <DenseType type, int N>
SERVAL_INLINE void tile(const uint8_t* w, const uint8_t* x, std::size_t stride, int64_t steps,
                        Vec (&sum)[N][kTileVecs]) {
  if constexpr (type == DenseType::int8) {
    __m512i dot[N][kTileVecs];
    for (int t = 0; t < N; ++t) {
      int32_t start;
      __builtin_memcpy(&start, x + t * stride + 8, 4);
      for (int v = 0; v < kTileVecs; ++v) dot[t][v] = _mm512_set1_epi32(start);
    }
    x += sizeof(DenseRowHeader);
    for (int64_t s = 0; s < steps; ++s, w += kDenseStepBytes, x += 4) {
      const __m512i first = _mm512_loadu_si512(w), second = _mm512_loadu_si512(w + 64);
#pragma GCC unroll 12
      for (int t = 0; t < N; ++t) {
        const __m512i q = broadcast4(x + t * stride);
        dot[t][0] = _mm512_dpbusd_epi32(dot[t][0], first, q);
        dot[t][1] = _mm512_dpbusd_epi32(dot[t][1], second, q);
      }
    }
    for (int t = 0; t < N; ++t)
      for (int v = 0; v < kTileVecs; ++v) sum[t][v] = {_mm512_cvtepi32_ps(dot[t][v])};
  } else {
    __m512 dot[N][kTileVecs];
    for (int t = 0; t < N; ++t) dot[t][0] = dot[t][1] = _mm512_setzero_ps();
    for (int64_t s = 0; s < steps; ++s, w += kDenseStepBytes, x += 4) {
      const __m512i first = _mm512_loadu_si512(w), second = _mm512_loadu_si512(w + 64);
#pragma GCC unroll 12
      for (int t = 0; t < N; ++t) {
        const __m512i row = broadcast4(x + t * stride);
        if constexpr (type == DenseType::bf16) {
          dot[t][0] = _mm512_dpbf16_ps(dot[t][0], (__m512bh)first, (__m512bh)row);
          dot[t][1] = _mm512_dpbf16_ps(dot[t][1], (__m512bh)second, (__m512bh)row);
        } else {
          dot[t][0] = _mm512_fmadd_ps((__m512)first, (__m512)row, dot[t][0]);
          dot[t][1] = _mm512_fmadd_ps((__m512)second, (__m512)row, dot[t][1]);
        }
      }
    }
    for (int t = 0; t < N; ++t)
      for (int v = 0; v < kTileVecs; ++v) sum[t][v] = {dot[t][v]};
  }
}
