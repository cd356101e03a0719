// Attention over the paged cache. The unit of work is an item: one query position and one query
// head. Items of one kv head are handled up to kMaxItems at a time so that a K or V vector is
// loaded (and widened) once for all. Each item sees the tiles of 32 keys in order of absolute
// position, with one fixed chain of operations a tile, whoever shares the load: its result does
// not depend on the batch or on how the prompt was cut.
constexpr int kMaxItems = Vec::width == 16 ? 8 : 4;

struct Items {
  alignas(64) float q[kMaxHeadDim][kMaxItems];  // scaled
  alignas(64) float p[kMaxItems][kKvBlockTokens];
  alignas(64) float out[kMaxItems][kMaxHeadDim];
  float peak[kMaxItems];
  float total[kMaxItems];
  float decay[kMaxItems];  // what the tile's new peak leaves of the older sums
  int position[kMaxItems];
  int oldest[kMaxItems];  // the first key the item sees
};

// Where the tiles of one kv head are: K [D][32], then V [32][D].
template <class Element>
struct PlainTiles {
  const Attention& a;
  int64_t head_at;

  PlainTiles(const Attention& a, int kv_head)
      : a(a), head_at(int64_t{2} * kv_head * a.head_dim * kKvBlockTokens) {}
  const Element* load(int block) const {
    return static_cast<const Element*>(a.blocks[block]) + head_at;
  }
  // The tile after it, to be asked for early.
  const Element* ahead(int block) const { return load(block); }
};

// The same of a type without arithmetic of its own: each tile is turned into floats first.
struct UnpackedTiles {
  const Attention& a;
  int kv_head;
  float* tile;  // [2 * D * 32]

  const float* load(int block) const {
    unpack_head(
        a.type,
        static_cast<const uint8_t*>(a.blocks[block]) + kv_head * kv_head_bytes(a.type, a.head_dim),
        a.head_dim, tile);
    return tile;
  }
  const float* ahead(int) const { return tile; }
};

Vec load_kv(const float* p) { return Vec::load(p); }
Vec load_kv(const uint16_t* p) { return Vec::load_half(p); }
Vec load_kv(const float* p, int n) { return Vec::load(p, n); }
Vec load_kv(const uint16_t* p, int n) { return Vec::load_half(p, n); }

// Asks for row d of a coming K tile and for the bytes as far into the V tile behind it. Blocks lie
// anywhere in memory, so the hardware cannot guess the next one: with this a lone query reads a
// cold cache about twice as fast.
template <class Element>
void prefetch_rows(const Element* k, int head_dim, int d) {
  const char* row = reinterpret_cast<const char*>(k + d * kKvBlockTokens);
  const char* ahead = row + int64_t{head_dim} * kKvBlockTokens * int64_t{sizeof(Element)};
  for (int line = 0; line < kKvBlockTokens * int(sizeof(Element)); line += 64) {
    prefetch(row + line);
    prefetch(ahead + line);
  }
}

// p[item, key] = q . k over one tile. k: [D][32]; next: the tile after it.
template <int N, class Element>
void score(const Element* k, const Element* next, int head_dim, Items& items, int first) {
  for (int key = 0; key < kKvBlockTokens; key += 2 * Vec::width) {
    Vec low[N], high[N];
    for (int i = 0; i < N; ++i) low[i] = high[i] = Vec::zero();
    for (int d = 0; d < head_dim; ++d) {
      if (key == 0) prefetch_rows(next, head_dim, d);
      const Vec k_low = load_kv(k + d * kKvBlockTokens + key);
      const Vec k_high = load_kv(k + d * kKvBlockTokens + key + Vec::width);
#pragma GCC unroll 8
      for (int i = 0; i < N; ++i) {
        const Vec q = Vec::set(items.q[d][first + i]);
        low[i] = fma(q, k_low, low[i]);
        high[i] = fma(q, k_high, high[i]);
      }
    }
    for (int i = 0; i < N; ++i) {
      low[i].store(&items.p[first + i][key]);
      high[i].store(&items.p[first + i][key + Vec::width]);
    }
  }
}

// Turns one item's scores into weights relative to the greatest score so far. Keys before
// `hidden` and from `valid` on are masked out.
void soften(Items& items, int i, int hidden, int valid) {
  float* p = items.p[i];
  for (int key = 0; key < hidden; ++key) p[key] = -__builtin_inff();
  for (int key = valid; key < kKvBlockTokens; ++key) p[key] = -__builtin_inff();
  Vec peaks = Vec::set(items.peak[i]);
  for (int key = 0; key < kKvBlockTokens; key += Vec::width)
    peaks = greater(Vec::load(p + key), peaks);
  const float peak = max_lane(peaks);
  items.decay[i] = max_lane(exp(Vec::set(items.peak[i] - peak)));  // all lanes are equal
  Vec total = Vec::zero();
  for (int key = 0; key < kKvBlockTokens; key += Vec::width) {
    const Vec weight = exp(Vec::load(p + key) - Vec::set(peak));
    weight.store(p + key);
    total = total + weight;
  }
  items.total[i] = items.total[i] * items.decay[i] + sum(total);
  items.peak[i] = peak;
}

// out[item, d..d+C*width) = out * decay + sum over keys [from, to) of p * V. v: [32][D].
template <int N, int C, class Element>
void mix_columns(const Element* v, int head_dim, int from, int to, int d, int n, Items& items,
                 int first) {
  Vec acc[N][C];
  for (int i = 0; i < N; ++i)
    for (int c = 0; c < C; ++c)
      acc[i][c] = Vec::load(&items.out[first + i][d + c * Vec::width], n) *
                  Vec::set(items.decay[first + i]);
  for (int key = from; key < to; ++key) {
    const Element* row = v + key * head_dim + d;
    Vec value[C];
    if constexpr (C == 1)
      value[0] = load_kv(row, n);
    else
      for (int c = 0; c < C; ++c) value[c] = load_kv(row + c * Vec::width);
#pragma GCC unroll 8
    for (int i = 0; i < N; ++i) {
      const Vec weight = Vec::set(items.p[first + i][key]);
      for (int c = 0; c < C; ++c) acc[i][c] = fma(weight, value[c], acc[i][c]);
    }
  }
  for (int i = 0; i < N; ++i)
    for (int c = 0; c < C; ++c) acc[i][c].store(&items.out[first + i][d + c * Vec::width], n);
}

template <int N, class Element>
void mix(const Element* v, int head_dim, int from, int to, Items& items, int first) {
  int d = 0;
  for (; d + 2 * Vec::width <= head_dim; d += 2 * Vec::width)
    mix_columns<N, 2>(v, head_dim, from, to, d, Vec::width, items, first);
  for (; d < head_dim; d += Vec::width)
    mix_columns<N, 1>(v, head_dim, from, to, d, head_dim - d, items, first);
}

// The tile of keys base..base+31 for items [first, first + N), each with one valid key at least.
// On the diagonal the items have different numbers of valid keys: the common ones are mixed
// together, the rest item by item. Stopping in between changes no bit: the sums are stored as they
// are and go on with a decay of 1.
template <int N, class Element>
void visit_tile(const Element* k, const Element* next, int head_dim, int base, Items& items,
                int first) {
  score<N>(k, next, head_dim, items, first);
  int valid[N], common = kKvBlockTokens;
  for (int i = 0; i < N; ++i) {
    valid[i] = smaller(items.position[first + i] - base + 1, kKvBlockTokens);
    common = smaller(common, valid[i]);
    soften(items, first + i, items.oldest[first + i] - base, valid[i]);
  }
  const Element* v = k + int64_t{head_dim} * kKvBlockTokens;
  mix<N>(v, head_dim, 0, common, items, first);
  for (int i = 0; i < N; ++i) {
    if (valid[i] == common) continue;
    items.decay[first + i] = 1;
    mix<1>(v, head_dim, common, valid[i], items, first + i);
  }
}

// Keys of positions [from, to].
template <int N, class Tiles>
void visit_tiles(const Attention& a, const Tiles& tiles, Items& items, int from, int to) {
  const int earliest = items.position[0];
  const int begin = from / kKvBlockTokens * kKvBlockTokens;
  for (int base = begin; base <= to; base += kKvBlockTokens) {
    const auto* k = tiles.load(base / kKvBlockTokens);
    const auto* next = base + kKvBlockTokens <= to ? tiles.ahead(base / kKvBlockTokens + 1) : k;
    const int end = base + kKvBlockTokens;
    if (earliest >= base && items.oldest[N - 1] < end) {
      visit_tile<N>(k, next, a.head_dim, base, items, 0);
    } else {  // some items ended in the tile before, or begin in one to come
      for (int i = 0; i < N; ++i)
        if (items.position[i] >= base && items.oldest[i] < end)
          visit_tile<1>(k, next, a.head_dim, base, items, i);
    }
  }
}

template <class Tiles>
void run_items(const Attention& a, const Tiles& tiles, Items& items, int count, int from, int to) {
  switch (count) {
    case 1:
      return visit_tiles<1>(a, tiles, items, from, to);
    case 2:
      return visit_tiles<2>(a, tiles, items, from, to);
    case 3:
      return visit_tiles<3>(a, tiles, items, from, to);
    case 4:
      return visit_tiles<4>(a, tiles, items, from, to);
  }
  if constexpr (kMaxItems > 4) {
    switch (count) {
      case 5:
        return visit_tiles<5>(a, tiles, items, from, to);
      case 6:
        return visit_tiles<6>(a, tiles, items, from, to);
      case 7:
        return visit_tiles<7>(a, tiles, items, from, to);
      case 8:
        return visit_tiles<8>(a, tiles, items, from, to);
    }
  }
}

void attention(const Attention& a) {
  if (native_attention(a)) return;
  Items items;
  alignas(64) float unpacked[2 * kMaxHeadDim * kKvBlockTokens];
  const int per_kv = a.heads / a.kv_heads, all = a.n * per_kv;
  for (int kv_head = a.kv_head_begin; kv_head < a.kv_head_end; ++kv_head) {
    for (int begin = 0; begin < all; begin += kMaxItems) {
      const int count = smaller(kMaxItems, all - begin);
      for (int i = 0; i < count; ++i) {
        const float* q = a.q + item_offset(a, kv_head, begin + i, a.q_stride);
        for (int d = 0; d < a.head_dim; ++d) items.q[d][i] = q[d] * a.scale;
        items.position[i] = a.q0 + (begin + i) / per_kv;
        const int oldest = items.position[i] - a.window + 1;
        items.oldest[i] = a.window > 0 && oldest > 0 ? oldest : 0;
      }
      const auto clear = [&] {
        for (int i = 0; i < count; ++i) {
          for (int d = 0; d < a.head_dim; ++d) items.out[i][d] = 0;
          items.peak[i] = -__builtin_inff();
          items.total[i] = 0;
        }
      };
      visit_spans<kMaxItems>(a, kv_head, begin, count, items, clear, [&](int from, int to) {
        if (a.type == KvType::f32)
          run_items(a, PlainTiles<float>(a, kv_head), items, count, from, to);
        else if (a.type == KvType::f16)
          run_items(a, PlainTiles<uint16_t>(a, kv_head), items, count, from, to);
        else
          run_items(a, UnpackedTiles{a, kv_head, unpacked}, items, count, from, to);
      });
    }
  }
}
