// The sums of a tile of a dense product, AVX2: 6 rows by the 32 outputs of a panel, of which as
// many at a time as 12 registers hold sums of.
constexpr int kTileRows = 6;
constexpr int kTileVecs = 4;
constexpr bool kNarrowInt8 = true;
#include "kernels/cpu/dense_tile_float.inl"

// One row's products with the weights of eight outputs, four steps at a time: pairs of products are
// added up in words, which the packer's bound allows (dense_layout.h), then in 32 bits. GCC 12
// would make the products of all rows first and keep them in memory.
SERVAL_INLINE void add_dots(__m256i& sum, const uint8_t* x, const __m256i (&w)[4], __m256i ones) {
  __m256i q, product, words;
  asm("vpbroadcastd %4, %1\n\t"
      "vpmaddubsw %5, %1, %3\n\t"
      "vpbroadcastd 4+%4, %1\n\t"
      "vpmaddubsw %6, %1, %2\n\t"
      "vpaddw %2, %3, %3\n\t"
      "vpbroadcastd 8+%4, %1\n\t"
      "vpmaddubsw %7, %1, %2\n\t"
      "vpaddw %2, %3, %3\n\t"
      "vpbroadcastd 12+%4, %1\n\t"
      "vpmaddubsw %8, %1, %2\n\t"
      "vpaddw %2, %3, %3\n\t"
      "vpmaddwd %9, %3, %3\n\t"
      "vpaddd %3, %0, %0"
      : "+x"(sum), "=&x"(q), "=&x"(product), "=&x"(words)
      : "m"(*reinterpret_cast<const uint8_t(*)[16]>(x)), "x"(w[0]), "x"(w[1]), "x"(w[2]), "x"(w[3]),
        "x"(ones));
}

// The same for one step.
SERVAL_INLINE void add_dots(__m256i& sum, const uint8_t* x, const __m256i (&w)[1], __m256i ones) {
  __m256i q;
  asm("vpbroadcastd %2, %1\n\t"
      "vpmaddubsw %3, %1, %1\n\t"
      "vpmaddwd %4, %1, %1\n\t"
      "vpaddd %1, %0, %0"
      : "+x"(sum), "=&x"(q)
      : "m"(*reinterpret_cast<const uint8_t(*)[4]>(x)), "x"(w[0]), "x"(ones));
}

SERVAL_INLINE __m256i load_bytes(const uint8_t* p) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}

// Steps [begin, end) of eight outputs, `Steps` at a time.
template <int Steps, int N>
SERVAL_INLINE void int8_dots(const uint8_t* w, const uint8_t* x, std::size_t stride, int64_t begin,
                             int64_t end, __m256i (&dot)[N]) {
  const __m256i flip = _mm256_set1_epi8(char(128)), ones = _mm256_set1_epi16(1);
  w += begin * kDenseStepBytes;
  x += begin * 4;
  for (int64_t s = begin; s < end; s += Steps, w += Steps * kDenseStepBytes, x += Steps * 4) {
    __m256i weights[Steps];
#pragma GCC unroll 4
    for (int u = 0; u < Steps; ++u)
      weights[u] = _mm256_xor_si256(load_bytes(w + u * kDenseStepBytes), flip);
#pragma GCC unroll 8
    for (int t = 0; t < N; ++t) add_dots(dot[t], x + t * stride, weights, ones);
  }
}

template <int N>
SERVAL_INLINE void int8_tile(const uint8_t* w, const uint8_t* x, std::size_t stride, int64_t steps,
                             Vec (&sum)[N][kTileVecs]) {
  const int64_t whole = steps / kNarrowSteps * kNarrowSteps;
  for (int v = 0; v < kTileVecs; ++v) {
    const uint8_t* from = w + v * 32;
    __m256i dot[N];
#pragma GCC unroll 8
    for (int t = 0; t < N; ++t) dot[t] = _mm256_setzero_si256();
    int8_dots<kNarrowSteps>(from, x + sizeof(DenseRowHeader), stride, 0, whole, dot);
    int8_dots<1>(from, x + sizeof(DenseRowHeader), stride, whole, steps, dot);
#pragma GCC unroll 8
    for (int t = 0; t < N; ++t) sum[t][v] = {_mm256_cvtepi32_ps(dot[t])};
  }
}

template <DenseType type, int N>
SERVAL_INLINE void tile(const uint8_t* w, const uint8_t* x, std::size_t stride, int64_t steps,
                        Vec (&sum)[N][kTileVecs]) {
  if constexpr (type == DenseType::int8)
    int8_tile<N>(w, x, stride, steps, sum);
  else
    float_tile<type, N>(w, x, stride, steps, sum);
}

// Bytes (x - middle) * inverse + 128, rounded, and 128 up to a multiple of 4. 32 columns at a time:
// the packing instructions leave the words of four vectors interleaved.
void store_steps(const float* x, int64_t cols, float inverse, DenseRowHeader& header,
                 uint8_t* bytes) {
  const float middle = header.middle;
  header.middle -= 128 * header.step;
  const Vec zero = Vec::set(middle), scale = Vec::set(inverse);
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  const __m256i flip = _mm256_set1_epi8(char(128));
  for (int64_t i = 0; i < cols; i += 32) {
    __m256i part[4];
    for (int v = 0; v < 4; ++v) {
      const int64_t at = i + v * Vec::width;
      const Vec from = at + Vec::width <= cols ? Vec::load(x + at)
                       : at < cols             ? Vec::load_or(x + at, int(cols - at), middle)
                                               : zero;
      part[v] = _mm256_cvtps_epi32(((from - zero) * scale).v);
    }
    const __m256i all = _mm256_packs_epi16(_mm256_packs_epi32(part[0], part[1]),
                                           _mm256_packs_epi32(part[2], part[3]));
    const __m256i packed = _mm256_xor_si256(_mm256_permutevar8x32_epi32(all, order), flip);
    if (cols - i >= 32) {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(bytes + i), packed);
    } else {
      alignas(32) uint8_t lanes[32];
      _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), packed);
      __builtin_memcpy(bytes + i, lanes, std::size_t(cols - i + 3) / 4 * 4);
    }
  }
}
