// The sums of a tile of a dense product, AVX2: 6 rows by the 32 outputs of a panel, of which as
// many at a time as 12 registers hold sums of.
constexpr int kTileRows = 6;
constexpr int kTileVecs = 4;
using RowStep = int16_t;  // an element of a prepared int8 row
#include "kernels/cpu/dense_tile_float.inl"

// first, second += their weights times the four words at x, two products a lane. In place: of the
// intrinsics GCC 12 makes the products of all rows before it adds one, which leaves sums in memory.
SERVAL_INLINE void add_dots(__m256i& first, __m256i& second, __m256i w, __m256i w2,
                            const uint8_t* x) {
  __m256i q, product;
  asm("vpbroadcastq %4, %2\n\t"
      "vpmaddwd %5, %2, %3\n\t"
      "vpmaddwd %6, %2, %2\n\t"
      "vpaddd %3, %0, %0\n\t"
      "vpaddd %2, %1, %1"
      : "+x"(first), "+x"(second), "=&x"(q), "=&x"(product)
      : "m"(*reinterpret_cast<const uint8_t(*)[8]>(x)), "x"(w), "x"(w2));
}

// Four outputs by the four columns of a step, as words.
SERVAL_INLINE __m256i load_words(const uint8_t* w) {
  return _mm256_cvtepu8_epi16(_mm_load_si128(reinterpret_cast<const __m128i*>(w)));
}

// Bytes would have to be multiplied with signs apart (vpsignb, vpmaddubsw, vpmaddwd: 1.5 cycles a
// register of 32 products); words are multiplied by one instruction, 16 in half a cycle, and added
// by units that do not multiply.
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
      const __m256i both = _mm256_hadd_epi32(dot[t][2 * v], dot[t][2 * v + 1]);
      sum[t][first + v] = {_mm256_cvtepi32_ps(_mm256_permute4x64_epi64(both, 0xd8))};
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
