// Packed attention in 8 bits, AVX-512 VNNI: both products are exact integers.
//   keys     measured from the least of their dimension, in 255 steps of its own. What one query
//            loses by that is the same for every key, so the softmax does not see it.
//   queries  the keys' steps go into them; 127 steps either side of 0 a query
//   values   254 steps around the middle of their dimension
//   weights  of the greatest so far, in 255 steps
// Many keys may each have less than half a step and much together. So a weight is not rounded but
// added to the key's threshold between 0 and 1 and cut: as many of them as their sum demands become
// 1. Thresholds are multiples of the golden ratio less their whole part, which any run of keys
// spreads evenly, and each query begins elsewhere (dither, Roberts 1962).
constexpr int kByteKeys = 512;  // of one block
constexpr int kThresholds = 64;
constexpr int kHalvings = 32;  // steps in which a weight falls by half

struct WeightTables {
  alignas(64) uint16_t power[kHalvings];            // 128 * 255 * 2^(-i / 32)
  alignas(64) uint16_t threshold[2 * kThresholds];  // of 128
  alignas(64) uint8_t key[64];                      // of the bytes that leave the packing
};

constexpr WeightTables make_weight_tables() {
  WeightTables t{};
  double power = 255 * 128;
  for (int i = 0; i < kHalvings; ++i, power /= 1.0218971486541166)  // 2^(1 / 32)
    t.power[i] = uint16_t(power + 0.5);
  for (int i = 0; i < 2 * kThresholds; ++i) {
    const double x = (i + 0.5) * 0.61803398874989485;
    t.threshold[i] = uint16_t(128 * (x - int(x)));
  }
  for (int i = 0; i < 64; ++i) t.key[i] = uint8_t(i / 4 % 4 * 16 + i / 16 * 4 + i % 4);
  return t;
}
constexpr WeightTables kWeights = make_weight_tables();

// The keys of one head as panels of 32 keys, the values as panels of 32 dimensions; all four bytes
// a step, as dense.inl has them, and both padded to 64 keys.
struct ByteHead {
  uint8_t* keys;
  uint8_t* values;
  int padded;
  int64_t key_panel_bytes, value_panel_bytes;
  alignas(64) float key_step[kMaxHeadDim], value_step[kMaxHeadDim], value_middle[kMaxHeadDim];
};

struct Ends {
  __m512 low, high;
};

// Of dimensions [d, d + 16) over all tokens.
Ends column_ends(const float* x, int64_t stride, int tokens, __mmask16 lanes) {
  Ends a{_mm512_maskz_loadu_ps(lanes, x), _mm512_maskz_loadu_ps(lanes, x)}, b = a;
  int j = 0;
  for (; j + 2 <= tokens; j += 2) {
    const __m512 first = _mm512_maskz_loadu_ps(lanes, x + j * stride);
    const __m512 second = _mm512_maskz_loadu_ps(lanes, x + (j + 1) * stride);
    a = {_mm512_min_ps(a.low, first), _mm512_max_ps(a.high, first)};
    b = {_mm512_min_ps(b.low, second), _mm512_max_ps(b.high, second)};
  }
  if (j < tokens) {
    const __m512 last = _mm512_maskz_loadu_ps(lanes, x + j * stride);
    a = {_mm512_min_ps(a.low, last), _mm512_max_ps(a.high, last)};
  }
  return {_mm512_min_ps(a.low, b.low), _mm512_max_ps(a.high, b.high)};
}

// (x - zero) * inverse of tokens [j, j + 4), rounded. Behind the last token it is repeated.
struct FourRows {
  __m512i row[4];
};
SERVAL_INLINE FourRows quantized(const float* x, int64_t stride, int j, int tokens, __mmask16 lanes,
                                 __m512 zero, __m512 inverse) {
  FourRows r;
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    const __m512 v = _mm512_maskz_loadu_ps(lanes, x + smaller(j + i, tokens - 1) * stride);
    r.row[i] = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_sub_ps(v, zero), inverse));
  }
  return r;
}

// What 1 / span has to be multiplied by, 0 for a dimension that does not move.
__m512 steps_in(__m512 span, float steps) {
  const __mmask16 live = _mm512_cmp_ps_mask(span, _mm512_set1_ps(kSmallestPeak), _CMP_GT_OQ);
  return _mm512_maskz_div_ps(live, _mm512_set1_ps(steps), span);
}

// Four keys of 16 dimensions are four words of each of four steps.
void pack_key_bytes(const PackedAttention& a, const float* k, int d, __mmask16 lanes,
                    ByteHead& head) {
  const Ends ends = column_ends(k, a.k_stride, a.length, lanes);
  const __m512 span = _mm512_sub_ps(ends.high, ends.low), inverse = steps_in(span, 255);
  _mm512_store_ps(head.key_step + d, _mm512_mul_ps(span, _mm512_set1_ps(1.0f / 255)));
  const int steps = smaller(a.head_dim - d, 16) / 4;
  for (int j = 0; j < head.padded; j += 4) {
    const FourRows r = quantized(k, a.k_stride, j, a.length, lanes, ends.low, inverse);
    const __m512i bytes = _mm512_packus_epi16(_mm512_packus_epi32(r.row[0], r.row[1]),
                                              _mm512_packus_epi32(r.row[2], r.row[3]));
    uint8_t* out = head.keys + j / kDensePanel * head.key_panel_bytes + d / 4 * kDenseStepBytes +
                   j % kDensePanel * 4;
    _mm_store_si128(reinterpret_cast<__m128i*>(out), _mm512_castsi512_si128(bytes));
    _mm_store_si128(reinterpret_cast<__m128i*>(out + kDenseStepBytes),
                    _mm512_extracti32x4_epi32(bytes, 1));
    if (steps == 2) continue;
    _mm_store_si128(reinterpret_cast<__m128i*>(out + 2 * kDenseStepBytes),
                    _mm512_extracti32x4_epi32(bytes, 2));
    _mm_store_si128(reinterpret_cast<__m128i*>(out + 3 * kDenseStepBytes),
                    _mm512_extracti32x4_epi32(bytes, 3));
  }
}

// Four keys of 16 dimensions are half a step. The steps of 64 keys stand in the order in which
// weights leave their packing.
void pack_value_bytes(const PackedAttention& a, const float* v, int d, __mmask16 lanes,
                      ByteHead& head) {
  const Ends ends = column_ends(v, a.v_stride, a.length, lanes);
  const __m512 span = _mm512_sub_ps(ends.high, ends.low), inverse = steps_in(span, 254);
  const __m512 middle = _mm512_fmadd_ps(span, _mm512_set1_ps(0.5f), ends.low);
  _mm512_store_ps(head.value_step + d, _mm512_mul_ps(span, _mm512_set1_ps(1.0f / 254)));
  _mm512_store_ps(head.value_middle + d, middle);
  const __m512i turn =
      _mm512_broadcast_i32x4(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
  uint8_t* panel = head.values + d / kDensePanel * head.value_panel_bytes + d % kDensePanel * 4;
  for (int j = 0; j < head.padded; j += 4) {
    const FourRows r = quantized(v, a.v_stride, j, a.length, lanes, middle, inverse);
    const __m512i bytes = _mm512_packs_epi16(_mm512_packs_epi32(r.row[0], r.row[1]),
                                             _mm512_packs_epi32(r.row[2], r.row[3]));
    const int four = j / 4, step = four / 16 * 16 + four % 4 * 4 + four / 4 % 4;
    _mm512_store_si512(panel + step * kDenseStepBytes, _mm512_shuffle_epi8(bytes, turn));
  }
}

void pack_byte_head(const PackedAttention& a, int kv_head, ByteHead& head) {
  head.padded = (a.length + 63) / 64 * 64;
  head.key_panel_bytes = a.head_dim / 4 * kDenseStepBytes;
  head.value_panel_bytes = head.padded / 4 * kDenseStepBytes;
  head.keys = static_cast<uint8_t*>(a.scratch);
  head.values = head.keys + head.padded / kDensePanel * head.key_panel_bytes;
  const int64_t at = int64_t{kv_head} * a.head_dim;
  for (int d = 0; d < a.head_dim; d += 16) {
    const __mmask16 lanes = Vec::first(a.head_dim - d);
    pack_key_bytes(a, a.k + a.begin * a.k_stride + at + d, d, lanes, head);
    pack_value_bytes(a, a.v + a.begin * a.v_stride + at + d, d, lanes, head);
  }
}

// Lane t: the lanes of row t joined. Half of what each row by itself takes, and no chain of steps a
// row; a transposition that joins as it goes.
template <class Join>
__m512i join_lanes(const int32_t (&rows)[kTileRows][16], Join join) {
  __m512i four[4] = {};
#pragma GCC unroll 3
  for (int i = 0; i < kTileRows; i += 4) {
    __m512i two[2];
#pragma GCC unroll 2
    for (int half = 0; half < 2; ++half) {
      const __m512i a = _mm512_load_si512(rows[i + 2 * half]);
      const __m512i b = _mm512_load_si512(rows[i + 2 * half + 1]);
      two[half] = join(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
    }
    four[i / 4] =
        join(_mm512_unpacklo_epi64(two[0], two[1]), _mm512_unpackhi_epi64(two[0], two[1]));
  }
  const __m512i low = join(_mm512_shuffle_i32x4(four[0], four[1], 0x44),
                           _mm512_shuffle_i32x4(four[0], four[1], 0xee));
  const __m512i high = join(_mm512_shuffle_i32x4(four[2], four[3], 0x44),
                            _mm512_shuffle_i32x4(four[2], four[3], 0xee));
  return join(_mm512_shuffle_i32x4(low, high, 0x88), _mm512_shuffle_i32x4(low, high, 0xdd));
}

__m512i greater_ints(__m512i a, __m512i b) { return _mm512_max_epi32(a, b); }
__m512i sum_of_ints(__m512i a, __m512i b) { return _mm512_add_epi32(a, b); }

// Queries of one head.
struct ByteTile {
  alignas(64) uint8_t q[kTileRows][kMaxHeadDim];
  alignas(64) int32_t score[kTileRows][kByteKeys + 16];  // in steps of the row
  alignas(64) uint8_t weight[kTileRows][kByteKeys];      // in the order of the values' steps
  alignas(64) float out[kTileRows][kMaxHeadDim];
  // Of each row, padded to a vector.
  alignas(64) float step[16], total[16], decay[16];  // step: of the scores, in powers of two
  alignas(64) int32_t peak[16];                      // greatest score so far
  alignas(64) int32_t lanes[kTileRows][16];          // peaks or sums of the block, lane by lane
  int first;
};

// dot[t] = row t times the bytes of a panel. The rows are the signed side with queries, the
// unsigned one with weights.
template <bool signed_rows, int N>
SERVAL_INLINE void byte_dots(const uint8_t* w, const uint8_t* x, std::size_t stride, int64_t steps,
                             __m512i (&dot)[N][2]) {
#pragma GCC unroll 12
  for (int t = 0; t < N; ++t) dot[t][0] = dot[t][1] = _mm512_setzero_si512();
  for (int64_t s = 0; s < steps; ++s, w += kDenseStepBytes, x += 4) {
    const __m512i first = _mm512_load_si512(w), second = _mm512_load_si512(w + 64);
#pragma GCC unroll 12
    for (int t = 0; t < N; ++t) {
      const __m512i row = broadcast4(x + t * stride);
      if constexpr (signed_rows) {
        add_dots(dot[t][0], first, row);
        add_dots(dot[t][1], second, row);
      } else {
        add_dots(dot[t][0], row, first);
        add_dots(dot[t][1], row, second);
      }
    }
  }
}

template <int N>
void score_panel(const uint8_t* keys, int head_dim, ByteTile& tile_, int j) {
  __m512i dot[N][2];
  byte_dots<true, N>(keys, tile_.q[0], kMaxHeadDim, head_dim / 4, dot);
#pragma GCC unroll 12
  for (int t = 0; t < N; ++t) {
    _mm512_store_si512(tile_.score[t] + j, dot[t][0]);
    _mm512_store_si512(tile_.score[t] + j + 16, dot[t][1]);
    // Read back from where they were put: of the sums themselves GCC 12 would make copies in
    // memory.
    __m512i peaks = _mm512_load_si512(tile_.lanes[t]);
    asm("vpmaxsd %1, %0, %0" : "+v"(peaks) : "m"(*(const __m512i*)(tile_.score[t] + j)));
    asm("vpmaxsd %1, %0, %0" : "+v"(peaks) : "m"(*(const __m512i*)(tile_.score[t] + j + 16)));
    _mm512_store_si512(tile_.lanes[t], peaks);
  }
}

// out = out * decay + weights x values of one panel of dimensions; begins anew if it is the first.
template <int N>
void mix_panel(const uint8_t* values, int keys, bool first, ByteTile& tile_, int d) {
  __m512i dot[N][2];
  byte_dots<false, N>(values, tile_.weight[0], kByteKeys, keys / 4, dot);
#pragma GCC unroll 12
  for (int t = 0; t < N; ++t) {
#pragma GCC unroll 2
    for (int v = 0; v < 2; ++v) {
      float* out = tile_.out[t] + d + v * 16;
      __m512 sum = _mm512_cvtepi32_ps(dot[t][v]);
      if (!first) sum = _mm512_fmadd_ps(_mm512_load_ps(out), _mm512_set1_ps(tile_.decay[t]), sum);
      _mm512_store_ps(out, sum);
    }
  }
}

// Scores of `keys` keys to weights, 0 for those that pad a multiple of 64.
SERVAL_INLINE void weigh_bytes(int keys, int t, ByteTile& tile_) {
  const int32_t* score = tile_.score[t];
  const float step = tile_.step[t] * -kHalvings;
  const __m512 steps = _mm512_set1_ps(step);
  const __m512 start = _mm512_set1_ps(0x1.8p23f - step * float(tile_.peak[t]));
  const __m512i magic = _mm512_castps_si512(_mm512_set1_ps(0x1.8p23f));
  const __m512i power = _mm512_load_si512(kWeights.power), key = _mm512_load_si512(kWeights.key);
  const uint16_t* threshold = kWeights.threshold + (tile_.first + t) * 37 % kThresholds;
  const __m512i cut[2] = {_mm512_loadu_si512(threshold), _mm512_loadu_si512(threshold + 32)};
  __m512i total = _mm512_setzero_si512();
  for (int j = 0; j < keys; j += 64) {
    __m512i w[2];
#pragma GCC unroll 2
    for (int half = 0; half < 2; ++half) {
      __m512i fall[2];
#pragma GCC unroll 2
      for (int v = 0; v < 2; ++v) {
        const __m512 x = _mm512_cvtepi32_ps(_mm512_load_si512(score + j + half * 32 + v * 16));
        fall[v] = _mm512_sub_epi32(_mm512_castps_si512(_mm512_fmadd_ps(x, steps, start)), magic);
      }
      const __m512i falls = _mm512_packus_epi32(fall[0], fall[1]);
      const __m512i w16 =
          _mm512_srlv_epi16(_mm512_permutexvar_epi16(falls, power), _mm512_srli_epi16(falls, 5));
      w[half] = _mm512_srli_epi16(_mm512_add_epi16(w16, cut[half]), 7);
    }
    const __mmask64 live =
        _mm512_cmplt_epu8_mask(key, _mm512_set1_epi8(char(smaller(keys - j, 64))));
    const __m512i bytes = _mm512_maskz_packus_epi16(live, w[0], w[1]);
    _mm512_store_si512(tile_.weight[t] + j, bytes);
    total = _mm512_dpbusd_epi32(total, bytes, _mm512_set1_epi8(1));
  }
  _mm512_store_si512(tile_.lanes[t], total);
}

// `keys` keys from `base` on.
template <int N>
void visit_bytes(const PackedAttention& a, const ByteHead& head, int base, int keys,
                 ByteTile& tile_) {
  const int padded = (keys + 63) / 64 * 64;
  for (int t = 0; t < N; ++t) _mm512_store_si512(tile_.lanes[t], _mm512_set1_epi32(tile_.peak[t]));
  for (int j = 0; j < padded; j += kDensePanel)
    score_panel<N>(head.keys + (base + j) / kDensePanel * head.key_panel_bytes, a.head_dim, tile_,
                   j);
  const __m512i peak = join_lanes(tile_.lanes, greater_ints);
  if (base > 0) {
    const __m512i fall = _mm512_sub_epi32(_mm512_load_si512(tile_.peak), peak);
    const Vec decay =
        exp2_below({_mm512_mul_ps(_mm512_cvtepi32_ps(fall), _mm512_load_ps(tile_.step))});
    decay.store(tile_.decay);
    (Vec::load(tile_.total) * decay).store(tile_.total);
  }
  _mm512_store_si512(tile_.peak, peak);
  for (int t = 0; t < N; ++t) weigh_bytes(keys, t, tile_);
  const Vec total{_mm512_cvtepi32_ps(join_lanes(tile_.lanes, sum_of_ints))};
  (Vec::load(tile_.total) + total).store(tile_.total);
  for (int d = 0; d < a.head_dim; d += kDensePanel)
    mix_panel<N>(
        head.values + d / kDensePanel * head.value_panel_bytes + base / 4 * kDenseStepBytes, padded,
        base == 0, tile_, d);
}

template <int N = kTileRows>
void visit_bytes(int rows, const PackedAttention& a, const ByteHead& head, int base, int keys,
                 ByteTile& tile_) {
  if (rows == N) return visit_bytes<N>(a, head, base, keys, tile_);
  if constexpr (N > 1) visit_bytes<N - 1>(rows, a, head, base, keys, tile_);
}

// Queries [first, first + rows) of head h, scaled by the keys' steps, to bytes.
void quantize_queries(const PackedAttention& a, int h, const ByteHead& head, int first, int rows,
                      ByteTile& tile_) {
  alignas(64) float scaled[kTileRows][kMaxHeadDim], inverse[16];
  for (int t = 0; t < rows; ++t) {
    const float* q = a.q + (a.begin + first + t) * a.q_stride + int64_t{h} * a.head_dim;
    __m512 peaks = _mm512_setzero_ps();
    for (int d = 0; d < a.head_dim; d += 16) {
      const __m512 x = _mm512_mul_ps(_mm512_maskz_loadu_ps(Vec::first(a.head_dim - d), q + d),
                                     _mm512_load_ps(head.key_step + d));
      peaks = _mm512_max_ps(peaks, _mm512_abs_ps(x));
      _mm512_store_ps(scaled[t] + d, x);
    }
    _mm512_store_ps(tile_.lanes[t], peaks);
  }
  // Floats of one sign are ordered as their bits are.
  const __m512 peaks = _mm512_castsi512_ps(join_lanes(tile_.lanes, greater_ints));
  _mm512_store_ps(inverse, steps_in(peaks, 127));
  _mm512_store_ps(tile_.step, _mm512_mul_ps(peaks, _mm512_set1_ps(a.scale * kLog2E / 127)));
  for (int t = 0; t < rows; ++t)
    for (int d = 0; d < a.head_dim; d += 16)
      _mm_store_si128(reinterpret_cast<__m128i*>(tile_.q[t] + d),
                      _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(_mm512_mul_ps(
                          _mm512_load_ps(scaled[t] + d), _mm512_set1_ps(inverse[t])))));
}

void attend_bytes(const PackedAttention& a, int h, const ByteHead& head, int first, int rows) {
  ByteTile tile_;
  tile_.first = first;
  __builtin_memset(tile_.lanes, 0, sizeof tile_.lanes);  // rows that are not there
  quantize_queries(a, h, head, first, rows, tile_);
  _mm512_store_ps(tile_.total, _mm512_setzero_ps());
  _mm512_store_si512(tile_.peak, _mm512_set1_epi32(-(1 << 30)));
  for (int base = 0; base < a.length; base += kByteKeys)
    visit_bytes(rows, a, head, base, smaller(kByteKeys, a.length - base), tile_);
  alignas(64) float inverse[16];
  _mm512_store_ps(inverse, _mm512_div_ps(_mm512_set1_ps(1), _mm512_load_ps(tile_.total)));
  float* out = a.out + (a.begin + first) * a.out_stride + int64_t{h} * a.head_dim;
  for (int d = 0; d < a.head_dim; d += 16) {
    const __mmask16 lanes = Vec::first(a.head_dim - d);
    const __m512 step = _mm512_load_ps(head.value_step + d);
    const __m512 middle = _mm512_load_ps(head.value_middle + d);
    for (int t = 0; t < rows; ++t) {
      const __m512 mean =
          _mm512_mul_ps(_mm512_load_ps(tile_.out[t] + d), _mm512_set1_ps(inverse[t]));
      _mm512_mask_storeu_ps(out + t * a.out_stride + d, lanes, _mm512_fmadd_ps(mean, step, middle));
    }
  }
}

// False: nothing done, for what this file does not know and for few keys, which bf16 does sooner.
bool byte_attention(const PackedAttention& a) {
  if (a.causal || a.window > 0 || a.bias != nullptr || a.length <= kDensePanel) return false;
  ByteHead head;
  each_tile(
      a, [&](int kv_head) { pack_byte_head(a, kv_head, head); },
      [&](int h, int first, int rows) { attend_bytes(a, h, head, first, rows); });
  return true;
}
