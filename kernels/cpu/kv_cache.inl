// What every attention shares: which item is where, writing the KV cache, and turning a head's tile
// back into floats. kernels/kv_layout.h has the layouts.
constexpr int kMaxHeadDim = 256;

// Types attention_avx512.inl knows; its scores are powers of two.
bool native_type([[maybe_unused]] KvType type) {
#if defined(__AVX512BF16__)
  return type != KvType::f32;
#else
  return false;
#endif
}

// Items are numbered query-major: item = query * heads per kv head + head.
int64_t item_offset(const Attention& a, int kv_head, int item, int64_t stride) {
  const int per_kv = a.heads / a.kv_heads;
  return item / per_kv * stride + int64_t{kv_head * per_kv + item % per_kv} * a.head_dim;
}

template <class Store>
void write_halves(const float* x, int head_dim, const Store& store) {
  for (int d = 0; d < head_dim; d += Vec::width) {
    const int n = smaller(head_dim - d, Vec::width);
    uint16_t halves[Vec::width];
    Vec::load(x + d, n).store_half(halves, n);
    for (int i = 0; i < n; ++i) store(d + i, halves[i]);
  }
}

void write_f32(const KvWrite& a, const float* k, const float* v, uint8_t* head) {
  float* out = reinterpret_cast<float*>(head);
  for (int d = 0; d < a.head_dim; ++d) out[k_element(KvType::f32, a.head_dim, a.slot, d)] = k[d];
  out += int64_t{a.head_dim} * kKvBlockTokens;
  for (int d = 0; d < a.head_dim; ++d) out[v_element(KvType::f32, a.head_dim, a.slot, d)] = v[d];
}

void write_f16(const KvWrite& a, const float* k, const float* v, uint8_t* head) {
  uint16_t* out = reinterpret_cast<uint16_t*>(head);
  write_halves(k, a.head_dim, [&](int d, uint16_t half) {
    out[k_element(KvType::f16, a.head_dim, a.slot, d)] = half;
  });
  out += int64_t{a.head_dim} * kKvBlockTokens;
  write_halves(v, a.head_dim, [&](int d, uint16_t half) {
    out[v_element(KvType::f16, a.head_dim, a.slot, d)] = half;
  });
}

void write_bf16(const KvWrite& a, const float* k, const float* v, uint8_t* head) {
  uint16_t* out = reinterpret_cast<uint16_t*>(head);
  for (int d = 0; d < a.head_dim; ++d)
    out[k_element(KvType::bf16, a.head_dim, a.slot, d)] = f32_to_bf16(k[d]);
  out += int64_t{a.head_dim} * kKvBlockTokens;
  for (int d = 0; d < a.head_dim; ++d)
    out[v_element(KvType::bf16, a.head_dim, a.slot, d)] = f32_to_bf16(v[d]);
}

void kv_write(const KvWrite& a) {
  const int64_t side = kv_side_bytes(a.type, a.head_dim);
  for (int h = 0; h < a.kv_heads; ++h) {
    const float* k = a.k + int64_t{h} * a.head_dim;
    const float* v = a.v + int64_t{h} * a.head_dim;
    uint8_t* head = static_cast<uint8_t*>(a.block) + h * kv_head_bytes(a.type, a.head_dim);
    float* scales = reinterpret_cast<float*>(head + 2 * side);
    uint16_t* steps = reinterpret_cast<uint16_t*>(head + 2 * side);
    switch (a.type) {
      case KvType::f32:
        write_f32(a, k, v, head);
        break;
      case KvType::f16:
        write_f16(a, k, v, head);
        break;
      case KvType::bf16:
        write_bf16(a, k, v, head);
        break;
      case KvType::int8:
        write_int8<false>(k, a.head_dim, a.slot, head, scales);
        write_int8<true>(v, a.head_dim, a.slot, head + side, scales + kKvBlockTokens);
        break;
      case KvType::int4:
        write_int4<false>(k, a.head_dim, a.slot, head, steps);
        write_int4<true>(v, a.head_dim, a.slot, head + side,
                         steps + 2 * kv_runs(a.head_dim) * kKvBlockTokens);
        break;
    }
  }
}

// [n][2] bf16 to [2][n] floats.
void unpack_pairs(const uint16_t* __restrict pairs, int n, float* __restrict out) {
  for (int i = 0; i < n; ++i) {
    out[i] = bf16_to_f32(pairs[2 * i]);
    out[n + i] = bf16_to_f32(pairs[2 * i + 1]);
  }
}

void unpack_bf16(const uint8_t* head, int head_dim, float* tile) {
  const uint16_t* k = reinterpret_cast<const uint16_t*>(head);
  const uint16_t* v = k + int64_t{head_dim} * kKvBlockTokens;
  float* out = tile + int64_t{head_dim} * kKvBlockTokens;
  for (int pair = 0; pair < head_dim / 2; ++pair)
    unpack_pairs(k + pair * 2 * kKvBlockTokens, kKvBlockTokens, tile + pair * 2 * kKvBlockTokens);
  for (int pair = 0; pair < kKvBlockTokens / 2; ++pair)
    unpack_pairs(v + int64_t{2} * pair * head_dim, head_dim, out + 2 * pair * head_dim);
}

void unpack_int8(const uint8_t* head, int head_dim, float* tile) {
  const uint8_t* v = head + kv_side_bytes(KvType::int8, head_dim);
  const float* scales = reinterpret_cast<const float*>(v + kv_side_bytes(KvType::int8, head_dim));
  float* out = tile + int64_t{head_dim} * kKvBlockTokens;
  for (int d = 0; d < head_dim; ++d)
    for (int slot = 0; slot < kKvBlockTokens; ++slot)
      tile[d * kKvBlockTokens + slot] =
          scales[slot] * float(int(head[k_element(KvType::int8, head_dim, slot, d)]) - 128);
  for (int slot = 0; slot < kKvBlockTokens; ++slot)
    for (int d = 0; d < head_dim; ++d)
      out[slot * head_dim + d] = scales[kKvBlockTokens + slot] *
                                 float(int8_t(v[v_element(KvType::int8, head_dim, slot, d)]));
}

// n nibbles of `bytes`, the low or the high ones, as minimum + step * q.
template <int kShift>
void unpack_nibbles(const uint8_t* __restrict bytes, int n, const float* __restrict step,
                    const float* __restrict minimum, float* __restrict out) {
  for (int i = 0; i < n; ++i) out[i] = minimum[i] + step[i] * float(bytes[i] >> kShift & 15);
}

// Steps and minima of one run of the keys, a float a slot.
struct RunSteps {
  alignas(64) float step[kKvBlockTokens], minimum[kKvBlockTokens];

  void load(const uint16_t* steps, int run) {
    for (int slot = 0; slot < kKvBlockTokens; slot += Vec::width) {
      Vec::load_half(steps + run * 2 * kKvBlockTokens + slot).store(step + slot);
      Vec::load_half(steps + (run * 2 + 1) * kKvBlockTokens + slot).store(minimum + slot);
    }
  }
};

// Row r of the keys holds dimension r in its low nibbles and r + D/2 in its high ones.
void unpack_int4_keys(const uint8_t* k, const uint16_t* steps, int head_dim, float* tile) {
  RunSteps low, high;
  const int half = head_dim / 2;
  for (int d = 0; d < half; ++d) {
    if (d % kKvRunDims == 0) low.load(steps, d / kKvRunDims);
    if (d == 0 || (half + d) % kKvRunDims == 0) high.load(steps, (half + d) / kKvRunDims);
    const uint8_t* row = k + k_element(KvType::int4, head_dim, 0, d);
    unpack_nibbles<0>(row, kKvBlockTokens, low.step, low.minimum, tile + d * kKvBlockTokens);
    unpack_nibbles<4>(row, kKvBlockTokens, high.step, high.minimum,
                      tile + (half + d) * kKvBlockTokens);
  }
}

// The first half of a value's dimensions are low nibbles, the others high ones.
void unpack_int4_values(const uint8_t* v, const uint16_t* steps, int head_dim, float* out) {
  alignas(64) float step[kMaxHeadDim], minimum[kMaxHeadDim];
  const int half = head_dim / 2;
  for (int slot = 0; slot < kKvBlockTokens; ++slot, out += head_dim) {
    for (int d = 0; d < head_dim; ++d) {
      const uint16_t* run = steps + d / kKvRunDims * 2 * kKvBlockTokens + slot;
      if (d % kKvRunDims == 0) {
        step[d] = f16_to_f32(run[0]);
        minimum[d] = f16_to_f32(run[kKvBlockTokens]);
      } else {
        step[d] = step[d - 1];
        minimum[d] = minimum[d - 1];
      }
    }
    const uint8_t* row = v + v_element(KvType::int4, head_dim, slot, 0);
    unpack_nibbles<0>(row, half, step, minimum, out);
    unpack_nibbles<4>(row, half, step + half, minimum + half, out + half);
  }
}

// tile: K [D][32], then V [32][D].
void unpack_head(KvType type, const uint8_t* head, int head_dim, float* tile) {
  if (type == KvType::bf16) return unpack_bf16(head, head_dim, tile);
  if (type == KvType::int8) return unpack_int8(head, head_dim, tile);
  const uint8_t* v = head + kv_side_bytes(KvType::int4, head_dim);
  const uint16_t* steps =
      reinterpret_cast<const uint16_t*>(v + kv_side_bytes(KvType::int4, head_dim));
  unpack_int4_keys(head, steps, head_dim, tile);
  unpack_int4_values(v, steps + 2 * kv_runs(head_dim) * kKvBlockTokens, head_dim,
                     tile + int64_t{head_dim} * kKvBlockTokens);
}
