// Attention over caches of 16 bits and less with AVX-512. For bf16, int8 and int4 its dot-product
// instructions do the work: there the queries and the softmax's weights take the cache's precision
// (bf16 for int4). Structure and
// determinism are those of attention.inl: an item is one query position and one head, and sees its
// tiles of 32 keys in order of position, with one chain of operations a tile whoever shares the
// loads.
constexpr int kNativeItems = 8;
constexpr float kMasked = -1e30f;  // a score below any real one whose power of two is still 0

struct NativeItems {
  alignas(64) float out[kNativeItems][kMaxHeadDim];
  alignas(64) float p[kNativeItems][kKvBlockTokens];  // scores in powers of two, then weights
  alignas(64) uint32_t q[kMaxHeadDim][kNativeItems];  // 2 bf16 or 4 int8 of consecutive d
  alignas(64) uint32_t weights[kNativeItems][kKvBlockTokens / 2];  // 2 bf16 or 4 uint8 keys
  float q_scale[kNativeItems];
  int32_t q_start[kNativeItems];
  float weight_scale[kNativeItems];
  float peak[kNativeItems], total[kNativeItems], decay[kNativeItems];
  int position[kNativeItems];
  int oldest[kNativeItems];
};

// One head of one block.
struct NativeTile {
  const uint8_t* k;
  const uint8_t* v;
  const float* scales;  // int8: of K [32], of V [32]
};

// 2^x for x <= 0: Taylor to r^6 with |r| <= 1/2, 1.2e-7 relative.
__m512 exp2_native(__m512 x) {
  const __m512 n = _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT);
  const __m512 r = _mm512_sub_ps(x, n);
  __m512 p = _mm512_set1_ps(1.54035304e-4f);
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.33335581e-3f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(9.61812911e-3f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(5.55041087e-2f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(2.40226507e-1f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(6.93147181e-1f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f));
  return _mm512_scalef_ps(p, n);
}

__m512i word(uint32_t w) { return _mm512_set1_epi32(int(w)); }

// Asks for the lines of a coming tile that lie where step `index` of the scores reads, on both
// sides: blocks lie anywhere in memory, so the hardware cannot guess the next one.
void prefetch_tile(const uint8_t* next, int64_t side, int index) {
  for (int line = index * 128; line < (index + 1) * 128; line += 64) {
    prefetch(next + line);
    prefetch(next + side + line);
  }
}

// f16 has no dot product here: keys and values are widened and multiplied as floats.
struct F16Cache {
  static void prepare(const float* q, int head_dim, float scale, NativeItems& items, int i) {
    for (int d = 0; d < head_dim; ++d) items.q[d][i] = float_to_bits(q[d] * scale);
  }

  template <int N>
  SERVAL_INLINE static void score(const NativeTile& tile, const uint8_t* next, int head_dim,
                                  NativeItems& items, int first) {
    __m512 low[N], high[N];
    for (int i = 0; i < N; ++i) low[i] = high[i] = _mm512_setzero_ps();
    const int64_t side = kv_side_bytes(KvType::f16, head_dim);
    for (int d = 0; d < head_dim; ++d) {
      if constexpr (N <= kPrefetchTokens)
        if (d % 2 == 0) prefetch_tile(next, side, d / 2);
      const uint16_t* k = reinterpret_cast<const uint16_t*>(tile.k) + d * kKvBlockTokens;
      const __m512 k_low = Vec::load_half(k).v, k_high = Vec::load_half(k + 16).v;
#pragma GCC unroll 8
      for (int i = 0; i < N; ++i) {
        const __m512 q = (__m512)word(items.q[d][first + i]);
        low[i] = _mm512_fmadd_ps(k_low, q, low[i]);
        high[i] = _mm512_fmadd_ps(k_high, q, high[i]);
      }
    }
    for (int i = 0; i < N; ++i) {
      _mm512_store_ps(items.p[first + i], low[i]);
      _mm512_store_ps(items.p[first + i] + 16, high[i]);
    }
  }

  static void weigh(const NativeTile&, __m512 low, __m512 high, NativeItems& items, int i) {
    _mm512_store_ps(items.p[i], low);
    _mm512_store_ps(items.p[i] + 16, high);
  }

  template <int N, int C>
  SERVAL_INLINE static void mix(const NativeTile& tile, int head_dim, int keys, int d,
                                __mmask16 lanes, NativeItems& items, int first) {
    __m512 sum[N][C];
    for (int i = 0; i < N; ++i)
      for (int c = 0; c < C; ++c)
        sum[i][c] = _mm512_mul_ps(_mm512_load_ps(items.out[first + i] + d + c * 16),
                                  _mm512_set1_ps(items.decay[first + i]));
    const uint16_t* row = reinterpret_cast<const uint16_t*>(tile.v) + d;
    for (int key = 0; key < keys; ++key, row += head_dim) {
      __m512 v[C];
      for (int c = 0; c < C; ++c)
        v[c] = _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(lanes, row + c * 16));
#pragma GCC unroll 8
      for (int i = 0; i < N; ++i) {
        const __m512 weight = _mm512_set1_ps(items.p[first + i][key]);
        for (int c = 0; c < C; ++c) sum[i][c] = _mm512_fmadd_ps(v[c], weight, sum[i][c]);
      }
    }
    for (int i = 0; i < N; ++i)
      for (int c = 0; c < C; ++c) _mm512_store_ps(items.out[first + i] + d + c * 16, sum[i][c]);
  }
};

struct Bf16Cache {
  static void prepare(const float* q, int head_dim, float scale, NativeItems& items, int i) {
    for (int d = 0; d < head_dim; d += 2)
      items.q[d / 2][i] = f32_to_bf16(q[d] * scale) | uint32_t(f32_to_bf16(q[d + 1] * scale)) << 16;
  }

  template <int N>
  SERVAL_INLINE static void score(const NativeTile& tile, const uint8_t* next, int head_dim,
                                  NativeItems& items, int first) {
    __m512 low[N], high[N];
    for (int i = 0; i < N; ++i) low[i] = high[i] = _mm512_setzero_ps();
    const int64_t side = kv_side_bytes(KvType::bf16, head_dim);
    for (int pair = 0; pair < head_dim / 2; ++pair) {
      if constexpr (N <= kPrefetchTokens) prefetch_tile(next, side, pair);
      const __m512i k_low = _mm512_load_si512(tile.k + pair * 128);
      const __m512i k_high = _mm512_load_si512(tile.k + pair * 128 + 64);
#pragma GCC unroll 8
      for (int i = 0; i < N; ++i) {
        const __m512i q = word(items.q[pair][first + i]);
        low[i] = _mm512_dpbf16_ps(low[i], (__m512bh)k_low, (__m512bh)q);
        high[i] = _mm512_dpbf16_ps(high[i], (__m512bh)k_high, (__m512bh)q);
      }
    }
    for (int i = 0; i < N; ++i) {
      _mm512_store_ps(items.p[first + i], low[i]);
      _mm512_store_ps(items.p[first + i] + 16, high[i]);
    }
  }

  static void weigh(const NativeTile&, __m512 low, __m512 high, NativeItems& items, int i) {
    _mm512_store_si512(items.weights[i], (__m512i)_mm512_cvtne2ps_pbh(high, low));
  }

  // sum[i] += weights of the pair x its values; what `written` leaves out counts as 0.
  template <int N, int C>
  SERVAL_INLINE static void mix_pair(const uint8_t* row, __mmask32 written, __mmask16 lanes,
                                     int pair, const NativeItems& items, int first,
                                     __m512 (&sum)[N][C]) {
    __m512i v[C];
    for (int c = 0; c < C; ++c)
      v[c] = _mm512_maskz_mov_epi16(written, _mm512_maskz_loadu_epi32(lanes, row + c * 64));
#pragma GCC unroll 8
    for (int i = 0; i < N; ++i) {
      const __m512i weight = word(items.weights[first + i][pair]);
      for (int c = 0; c < C; ++c)
        sum[i][c] = _mm512_dpbf16_ps(sum[i][c], (__m512bh)v[c], (__m512bh)weight);
    }
  }

  template <int N, int C>
  SERVAL_INLINE static void mix(const NativeTile& tile, int head_dim, int keys, int d,
                                __mmask16 lanes, NativeItems& items, int first) {
    __m512 sum[N][C];
    for (int i = 0; i < N; ++i)
      for (int c = 0; c < C; ++c)
        sum[i][c] = _mm512_mul_ps(_mm512_load_ps(items.out[first + i] + d + c * 16),
                                  _mm512_set1_ps(items.decay[first + i]));
    const uint8_t* row = tile.v + d * 4;
    for (int pair = 0; pair < keys / 2; ++pair, row += head_dim * 4)
      mix_pair<N, C>(row, ~__mmask32{0}, lanes, pair, items, first, sum);
    if (keys % 2 != 0)  // the pair's second key was never written
      mix_pair<N, C>(row, 0x55555555, lanes, keys / 2, items, first, sum);
    for (int i = 0; i < N; ++i)
      for (int c = 0; c < C; ++c) _mm512_store_ps(items.out[first + i] + d + c * 16, sum[i][c]);
  }
};

struct Int8Cache {
  static void prepare(const float* q, int head_dim, float scale, NativeItems& items, int i) {
    float peak = 0;
    for (int d = 0; d < head_dim; ++d) {
      const float size = q[d] < 0 ? -q[d] : q[d];
      peak = size > peak ? size : peak;
    }
    const bool live = peak > kSmallestPeak;
    const float inverse = live ? 127.0f / peak : 0.0f;
    alignas(64) int8_t bytes[kMaxHeadDim + Vec::width];
    int sum = 0;
    for (int d = 0; d < head_dim; d += Vec::width)
      sum += store_int8(Vec::load(q + d, head_dim - d) * Vec::set(inverse), bytes + d);
    for (int four = 0; four < head_dim / 4; ++four)
      __builtin_memcpy(&items.q[four][i], bytes + four * 4, 4);
    items.q_scale[i] = live ? peak / 127.0f * scale : 0.0f;
    items.q_start[i] = -128 * sum;  // keys are stored with 128 added
  }

  template <int N>
  SERVAL_INLINE static void score(const NativeTile& tile, const uint8_t* next, int head_dim,
                                  NativeItems& items, int first) {
    __m512i low[N], high[N];
    for (int i = 0; i < N; ++i) low[i] = high[i] = _mm512_set1_epi32(items.q_start[first + i]);
    const int64_t side = kv_side_bytes(KvType::int8, head_dim);
    for (int four = 0; four < head_dim / 4; ++four) {
      if constexpr (N <= kPrefetchTokens) prefetch_tile(next, side, four);
      const __m512i k_low = _mm512_load_si512(tile.k + four * 128);
      const __m512i k_high = _mm512_load_si512(tile.k + four * 128 + 64);
#pragma GCC unroll 8
      for (int i = 0; i < N; ++i) {
        const __m512i q = word(items.q[four][first + i]);
        low[i] = _mm512_dpbusd_epi32(low[i], k_low, q);
        high[i] = _mm512_dpbusd_epi32(high[i], k_high, q);
      }
    }
    const __m512 scale_low = _mm512_load_ps(tile.scales),
                 scale_high = _mm512_load_ps(tile.scales + 16);
    for (int i = 0; i < N; ++i) {
      const __m512 q = _mm512_set1_ps(items.q_scale[first + i]);
      _mm512_store_ps(items.p[first + i],
                      _mm512_mul_ps(_mm512_cvtepi32_ps(low[i]), _mm512_mul_ps(scale_low, q)));
      _mm512_store_ps(items.p[first + i] + 16,
                      _mm512_mul_ps(_mm512_cvtepi32_ps(high[i]), _mm512_mul_ps(scale_high, q)));
    }
  }

  // The values' scales go into the weights; what is 0 stays 0, whatever stands in an unwritten
  // slot.
  static void weigh(const NativeTile& tile, __m512 low, __m512 high, NativeItems& items, int i) {
    const __mmask16 live_low = _mm512_test_epi32_mask((__m512i)low, (__m512i)low);
    const __mmask16 live_high = _mm512_test_epi32_mask((__m512i)high, (__m512i)high);
    low = _mm512_maskz_mul_ps(live_low, low, _mm512_load_ps(tile.scales + 32));
    high = _mm512_maskz_mul_ps(live_high, high, _mm512_load_ps(tile.scales + 48));
    const float peak = _mm512_reduce_max_ps(_mm512_max_ps(low, high));
    const bool live = peak > kSmallestPeak;
    const __m512 inverse = _mm512_set1_ps(live ? 255.0f / peak : 0.0f);
    items.weight_scale[i] = live ? peak / 255.0f : 0.0f;
    __m128i* bytes = reinterpret_cast<__m128i*>(items.weights[i]);
    bytes[0] = _mm512_cvtusepi32_epi8(_mm512_cvtps_epu32(_mm512_mul_ps(low, inverse)));
    bytes[1] = _mm512_cvtusepi32_epi8(_mm512_cvtps_epu32(_mm512_mul_ps(high, inverse)));
  }

  template <int N, int C>
  SERVAL_INLINE static void mix(const NativeTile& tile, int head_dim, int keys, int d,
                                __mmask16 lanes, NativeItems& items, int first) {
    __m512i sum[N][C];
    for (int i = 0; i < N; ++i)
      for (int c = 0; c < C; ++c) sum[i][c] = _mm512_setzero_si512();
    for (int four = 0; four < (keys + 3) / 4; ++four) {
      __m512i v[C];
      for (int c = 0; c < C; ++c)
        v[c] =
            _mm512_maskz_loadu_epi32(lanes, tile.v + (int64_t{four} * head_dim + d + c * 16) * 4);
#pragma GCC unroll 8
      for (int i = 0; i < N; ++i) {
        const __m512i weight = word(items.weights[first + i][four]);
        for (int c = 0; c < C; ++c) sum[i][c] = _mm512_dpbusd_epi32(sum[i][c], weight, v[c]);
      }
    }
    for (int i = 0; i < N; ++i) {
      for (int c = 0; c < C; ++c) {
        float* out = items.out[first + i] + d + c * 16;
        const __m512 older =
            _mm512_mul_ps(_mm512_load_ps(out), _mm512_set1_ps(items.decay[first + i]));
        _mm512_store_ps(out, _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum[i][c]),
                                             _mm512_set1_ps(items.weight_scale[first + i]), older));
      }
    }
  }
};

// Bf16Cache's arithmetic on tiles that are converted one at a time.
struct Int4Cache : Bf16Cache {};

// One head of one block, as Cache reads it.
template <class Cache>
struct TileLoader {
  NativeTile load(const Attention& a, const uint8_t* head, int) {
    const int64_t side = kv_side_bytes(a.type, a.head_dim);
    return {head, head + side, reinterpret_cast<const float*>(head + 2 * side)};
  }
};

template <>
struct TileLoader<Int4Cache> {
  alignas(64) uint8_t k[kMaxHeadDim * kKvBlockTokens * 2], v[kMaxHeadDim * kKvBlockTokens * 2];

  // keys: how many of the block any query sees.
  NativeTile load(const Attention& a, const uint8_t* head, int keys) {
    const int64_t side = kv_side_bytes(a.type, a.head_dim);
    const uint16_t* steps = reinterpret_cast<const uint16_t*>(head + 2 * side);
    int4_keys_to_bf16(head, steps, a.head_dim, k);
    steps += 2 * kv_runs(a.head_dim) * kKvBlockTokens;
    int4_values_to_bf16(head + side, steps, a.head_dim, (keys + 1) / 2 * 2, v);
    return {k, v, nullptr};
  }
};

// Scores of the keys in `visible` to weights relative to the greatest score so far; others get 0.
template <class Cache>
void soften_native(const NativeTile& tile, uint32_t visible, NativeItems& items, int i) {
  const __m512 masked = _mm512_set1_ps(kMasked);
  const __m512 low = _mm512_mask_load_ps(masked, __mmask16(visible), items.p[i]);
  const __m512 high = _mm512_mask_load_ps(masked, __mmask16(visible >> 16), items.p[i] + 16);
  const float tile_peak = _mm512_reduce_max_ps(_mm512_max_ps(low, high));
  const float old = items.peak[i], peak = tile_peak > old ? tile_peak : old;
  items.decay[i] = peak == old ? 1.0f : _mm512_cvtss_f32(exp2_native(_mm512_set1_ps(old - peak)));
  items.peak[i] = peak;
  const __m512 weight_low = exp2_native(_mm512_sub_ps(low, _mm512_set1_ps(peak)));
  const __m512 weight_high = exp2_native(_mm512_sub_ps(high, _mm512_set1_ps(peak)));
  items.total[i] = items.total[i] * items.decay[i] +
                   _mm512_reduce_add_ps(_mm512_add_ps(weight_low, weight_high));
  Cache::weigh(tile, weight_low, weight_high, items, i);
}

template <class Cache, int N>
void visit_native(const NativeTile& tile, const uint8_t* next, int head_dim, int base,
                  NativeItems& items, int first) {
  Cache::template score<N>(tile, next, head_dim, items, first);
  int keys = 0;
  for (int i = first; i < first + N; ++i) {
    const int valid = smaller(items.position[i] - base + 1, kKvBlockTokens);
    const int hidden = items.oldest[i] > base ? items.oldest[i] - base : 0;
    const uint32_t visible = (0xffffffffu >> (kKvBlockTokens - valid)) & (0xffffffffu << hidden);
    soften_native<Cache>(tile, visible, items, i);
    keys = valid > keys ? valid : keys;
  }
  constexpr int kTogether =
      N <= 4 ? 4 : 2;  // vectors of 16 dimensions whose sums fit the registers
  int d = 0;
  for (; d + 16 * kTogether <= head_dim; d += 16 * kTogether)
    Cache::template mix<N, kTogether>(tile, head_dim, keys, d, 0xffff, items, first);
  for (; d < head_dim; d += 16)
    Cache::template mix<N, 1>(tile, head_dim, keys, d, Vec::first(head_dim - d), items, first);
}

// The items that see a tile follow each other: those before ended earlier, those after begin later.
template <class Cache>
void visit_active(const NativeTile& tile, const uint8_t* next, int head_dim, int base,
                  NativeItems& items, int count) {
  int first = 0, last = count;
  while (items.position[first] < base) ++first;
  while (items.oldest[last - 1] >= base + kKvBlockTokens) --last;
  switch (last - first) {
    case 1:
      return visit_native<Cache, 1>(tile, next, head_dim, base, items, first);
    case 2:
      return visit_native<Cache, 2>(tile, next, head_dim, base, items, first);
    case 3:
      return visit_native<Cache, 3>(tile, next, head_dim, base, items, first);
    case 4:
      return visit_native<Cache, 4>(tile, next, head_dim, base, items, first);
    case 5:
      return visit_native<Cache, 5>(tile, next, head_dim, base, items, first);
    case 6:
      return visit_native<Cache, 6>(tile, next, head_dim, base, items, first);
    case 7:
      return visit_native<Cache, 7>(tile, next, head_dim, base, items, first);
    case 8:
      return visit_native<Cache, 8>(tile, next, head_dim, base, items, first);
  }
}

template <class Cache>
void native_items(const Attention& a, int kv_head, int begin, int count) {
  constexpr float kLog2E = 0x1.715476p0f;
  const int per_kv = a.heads / a.kv_heads;
  NativeItems items;
  for (int i = 0; i < count; ++i) {
    Cache::prepare(a.q + item_offset(a, kv_head, begin + i, a.q_stride), a.head_dim,
                   a.scale * kLog2E, items, i);
    items.position[i] = a.q0 + (begin + i) / per_kv;
    const int oldest = items.position[i] - a.window + 1;
    items.oldest[i] = a.window > 0 && oldest > 0 ? oldest : 0;
  }
  const auto clear = [&] {
    for (int i = 0; i < count; ++i) {
      for (int d = 0; d < a.head_dim; d += 16)
        _mm512_store_ps(items.out[i] + d, _mm512_setzero_ps());
      items.peak[i] = kMasked;
      items.total[i] = 0;
    }
  };
  TileLoader<Cache> loader;
  const int64_t head_at = kv_head * kv_head_bytes(a.type, a.head_dim);
  const int latest = items.position[count - 1];
  visit_spans<kNativeItems>(a, kv_head, begin, count, items, clear, [&](int from, int to) {
    for (int base = from / kKvBlockTokens * kKvBlockTokens; base <= to; base += kKvBlockTokens) {
      const uint8_t* head = static_cast<const uint8_t*>(a.blocks[base / kKvBlockTokens]) + head_at;
      const int keys = smaller(latest - base + 1, kKvBlockTokens);
      const NativeTile tile = loader.load(a, head, keys);
      const uint8_t* next = tile.k;
      if (base + kKvBlockTokens <= to)
        next = static_cast<const uint8_t*>(a.blocks[base / kKvBlockTokens + 1]) + head_at;
      visit_active<Cache>(tile, next, a.head_dim, base, items, count);
    }
  });
}

// False: not a type this file knows.
bool native_attention(const Attention& a) {
  if (!native_type(a.type)) return false;
  const int all = a.n * (a.heads / a.kv_heads);
  for (int kv_head = a.kv_head_begin; kv_head < a.kv_head_end; ++kv_head) {
    for (int begin = 0; begin < all; begin += kNativeItems) {
      const int count = smaller(kNativeItems, all - begin);
      if (a.type == KvType::f16)
        native_items<F16Cache>(a, kv_head, begin, count);
      else if (a.type == KvType::bf16)
        native_items<Bf16Cache>(a, kv_head, begin, count);
      else if (a.type == KvType::int8)
        native_items<Int8Cache>(a, kv_head, begin, count);
      else
        native_items<Int4Cache>(a, kv_head, begin, count);
    }
  }
  return true;
}
