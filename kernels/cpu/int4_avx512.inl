// An int4 head of the cache to the bf16 layout, for the arithmetic of attention_avx512.inl.

// 16 elements minimum + step * nibble.
template <int kShift>
__m512 nibble_floats(__m128i bytes, const float* step, const float* minimum) {
  const __m512i wide = _mm512_srli_epi32(_mm512_cvtepu8_epi32(bytes), kShift);
  const __m512 q = _mm512_cvtepi32_ps(_mm512_and_si512(wide, _mm512_set1_epi32(15)));
  return _mm512_fmadd_ps(q, _mm512_loadu_ps(step), _mm512_loadu_ps(minimum));
}

// [16][2] bf16 from two vectors of floats.
__m512i bf16_pairs(__m512 first, __m512 second) {
  const __m512i low = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(first));
  const __m512i high = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(second));
  return _mm512_or_si512(low, _mm512_slli_epi32(high, 16));
}

// Steps and minima of one slot of the values, a float a dimension.
struct SlotSteps {
  alignas(64) float step[kMaxHeadDim + 32], minimum[kMaxHeadDim + 32];

  void load(const uint16_t* steps, int runs, int slot) {
    for (int run = 0; run < runs; ++run) {
      const __m512 s = _mm512_set1_ps(f16_to_f32(steps[run * 2 * kKvBlockTokens + slot]));
      const __m512 m = _mm512_set1_ps(f16_to_f32(steps[(run * 2 + 1) * kKvBlockTokens + slot]));
      for (int half = 0; half < kKvRunDims; half += 16) {
        _mm512_store_ps(step + run * kKvRunDims + half, s);
        _mm512_store_ps(minimum + run * kKvRunDims + half, m);
      }
    }
  }
};

// Rows d and d + 1 of the keys: their low nibbles are one row of pairs, their high ones another.
void int4_keys_to_bf16(const uint8_t* k, const uint16_t* steps, int head_dim, uint8_t* out) {
  RunSteps low, high;
  const int half = head_dim / 2;
  for (int d = 0; d < half; d += 2) {
    if (d % kKvRunDims == 0) low.load(steps, d / kKvRunDims);
    if (d == 0 || (half + d) % kKvRunDims == 0) high.load(steps, (half + d) / kKvRunDims);
    const uint8_t* row = k + k_element(KvType::int4, head_dim, 0, d);
    for (int slot = 0; slot < kKvBlockTokens; slot += 16) {
      const __m128i even = _mm_loadu_si128(reinterpret_cast<const __m128i*>(row + slot));
      const __m128i odd =
          _mm_loadu_si128(reinterpret_cast<const __m128i*>(row + kKvBlockTokens + slot));
      const float *step = low.step + slot, *minimum = low.minimum + slot;
      _mm512_store_si512(out + d * 64 + slot * 4, bf16_pairs(nibble_floats<0>(even, step, minimum),
                                                             nibble_floats<0>(odd, step, minimum)));
      step = high.step + slot;
      minimum = high.minimum + slot;
      _mm512_store_si512(
          out + (half + d) * 64 + slot * 4,
          bf16_pairs(nibble_floats<4>(even, step, minimum), nibble_floats<4>(odd, step, minimum)));
    }
  }
}

// Only slots below `slots`, an even number, are converted: the others are not looked at.
void int4_values_to_bf16(const uint8_t* v, const uint16_t* steps, int head_dim, int slots,
                         uint8_t* out) {
  SlotSteps even, odd;
  const int half = head_dim / 2;
  for (int slot = 0; slot < slots; slot += 2) {
    even.load(steps, kv_runs(head_dim), slot);
    odd.load(steps, kv_runs(head_dim), slot + 1);
    const uint8_t* row = v + int64_t{slot} * half;
    uint8_t* pairs = out + int64_t{slot} * head_dim * 2;
    for (int d = 0; d < half; d += 16) {
      const __mmask16 lanes = Vec::first(half - d);
      const __m128i first = _mm_maskz_loadu_epi8(lanes, row + d);
      const __m128i second = _mm_maskz_loadu_epi8(lanes, row + half + d);
      _mm512_mask_storeu_epi32(pairs + d * 4, lanes,
                               bf16_pairs(nibble_floats<0>(first, even.step + d, even.minimum + d),
                                          nibble_floats<0>(second, odd.step + d, odd.minimum + d)));
      const int at = half + d;
      _mm512_mask_storeu_epi32(
          pairs + at * 4, lanes,
          bf16_pairs(nibble_floats<4>(first, even.step + at, even.minimum + at),
                     nibble_floats<4>(second, odd.step + at, odd.minimum + at)));
    }
  }
}
