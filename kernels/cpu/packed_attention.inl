// Attention of packed sequences: both products are tiles of dense.inl, with the keys and the values
// of a head packed as panels of weights. A tile of queries meets the keys in blocks of position,
// and its sums are rescaled when a block brings a greater score (online softmax, Milakov and
// Gimelshein 2018). What a query does not see has a weight of exactly 0, so it matters to no bit
// which queries share a tile.
constexpr int kKeyBlock = 256;
constexpr float kLog2E = 0x1.715476p0f;
constexpr float kHidden = -1e30f;  // below any real score; its power of two is 0

int64_t dense_panel_count(int64_t n) { return (n + kDensePanel - 1) / kDensePanel; }

// Type of the products, and of what they read.
template <DenseType type>
constexpr int kElementBytes = type == DenseType::bf16 ? 2 : 4;

// The keys [keys][D] of one head as panels of 32 keys, the values as panels of 32 dimensions; both
// padded with zeros.
struct HeadPanels {
  uint8_t* keys;
  uint8_t* values;
  int64_t key_panel_bytes;    // 32 keys, all D
  int64_t value_panel_bytes;  // 32 dimensions, all keys
};

template <DenseType type>
HeadPanels head_panels(const PackedAttention& a) {
  const int64_t panels = dense_panel_count(a.length);
  HeadPanels head;
  head.key_panel_bytes = dense_steps(type, a.head_dim) * kDenseStepBytes;
  head.value_panel_bytes = dense_steps(type, panels * kDensePanel) * kDenseStepBytes;
  head.keys = static_cast<uint8_t*>(a.scratch);
  head.values = head.keys + panels * head.key_panel_bytes;
  return head;
}

// Keys [j, j + 16) of a head: their prepared rows are turned so that the same step of all stands
// together.
template <DenseType type>
void pack_keys(const PackedAttention& a, int64_t j, int64_t at, uint8_t* panel) {
  constexpr int kWords = kMaxHeadDim * kElementBytes<type> / 4;
  alignas(64) uint32_t rows[16][kWords];
  const int words = int(dense_steps(type, a.head_dim));
  for (int i = 0; i < 16; ++i) {
    if (j + i < a.length)
      prepare_row(a.k + (a.begin + j + i) * a.k_stride + at, a.head_dim, type,
                  reinterpret_cast<uint8_t*>(rows[i]));
    else
      __builtin_memset(rows[i], 0, std::size_t(words) * 4);
  }
  for (int word = 0; word < words; word += 16)
    turn_words(rows[0] + word, kWords, smaller(words - word, 16), panel + word * kDenseStepBytes);
}

// Values of keys j and j + 1 (bf16) or of key j (f32): one step of every panel of dimensions.
template <DenseType type>
void pack_values(const PackedAttention& a, int64_t j, int64_t at, const HeadPanels& head) {
  const float* v = a.v + (a.begin + j) * a.v_stride + at;
  uint8_t* step = head.values + j * kElementBytes<type> / 4 * kDenseStepBytes;
  for (int d = 0; d < a.head_dim; d += kDensePanel, step += head.value_panel_bytes) {
    for (int i = 0; i < kDensePanel; i += Vec::width) {
      const int n = lanes_below(d + i, a.head_dim, Vec::width);
      const Vec first = Vec::load(v + d + i, n);
      if constexpr (type == DenseType::f32) {
        first.store(reinterpret_cast<float*>(step) + i);
      } else {
        const bool pair = j + 1 < a.length;
        const Vec second = pair ? Vec::load(v + a.v_stride + d + i, n) : Vec::zero();
        store_brain_pairs(first, second, reinterpret_cast<uint32_t*>(step) + i);
      }
    }
  }
}

template <DenseType type>
void pack_head(const PackedAttention& a, int kv_head, const HeadPanels& head) {
  const int64_t at = int64_t{kv_head} * a.head_dim;
  const int64_t padded = dense_panel_count(a.length) * kDensePanel;
  for (int64_t j = 0; j < padded; j += 16)
    pack_keys<type>(a, j, at, head.keys + j / kDensePanel * head.key_panel_bytes + j % 32 * 4);
  constexpr int keys = 4 / kElementBytes<type>;
  int64_t j = 0;
  for (; j < a.length; j += keys) pack_values<type>(a, j, at, head);
  const int64_t left_bytes = (padded - j) * kElementBytes<type> / 4 * kDenseStepBytes;
  for (int64_t panel = 0; panel < dense_panel_count(a.head_dim); ++panel)
    __builtin_memset(head.values + panel * head.value_panel_bytes +
                         j * kElementBytes<type> / 4 * kDenseStepBytes,
                     0, std::size_t(left_bytes));
}

// Queries [first, first + rows) of one head.
template <DenseType type>
struct QueryTile {
  static constexpr int row_bytes = kMaxHeadDim * kElementBytes<type>;
  alignas(64) uint8_t q[kTileRows][row_bytes];       // scaled, prepared
  alignas(64) float score[kTileRows][kKeyBlock];     // in powers of two; f32: then the weights
  alignas(64) uint16_t brain[kTileRows][kKeyBlock];  // bf16: the weights
  alignas(64) float out[kTileRows][kMaxHeadDim];
  alignas(64) float total[kTileRows][Vec::width];  // lane sums
  // Over the blocks so far and up to the last one; padded to whole vectors.
  alignas(64) float peak[16], old_peak[16], decay[16];
  int first, rows;

  const uint8_t* weights() const {
    return reinterpret_cast<const uint8_t*>(
        type == DenseType::bf16 ? static_cast<const void*>(brain) : score);
  }
};

// out [N][32] = x W of one panel.
template <DenseType type, int N>
void panel_sums(const uint8_t* w, const uint8_t* x, std::size_t stride, int64_t steps, float* out,
                int64_t out_stride) {
  for (int at = 0; at < kDensePanel; at += kTileCols) {
    Vec sum[N][kTileVecs];
    tile<type, N>(w + at * 4, x, stride, steps, sum);
#pragma GCC unroll 12
    for (int t = 0; t < N; ++t)
      for (int v = 0; v < kTileVecs; ++v)
        sum[t][v].store(out + t * out_stride + at + v * Vec::width);
  }
}

template <DenseType type, int N = kTileRows>
void panel_sums(int rows, const uint8_t* w, const uint8_t* x, std::size_t stride, int64_t steps,
                float* out, int64_t out_stride) {
  if (rows == N) return panel_sums<type, N>(w, x, stride, steps, out, out_stride);
  if constexpr (N > 1) panel_sums<type, N - 1>(rows, w, x, stride, steps, out, out_stride);
}

struct Range {
  int begin, end;
};

// The keys query i sees; grows in both ends with i.
Range visible(const PackedAttention& a, int i) {
  Range r{0, a.length};
  if (a.window > 0) {
    if (i > a.window) r.begin = i - a.window;
    if (a.window < a.length - 1 - i) r.end = i + a.window + 1;
  }
  if (a.causal) r.end = i + 1;
  return r;
}

// A block of keys as one row of a tile sees it: keys [low, high) of those at [begin, end), all
// relative to the block's first.
struct RowKeys {
  int begin, low, high, end;
};

RowKeys row_keys(const PackedAttention& a, int base, Range keys, int query) {
  const Range sees = visible(a, query);
  const int low = sees.begin - base, high = sees.end - base;
  return {keys.begin, low > keys.begin ? low : keys.begin, high < keys.end ? high : keys.end,
          keys.end};
}

// The greatest score of row t so far; adds the bias.
template <DenseType type>
void raise_peak(const PackedAttention& a, int h, int base, RowKeys keys, int t,
                QueryTile<type>& tile_) {
  float* score = tile_.score[t];
  if (a.bias != nullptr) {
    const float* bias = a.bias + h * a.bias_stride + a.bias_zero + base - (tile_.first + t);
    for (int j = keys.low; j < keys.high; j += Vec::width) {
      const int n = keys.high - j;
      fma(Vec::load(bias + j, n), Vec::set(kLog2E), Vec::load(score + j, n)).store(score + j, n);
    }
  }
  Vec peaks = Vec::set(tile_.peak[t]);
  int j = keys.low;
  for (; j + Vec::width <= keys.high; j += Vec::width) peaks = greater(Vec::load(score + j), peaks);
  if (j < keys.high) peaks = greater(Vec::load_or(score + j, keys.high - j, kHidden), peaks);
  tile_.old_peak[t] = tile_.peak[t];
  tile_.peak[t] = max_lane(peaks);
}

// Scores of row t to weights. What it does not see becomes 0.
template <DenseType type>
void soften(RowKeys keys, int t, QueryTile<type>& tile_) {
  float* score = tile_.score[t];
  const auto put = [&](Vec w, int j, int n) {
    if constexpr (type == DenseType::bf16)
      n < Vec::width ? w.store_brain(tile_.brain[t] + j, n) : w.store_brain(tile_.brain[t] + j);
    else
      w.store(score + j, n);
  };
  const auto power = [](Vec x) {
    if constexpr (type == DenseType::bf16)
      return exp2_below_coarse(x);
    else
      return exp2_below(x);
  };
  const int low = keys.low < keys.high ? keys.low : keys.end, high = keys.high;
  for (int j = keys.begin; j < low; j += Vec::width) put(Vec::zero(), j, low - j);
  const Vec peak = Vec::set(tile_.peak[t]);
  Vec total = Vec::load(tile_.total[t]) * Vec::set(tile_.decay[t]);
  int j = low;
  if constexpr (type == DenseType::bf16) {  // two vectors are rounded and stored as one
    for (; j + 2 * Vec::width <= high; j += 2 * Vec::width) {
      const Vec first = power(Vec::load(score + j) - peak);
      const Vec second = power(Vec::load(score + j + Vec::width) - peak);
      total = total + (first + second);
      store_brain(first, second, tile_.brain[t] + j);
    }
  }
  for (; j < high; j += Vec::width) {  // the lanes past it become 0
    const int n = smaller(high - j, Vec::width);
    const Vec w = power(load_lanes(score + j, n, kHidden) - peak);
    total = total + w;
    put(w, j, keys.end - j);
  }
  for (; j < keys.end; j += Vec::width) put(Vec::zero(), j, keys.end - j);
  total.store(tile_.total[t]);
}

// out = out * decay + weights x values.
template <DenseType type>
void mix(const PackedAttention& a, const HeadPanels& head, int base, Range panel,
         QueryTile<type>& tile_) {
  constexpr int element = kElementBytes<type>;
  const int64_t steps = (panel.end - panel.begin) * element / 4;
  const int64_t skip = int64_t{base + panel.begin} * element / 4 * kDenseStepBytes;
  alignas(64) float part[kTileRows][kDensePanel];
  for (int d = 0; d < a.head_dim; d += kDensePanel) {
    const uint8_t* values = head.values + d / kDensePanel * head.value_panel_bytes + skip;
    panel_sums<type>(tile_.rows, values, tile_.weights() + panel.begin * element,
                     kKeyBlock * element, steps, part[0], kDensePanel);
    for (int t = 0; t < tile_.rows; ++t) {
      for (int i = 0; i < kDensePanel; i += Vec::width) {
        float* out = tile_.out[t] + d + i;
        fma(Vec::load(out), Vec::set(tile_.decay[t]), Vec::load(part[t] + i)).store(out);
      }
    }
  }
}

template <DenseType type>
void attend(const PackedAttention& a, int h, const HeadPanels& head, int first, int rows) {
  QueryTile<type> tile_;
  tile_.first = first;
  tile_.rows = rows;
  alignas(64) float scaled[kMaxHeadDim];
  for (int t = 0; t < rows; ++t) {
    const float* q = a.q + (a.begin + first + t) * a.q_stride + int64_t{h} * a.head_dim;
    for (int d = 0; d < a.head_dim; d += Vec::width)
      (Vec::load(q + d, a.head_dim - d) * Vec::set(a.scale * kLog2E))
          .store(scaled + d, a.head_dim - d);
    prepare_row(scaled, a.head_dim, type, tile_.q[t]);
    for (int d = 0; d < a.head_dim; d += Vec::width) Vec::zero().store(tile_.out[t] + d);
    Vec::zero().store(tile_.total[t]);
  }
  for (int t = 0; t < 16; ++t) tile_.peak[t] = tile_.old_peak[t] = kHidden;
  const Range all{visible(a, first).begin, visible(a, first + rows - 1).end};
  for (int base = all.begin / kKeyBlock * kKeyBlock; base < all.end; base += kKeyBlock) {
    const int begin = all.begin > base ? (all.begin - base) / kDensePanel * kDensePanel : 0;
    const int end = smaller(kKeyBlock, int(dense_panel_count(all.end - base)) * kDensePanel);
    for (int j = begin; j < end; j += kDensePanel)
      panel_sums<type>(rows, head.keys + (base + j) / kDensePanel * head.key_panel_bytes,
                       tile_.q[0], QueryTile<type>::row_bytes, dense_steps(type, a.head_dim),
                       tile_.score[0] + j, kKeyBlock);
    for (int t = 0; t < rows; ++t)
      raise_peak<type>(a, h, base, row_keys(a, base, {begin, end}, first + t), t, tile_);
    for (int t = 0; t < 16; t += Vec::width)
      exp2_below(Vec::load(tile_.old_peak + t) - Vec::load(tile_.peak + t)).store(tile_.decay + t);
    for (int t = 0; t < rows; ++t)
      soften<type>(row_keys(a, base, {begin, end}, first + t), t, tile_);
    mix<type>(a, head, base, {begin, end}, tile_);
  }
  for (int t = 0; t < rows; ++t) {
    float* out = a.out + (a.begin + first + t) * a.out_stride + int64_t{h} * a.head_dim;
    const Vec inverse = Vec::set(1.0f / sum(Vec::load(tile_.total[t])));
    for (int d = 0; d < a.head_dim; d += Vec::width)
      (Vec::load(tile_.out[t] + d) * inverse).store(out + d, a.head_dim - d);
  }
}

// Calls pack(kv head) for each that the heads of the call read, then attend(head, first, rows) for
// tiles of its queries, of nearly equal height.
template <class Pack, class Attend>
void each_tile(const PackedAttention& a, Pack pack, Attend attend) {
  const int per_kv = a.heads / a.kv_heads, queries = a.query_end - a.query_begin;
  const int tiles = (queries + kTileRows - 1) / kTileRows;
  for (int h = a.head_begin; h < a.head_end; ++h) {
    if (h == a.head_begin || h % per_kv == 0) pack(h / per_kv);
    for (int i = 0; i < tiles; ++i) {
      const int first = int(int64_t{queries} * i / tiles);
      const int last = int(int64_t{queries} * (i + 1) / tiles);
      attend(h, a.query_begin + first, last - first);
    }
  }
}

template <DenseType type>
void packed_attention_of(const PackedAttention& a) {
  const HeadPanels head = head_panels<type>(a);
  each_tile(
      a, [&](int kv_head) { pack_head<type>(a, kv_head, head); },
      [&](int h, int first, int rows) { attend<type>(a, h, head, first, rows); });
}

// int8, and what is taken where it does not apply.
#if defined(__AVX512VNNI__)
#include "kernels/cpu/packed_attention_avx512.inl"
constexpr DenseType kBytesElse = DenseType::bf16;
#else
bool byte_attention(const PackedAttention&) { return false; }
constexpr DenseType kBytesElse = DenseType::f32;
#endif

void packed_attention(const PackedAttention& a) {
  if (a.query_begin >= a.query_end) return;
  DenseType type = a.type;
  if (type == DenseType::int8) {
    if (byte_attention(a)) return;
    type = kBytesElse;
  }
  type == DenseType::bf16 ? packed_attention_of<DenseType::bf16>(a)
                          : packed_attention_of<DenseType::f32>(a);
}
