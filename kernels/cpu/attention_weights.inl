// The softmax of attention for its own sake: scores of all keys, then weights, in f32 whatever the
// cache's type.

// The keys of one tile as floats, [D][32]; room: for types that must be unpacked.
const float* tile_keys(const AttentionWeights& a, int block, float* room) {
  const auto* head =
      static_cast<const uint8_t*>(a.blocks[block]) + a.kv_head * kv_head_bytes(a.type, a.head_dim);
  if (a.type == KvType::f32) return reinterpret_cast<const float*>(head);
  if (a.type == KvType::f16) {
    const auto* k = reinterpret_cast<const uint16_t*>(head);
    for (int i = 0; i < a.head_dim * kKvBlockTokens; i += Vec::width)
      Vec::load_half(k + i).store(room + i);
  } else {
    unpack_head(a.type, head, a.head_dim, room);
  }
  return room;
}

void softmax_row(float* x, int n) {
  const Vec peak = Vec::set(max_of(x, n));
  Vec total = Vec::zero();
  for (int i = 0; i < n; i += Vec::width) {
    const Vec weight = exp(Vec::load_or(x + i, n - i, -__builtin_inff()) - peak);
    weight.store(x + i, n - i);
    total = total + weight;
  }
  const Vec share = Vec::set(1.0f / sum(total));
  for (int i = 0; i < n; i += Vec::width) (Vec::load(x + i, n - i) * share).store(x + i, n - i);
}

void attention_weights(const AttentionWeights& a) {
  alignas(64) float room[2 * kMaxHeadDim * kKvBlockTokens];
  for (int base = 0; base < a.keys; base += kKvBlockTokens) {
    const float* k = tile_keys(a, base / kKvBlockTokens, room);
    const int keys = smaller(a.keys - base, kKvBlockTokens);
    for (int i = 0; i < a.n; ++i) {
      const float* q = a.q + i * a.q_stride;
      for (int key = 0; key < keys; key += Vec::width) {
        Vec score = Vec::zero();
        for (int d = 0; d < a.head_dim; ++d)
          score = fma(Vec::set(q[d] * a.scale), Vec::load(k + d * kKvBlockTokens + key), score);
        score.store(a.out + i * a.out_stride + base + key, keys - key);
      }
    }
  }
  for (int i = 0; i < a.n && a.keys > 0; ++i) softmax_row(a.out + i * a.out_stride, a.keys);
}
