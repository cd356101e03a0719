// The integer dot products of a pair of blocks, AVX2. Weights of b bits up to 6: vpmaddubsw adds
// two products of an unsigned and a signed byte in 16 bits, at most 2 * (2^b - 1) * 127 a step, so
// that 2^(7-b) steps fit before widening. Weights of 8 bits would have to be multiplied with signs
// apart (vpsignb, vpmaddubsw, vpmaddwd): both sides become words, which vpmaddwd multiplies alone.
constexpr int kMaxTokens = 4;
constexpr int kMaxFloatTokens = 2;

struct Rows16 {
  Vec v[2];
};

__m256i broadcast4(const void* p) {
  int32_t word;
  __builtin_memcpy(&word, p, 4);
  return _mm256_set1_epi32(word);
}

// Vector u (8 rows x 4 columns) of a block's half, unsigned.
template <PackedForm form>
SERVAL_INLINE __m256i load_quants(const uint8_t* quants, int u) {
  constexpr bool nibbles = quant_bytes(form) == 256;
  const auto* at = reinterpret_cast<const __m256i*>(quants + (nibbles ? u % 4 : u) * 64);
  const __m256i bytes = _mm256_loadu_si256(at);
  if constexpr (!nibbles) return bytes;
  return _mm256_and_si256(u < 4 ? bytes : _mm256_srli_epi16(bytes, 4), _mm256_set1_epi8(15));
}

// Sums of both halves of a block's rows.
struct Dots {
  __m256i half[2];
};

// dot += the products of 16 rows by the 4 columns at x, in 16 bits. In place: of the intrinsics GCC
// 12 makes all products of a block before it adds one, and keeps them in memory.
SERVAL_INLINE void add_products(Dots& dot, const __m256i (&w)[2], const int8_t* x) {
  __m256i q, product;
  asm("vpbroadcastd %4, %2\n\t"
      "vpmaddubsw %2, %5, %3\n\t"
      "vpmaddubsw %2, %6, %2\n\t"
      "vpaddw %3, %0, %0\n\t"
      "vpaddw %2, %1, %1"
      : "+x"(dot.half[0]), "+x"(dot.half[1]), "=&x"(q), "=&x"(product)
      : "m"(*reinterpret_cast<const int8_t(*)[4]>(x)), "x"(w[0]), "x"(w[1]));
}

// Columns 4*first .. 4*last-1 of a block by the records' columns from `at` on, for weights of kBits
// bits.
template <PackedForm form, int kBits, int N>
SERVAL_INLINE void small_dots(const uint8_t* quants, const QuantRecord* x, int at, int first,
                              int last, Dots (&dot)[N]) {
  constexpr int steps = 128 >> kBits;
  for (int t = 0; t < N; ++t) dot[t] = {};
#pragma GCC unroll 4
  for (int from = first; from < last; from += steps) {
    Dots words[N];
    for (int t = 0; t < N; ++t) words[t] = {};
#pragma GCC unroll 8
    for (int u = from; u < from + steps; ++u) {
      const __m256i w[2] = {load_quants<form>(quants, u), load_quants<form>(quants + 32, u)};
#pragma GCC unroll 4
      for (int t = 0; t < N; ++t) add_products(words[t], w, x[t].q + at + 4 * u);
    }
    for (int t = 0; t < N; ++t)
      for (int half = 0; half < 2; ++half)
        dot[t].half[half] = _mm256_add_epi32(
            dot[t].half[half], _mm256_madd_epi16(words[t].half[half], _mm256_set1_epi16(1)));
  }
}

// first, second += their weights times the four words at x, two products a lane. In place for the
// same reason.
SERVAL_INLINE void add_dots(__m256i& first, __m256i& second, __m256i w, __m256i w2, const void* x) {
  __m256i q, product;
  asm("vpbroadcastq %4, %2\n\t"
      "vpmaddwd %5, %2, %3\n\t"
      "vpmaddwd %6, %2, %2\n\t"
      "vpaddd %3, %0, %0\n\t"
      "vpaddd %2, %1, %1"
      : "+x"(first), "+x"(second), "=&x"(q), "=&x"(product)
      : "m"(*static_cast<const uint8_t(*)[8]>(x)), "x"(w), "x"(w2));
}

// Four rows by four columns, as words.
SERVAL_INLINE __m256i load_words(const uint8_t* w) {
  return _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(w)));
}

// The sums of eight rows, which two of add_dots have left in two lanes each.
SERVAL_INLINE __m256i join_lanes(__m256i first, __m256i second) {
  return _mm256_permute4x64_epi64(_mm256_hadd_epi32(first, second), 0xd8);
}

// A record's columns as words.
struct RecordWords {
  alignas(32) int16_t q[kRecordCols];
};

SERVAL_INLINE void widen(const QuantRecord& record, RecordWords& words) {
  for (int i = 0; i < kRecordCols; i += 16) {
    const auto* bytes = reinterpret_cast<const __m128i*>(record.q + i);
    _mm256_store_si256(reinterpret_cast<__m256i*>(words.q + i),
                       _mm256_cvtepi8_epi16(_mm_loadu_si128(bytes)));
  }
}

// A block with weights of 8 bits by the records' columns from `at` on.
template <int N>
SERVAL_INLINE void byte_dots(const uint8_t* quants, const RecordWords (&x)[N], int at,
                             Dots (&dot)[N]) {
  for (int half = 0; half < 2; ++half) {
    __m256i sum[N][2];
    for (int t = 0; t < N; ++t) sum[t][0] = sum[t][1] = _mm256_setzero_si256();
#pragma GCC unroll 8
    for (int u = 0; u < 8; ++u) {
      const uint8_t* w = quants + u * 64 + half * 32;
      const __m256i low = load_words(w), high = load_words(w + 16);
#pragma GCC unroll 4
      for (int t = 0; t < N; ++t) add_dots(sum[t][0], sum[t][1], low, high, x[t].q + at + 4 * u);
    }
    for (int t = 0; t < N; ++t) dot[t].half[half] = join_lanes(sum[t][0], sum[t][1]);
  }
}

// y += the dots less the weights' zero point, by the scales of 16 rows. minus_sum: of the record's
// columns, times the zero point.
SERVAL_INLINE void add_scaled(Rows16& y, const Dots& dot, __m256i minus_sum, const Rows16& scales) {
  for (int half = 0; half < 2; ++half) {
    const __m256i sum = _mm256_add_epi32(dot.half[half], minus_sum);
    y.v[half] = fma(Vec{_mm256_cvtepi32_ps(sum)}, scales.v[half], y.v[half]);
  }
}

Rows16 load_scales(const uint16_t* scales) {
  return {{Vec::load_half(scales), Vec::load_half(scales + 8)}};
}

// One block, which is number `index` of the records at x: the sums of its rows are added to y.
// words: the records, for weights of 8 bits.
template <PackedForm form, int kZeroShift, int N>
SERVAL_INLINE void add_block(const uint8_t* quants, const uint16_t* scales, int index,
                             const QuantRecord* x, const RecordWords (&words)[N], Rows16 (&y)[N]) {
  const auto zeros = [](int32_t minus_sum) {
    return _mm256_slli_epi32(_mm256_set1_epi32(minus_sum), kZeroShift);
  };
  const Rows16 d = load_scales(scales);
  const int at = index * 32;
  Dots dot[N];
  if constexpr (form == PackedForm::byte_16) {
    small_dots<form, kZeroShift + 1>(quants, x, at, 0, 4, dot);
    for (int t = 0; t < N; ++t) add_scaled(y[t], dot[t], zeros(x[t].minus_sum_low[index]), d);
    small_dots<form, kZeroShift + 1>(quants, x, at, 4, 8, dot);
    const Rows16 high = load_scales(scales + 16);
    for (int t = 0; t < N; ++t)
      add_scaled(y[t], dot[t], zeros(x[t].minus_sum[index] - x[t].minus_sum_low[index]), high);
  } else {
    if constexpr (kZeroShift == 7)
      byte_dots(quants, words, at, dot);
    else
      small_dots<form, kZeroShift + 1>(quants, x, at, 0, 8, dot);
    for (int t = 0; t < N; ++t) add_scaled(y[t], dot[t], zeros(x[t].minus_sum[index]), d);
  }
}

// Offsets of 8 rows, or sums of one: the even elements are the first block's, the odd the second's.
struct Offsets {
  Vec first, second;
};

Offsets split_pairs(__m256i both) {
  return {{_mm256_castsi256_ps(_mm256_slli_epi32(both, 16))},
          {_mm256_castsi256_ps(_mm256_and_si256(both, _mm256_set1_epi32(int(0xffff0000u))))}};
}
Offsets load_offsets(const uint8_t* p) {
  return split_pairs(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}

// part[t] += W x[t] / scale over the pair of blocks that the records at x stand for.
template <PackedForm form, int kZeroShift, int N>
SERVAL_INLINE void pair_dot(const uint8_t* group, int64_t pair, const QuantRecord* x,
                            Rows16 (&part)[N]) {
  RecordWords words[N];
  if constexpr (kZeroShift == 7)
    for (int t = 0; t < N; ++t) widen(x[t], words[t]);
#pragma GCC unroll 2
  for (int b = 0; b < kRecordBlocks; ++b)
    add_block<form, kZeroShift, N>(
        group + quants_at(form, 2 * pair + b),
        reinterpret_cast<const uint16_t*>(group + scales_at(form, 2 * pair + b)), b, x, words,
        part);
  if constexpr (has_offsets(form)) {
    const uint8_t* at = group + offsets_at(form, pair);
    const Offsets offsets[2] = {load_offsets(at), load_offsets(at + 32)};
    for (int t = 0; t < N; ++t) {
      const Offsets sums = split_pairs(broadcast4(x[t].sums));
      for (int half = 0; half < 2; ++half) {
        Vec& y = part[t].v[half];
        y = fma(offsets[half].first, sums.first, y);
        y = fma(offsets[half].second, sums.second, y);
      }
    }
  }
}
