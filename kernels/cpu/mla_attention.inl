// Attention over the latent cache. The unit of work is an item: one query position and one head.
// Every item sees the tiles of 32 keys in order of absolute position, with one fixed chain of
// operations a tile, whoever shares the loads with it: its result does not depend on the batch or
// on how the prompt was cut. The output row itself holds the running sum.
constexpr int kMlaItems = Vec::width == 16 ? 8 : 4;  // share each load of a cached row
constexpr int kMlaKeys = 2;                          // cached rows scored at once
// Items that visit a tile one after the other while it stays in the second-level cache.
constexpr int kMlaBatch = 32;

struct MlaItem {
  const float* q;  // [C + P]
  float* out;      // [C]
  int position;
  float peak;   // greatest score so far
  float total;  // of the weights so far, relative to the peak
  float decay;  // what the tile's new peak leaves of the older sums
};

struct MlaTile {
  int width;  // C + P
  int rank;   // C
  int base;   // position of its first key
  float scale;
};

Vec load_latent(const float* p) { return Vec::load(p); }
Vec load_latent(const uint16_t* p) { return Vec::load_half(p); }
Vec load_latent(const float* p, int n) { return Vec::load(p, n); }
Vec load_latent(const uint16_t* p, int n) { return Vec::load_half(p, n); }

// p[item][key] = scale * q . row over one tile. rows: [32][C + P].
template <int N, class Element>
void mla_score(const MlaTile& tile, const Element* rows, const MlaItem* items,
               float (*p)[kKvBlockTokens]) {
  for (int key = 0; key < kKvBlockTokens; key += kMlaKeys) {
    const Element* row[kMlaKeys];
    for (int k = 0; k < kMlaKeys; ++k) row[k] = rows + int64_t{key + k} * tile.width;
    Vec score[N][kMlaKeys];
    for (int i = 0; i < N; ++i)
      for (int k = 0; k < kMlaKeys; ++k) score[i][k] = Vec::zero();
    int d = 0;
    for (; d + Vec::width <= tile.width; d += Vec::width) {
      Vec c[kMlaKeys];
      for (int k = 0; k < kMlaKeys; ++k) c[k] = load_latent(row[k] + d);
#pragma GCC unroll 8
      for (int i = 0; i < N; ++i) {
        const Vec q = Vec::load(items[i].q + d);
        for (int k = 0; k < kMlaKeys; ++k) score[i][k] = fma(q, c[k], score[i][k]);
      }
    }
    if (d < tile.width) {
      const int n = tile.width - d;
      for (int i = 0; i < N; ++i)
        for (int k = 0; k < kMlaKeys; ++k)
          score[i][k] = fma(Vec::load(items[i].q + d, n), load_latent(row[k] + d, n), score[i][k]);
    }
    for (int i = 0; i < N; ++i)
      for (int k = 0; k < kMlaKeys; ++k) p[i][key + k] = sum(score[i][k]) * tile.scale;
  }
}

// Turns one item's scores into weights relative to the greatest score so far. Keys from `valid`
// on are masked out.
void mla_soften(MlaItem& item, float* p, int valid) {
  for (int key = valid; key < kKvBlockTokens; ++key) p[key] = -__builtin_inff();
  Vec peaks = Vec::set(item.peak);
  for (int key = 0; key < kKvBlockTokens; key += Vec::width)
    peaks = greater(Vec::load(p + key), peaks);
  const float peak = max_lane(peaks);
  item.decay = max_lane(exp(Vec::set(item.peak - peak)));  // all lanes are equal
  Vec total = Vec::zero();
  for (int key = 0; key < kKvBlockTokens; key += Vec::width) {
    const Vec weight = exp(Vec::load(p + key) - Vec::set(peak));
    weight.store(p + key);
    total = total + weight;
  }
  item.total = item.total * item.decay + sum(total);
  item.peak = peak;
}

// out[item][d..d+V*width) = out * decay + sum over keys [from, to) of p * row.
template <int N, int V, class Element>
void mla_mix_columns(const MlaTile& tile, const Element* rows, int from, int to, int d, int n,
                     const MlaItem* items, const float (*p)[kKvBlockTokens]) {
  Vec acc[N][V];
  for (int i = 0; i < N; ++i)
    for (int v = 0; v < V; ++v)
      acc[i][v] = Vec::load(items[i].out + d + v * Vec::width, n) * Vec::set(items[i].decay);
  for (int key = from; key < to; ++key) {
    const Element* row = rows + int64_t{key} * tile.width + d;
    Vec c[V];
    if constexpr (V == 1)
      c[0] = load_latent(row, n);
    else
      for (int v = 0; v < V; ++v) c[v] = load_latent(row + v * Vec::width);
#pragma GCC unroll 8
    for (int i = 0; i < N; ++i) {
      const Vec weight = Vec::set(p[i][key]);
      for (int v = 0; v < V; ++v) acc[i][v] = fma(weight, c[v], acc[i][v]);
    }
  }
  for (int i = 0; i < N; ++i)
    for (int v = 0; v < V; ++v) acc[i][v].store(items[i].out + d + v * Vec::width, n);
}

template <int N, class Element>
void mla_mix(const MlaTile& tile, const Element* rows, int from, int to, const MlaItem* items,
             const float (*p)[kKvBlockTokens]) {
  int d = 0;
  for (; d + 2 * Vec::width <= tile.rank; d += 2 * Vec::width)
    mla_mix_columns<N, 2>(tile, rows, from, to, d, Vec::width, items, p);
  for (; d < tile.rank; d += Vec::width)
    mla_mix_columns<N, 1>(tile, rows, from, to, d, tile.rank - d, items, p);
}

// One tile for N items, each with one valid key at least. On the diagonal they have different
// numbers of valid keys: the common ones are mixed together, the rest item by item. Stopping in
// between changes no bit: the sums are stored as they are and go on with a decay of 1.
template <int N, class Element>
void mla_visit(const MlaTile& tile, const Element* rows, MlaItem* items) {
  alignas(64) float p[N][kKvBlockTokens];
  mla_score<N>(tile, rows, items, p);
  int valid[N], common = kKvBlockTokens;
  for (int i = 0; i < N; ++i) {
    valid[i] = smaller(items[i].position - tile.base + 1, kKvBlockTokens);
    common = smaller(common, valid[i]);
    mla_soften(items[i], p[i], valid[i]);
  }
  mla_mix<N>(tile, rows, 0, common, items, p);
  for (int i = 0; i < N; ++i) {
    if (valid[i] == common) continue;
    items[i].decay = 1;
    mla_mix<1>(tile, rows, common, valid[i], items + i, p + i);
  }
}

template <int N, class Element>
void mla_visit_some(const MlaTile& tile, const Element* rows, MlaItem* items, int count) {
  if (count == N) return mla_visit<N>(tile, rows, items);
  if constexpr (N > 1) mla_visit_some<N - 1>(tile, rows, items, count);
}

// The items' positions never fall.
template <class Element>
void mla_batch(const MlaAttention& a, MlaItem* items, int count) {
  const int latest = items[count - 1].position;
  for (int base = 0; base <= latest; base += kKvBlockTokens) {
    const MlaTile tile{a.rank + a.rope_dim, a.rank, base, a.scale};
    const Element* rows = static_cast<const Element*>(a.blocks[base / kKvBlockTokens]);
    int begin = 0;
    while (items[begin].position < base) ++begin;  // these ended in a tile before
    for (; begin < count; begin += kMlaItems)
      mla_visit_some<kMlaItems>(tile, rows, items + begin, smaller(kMlaItems, count - begin));
  }
}

void mla_attention(const MlaAttention& a) {
  MlaItem items[kMlaBatch];
  const int heads = a.head_end - a.head_begin, all = a.n * heads;
  for (int begin = 0; begin < all; begin += kMlaBatch) {
    const int count = smaller(kMlaBatch, all - begin);
    for (int i = 0; i < count; ++i) {
      const int query = (begin + i) / heads, head = a.head_begin + (begin + i) % heads;
      items[i] = {.q = a.q + query * a.q_stride + int64_t{head} * (a.rank + a.rope_dim),
                  .out = a.out + query * a.out_stride + int64_t{head} * a.rank,
                  .position = a.q0 + query,
                  .peak = -__builtin_inff(),
                  .total = 0,
                  .decay = 0};
      for (int d = 0; d < a.rank; ++d) items[i].out[d] = 0;
    }
    if (a.type == KvType::f32)
      mla_batch<float>(a, items, count);
    else
      mla_batch<uint16_t>(a, items, count);
    for (int i = 0; i < count; ++i) {
      const Vec inverse = Vec::set(1.0f / items[i].total);
      float* out = items[i].out;
      for (int d = 0; d < a.rank; d += Vec::width)
        (Vec::load(out + d, a.rank - d) * inverse).store(out + d, a.rank - d);
    }
  }
}

void mla_put(float* row, const float* x, int n) {
  for (int d = 0; d < n; ++d) row[d] = x[d];
}

void mla_put(uint16_t* row, const float* x, int n) {
  for (int d = 0; d < n; d += Vec::width) Vec::load(x + d, n - d).store_half(row + d, n - d);
}

template <class Element>
void mla_write_row(const MlaWrite& a) {
  Element* row = static_cast<Element*>(a.block) + int64_t{a.slot} * (a.rank + a.rope_dim);
  mla_put(row, a.latent, a.rank);
  mla_put(row + a.rank, a.key, a.rope_dim);
}

void mla_write(const MlaWrite& a) {
  if (a.type == KvType::f32)
    mla_write_row<float>(a);
  else
    mla_write_row<uint16_t>(a);
}
