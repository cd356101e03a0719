// The sums of a tile of a dense product, AVX-512: 12 rows by the 32 outputs of a panel fill 24
// registers with sums; each step loads two vectors of weights and broadcasts 4 bytes a row.
constexpr int kTileRows = 12;
constexpr int kTileVecs = 2;
constexpr bool kNarrowInt8 = false;

// vpdpbusd in place. Of the intrinsic GCC 12 keeps a second copy of every sum, in memory when there
// are more than 20: half the speed.
SERVAL_INLINE void add_dots(__m512i& sum, __m512i w, __m512i q) {
  asm("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(w), "v"(q));
}

// sum[t] = x row t times the weights of kTileVecs vectors of outputs, over `steps` steps. int8: the
// exact integer as a float.
template <DenseType type, int N>
SERVAL_INLINE void tile(const uint8_t* w, const uint8_t* x, std::size_t stride, int64_t steps,
                        Vec (&sum)[N][kTileVecs]) {
  if constexpr (type == DenseType::int8) {
    __m512i dot[N][kTileVecs];
    for (int t = 0; t < N; ++t)
      dot[t][0] = dot[t][1] = broadcast4(x + t * stride + offsetof(DenseRowHeader, start));
    x += sizeof(DenseRowHeader);
    for (int64_t s = 0; s < steps; ++s, w += kDenseStepBytes, x += 4) {
      const __m512i first = _mm512_loadu_si512(w), second = _mm512_loadu_si512(w + 64);
#pragma GCC unroll 12
      for (int t = 0; t < N; ++t) {
        const __m512i q = broadcast4(x + t * stride);
        add_dots(dot[t][0], first, q);
        add_dots(dot[t][1], second, q);
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

// n words of 16 rows, `stride` words apart, to n steps of 16 words each. A 16 x 16 transposition in
// four rounds, each of which exchanges halves of the blocks that the one before made.
void turn_words(const uint32_t* rows, int stride, int n, uint8_t* steps) {
  __m512i a[16], b[16];
  for (int i = 0; i < 16; ++i) a[i] = _mm512_loadu_si512(rows + i * stride);
  for (int i = 0; i < 16; i += 2) {
    b[i] = _mm512_unpacklo_epi32(a[i], a[i + 1]);
    b[i + 1] = _mm512_unpackhi_epi32(a[i], a[i + 1]);
  }
  for (int i = 0; i < 16; i += 4) {  // a[i + w]: word 4l + w of rows i..i+3 in 128-bit lane l
    a[i] = _mm512_unpacklo_epi64(b[i], b[i + 2]);
    a[i + 1] = _mm512_unpackhi_epi64(b[i], b[i + 2]);
    a[i + 2] = _mm512_unpacklo_epi64(b[i + 1], b[i + 3]);
    a[i + 3] = _mm512_unpackhi_epi64(b[i + 1], b[i + 3]);
  }
  for (int w = 0; w < 4; ++w) {
    const __m512i low = _mm512_shuffle_i32x4(a[w], a[4 + w], 0x44);   // lanes 0, 1 of both
    const __m512i high = _mm512_shuffle_i32x4(a[w], a[4 + w], 0xee);  // lanes 2, 3
    const __m512i low2 = _mm512_shuffle_i32x4(a[8 + w], a[12 + w], 0x44);
    const __m512i high2 = _mm512_shuffle_i32x4(a[8 + w], a[12 + w], 0xee);
    b[w] = _mm512_shuffle_i32x4(low, low2, 0x88);
    b[4 + w] = _mm512_shuffle_i32x4(low, low2, 0xdd);
    b[8 + w] = _mm512_shuffle_i32x4(high, high2, 0x88);
    b[12 + w] = _mm512_shuffle_i32x4(high, high2, 0xdd);
  }
  for (int w = 0; w < n; ++w) _mm512_storeu_si512(steps + w * kDenseStepBytes, b[w]);
}

// q = (x - middle) * inverse, rounded; zeros up to a multiple of 4. 64 columns at a time: the
// packing instructions leave the words of four vectors interleaved.
void store_steps(const float* x, int64_t cols, float inverse, DenseRowHeader& header, uint8_t* q) {
  const __m512 zero = _mm512_set1_ps(header.middle), scale = _mm512_set1_ps(inverse);
  const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  __m512i total = _mm512_setzero_si512();
  for (int64_t i = 0; i < cols; i += 64) {
    __m512i part[4];
    for (int v = 0; v < 4; ++v) {
      const int64_t left = cols - i - v * 16;
      const __m512 x16 =
          left >= 16
              ? _mm512_loadu_ps(x + i + v * 16)
              : _mm512_mask_loadu_ps(zero, Vec::first(left > 0 ? int(left) : 0), x + i + v * 16);
      part[v] = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_sub_ps(x16, zero), scale));
    }
    const __m512i bytes =
        _mm512_permutexvar_epi32(order, _mm512_packs_epi16(_mm512_packs_epi32(part[0], part[1]),
                                                           _mm512_packs_epi32(part[2], part[3])));
    total = _mm512_dpbusd_epi32(total, _mm512_set1_epi8(1), bytes);
    if (cols - i >= 64) {
      _mm512_storeu_si512(q + i, bytes);
    } else {
      const int padded = int(cols - i + 3) / 4;
      _mm512_mask_storeu_epi32(q + i, Vec::first(padded), bytes);
    }
  }
  header.start = -128 * _mm512_reduce_add_epi32(total);
}
