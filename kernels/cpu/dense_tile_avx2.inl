// The sums of a tile of a dense product, AVX2: 6 rows by the 32 outputs of a panel, of which as
// many at a time as 12 registers hold sums of.
constexpr int kTileRows = 6;
constexpr int kTileVecs = 4;
using RowStep = int16_t;  // an element of a prepared int8 row
#include "kernels/cpu/dense_tile_float.inl"

// Words, as dot_avx2.inl says; the rows are prepared as such.
template <int N, int Vecs>
SERVAL_INLINE void int8_dots(const uint8_t* w, const uint8_t* x, std::size_t stride, int64_t steps,
                             int first, Vec (&sum)[N][kTileVecs]) {
  __m256i dot[N][2 * Vecs];  // an output has two lanes
  for (int t = 0; t < N; ++t) {
    int32_t start;
    __builtin_memcpy(&start, x + t * stride + offsetof(DenseRowHeader, start), 4);
    for (int v = 0; v < 2 * Vecs; ++v) dot[t][v] = _mm256_set1_epi64x(uint32_t(start));
  }
  x += sizeof(DenseRowHeader);
  for (int64_t s = 0; s < steps; ++s, w += kDenseStepBytes, x += 4 * sizeof(RowStep)) {
    for (int v = 0; v < Vecs; ++v) {
      const __m256i low = load_words(w + 32 * v), high = load_words(w + 32 * v + 16);
#pragma GCC unroll 8
      for (int t = 0; t < N; ++t)
        add_dots(dot[t][2 * v], dot[t][2 * v + 1], low, high, x + t * stride);
    }
  }
  for (int t = 0; t < N; ++t) {
    for (int v = 0; v < Vecs; ++v) {
      const __m256i joined = join_lanes(dot[t][2 * v], dot[t][2 * v + 1]);
      sum[t][first + v] = {_mm256_cvtepi32_ps(joined)};
    }
  }
}

template <int N>
SERVAL_INLINE void int8_tile(const uint8_t* w, const uint8_t* x, std::size_t stride, int64_t steps,
                             Vec (&sum)[N][kTileVecs]) {
  constexpr int vecs = N == 1 ? 4 : N <= 3 ? 2 : 1;
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
