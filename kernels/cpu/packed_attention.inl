// Attention of packed sequences: both products are tiles of dense.inl, with the keys and the values
// of a head packed as panels of weights. A tile of queries meets the keys in blocks of position,
// and its sums are rescaled when a block brings a greater score (online softmax, Milakov and
// Gimelshein 2018). What a query does not see has a weight of exactly 0, so it matters to no bit
// which queries share a tile.
constexpr int kKeyBlock = 256;
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

template <DenseType type>
void put(uint8_t* panel, int64_t step_column, int at, float value) {
  if constexpr (type == DenseType::bf16) {
    const uint16_t half = f32_to_bf16(value);
    __builtin_memcpy(panel + step_column / 2 * kDenseStepBytes + at * 4 + step_column % 2 * 2,
                     &half, 2);
  } else {
    __builtin_memcpy(panel + step_column * kDenseStepBytes + at * 4, &value, 4);
  }
}

template <DenseType type>
void pack_head(const PackedAttention& a, int kv_head, const HeadPanels& head) {
  const int64_t panels = dense_panel_count(a.length), at = int64_t{kv_head} * a.head_dim;
  const int64_t value_panels = dense_panel_count(a.head_dim);
  __builtin_memset(head.keys, 0, std::size_t(panels * head.key_panel_bytes));
  __builtin_memset(head.values, 0, std::size_t(value_panels * head.value_panel_bytes));
  for (int64_t j = 0; j < a.length; ++j) {
    const float* k = a.k + (a.begin + j) * a.k_stride + at;
    const float* v = a.v + (a.begin + j) * a.v_stride + at;
    uint8_t* key_panel = head.keys + j / kDensePanel * head.key_panel_bytes;
    for (int d = 0; d < a.head_dim; ++d) {
      put<type>(key_panel, d, int(j % kDensePanel), k[d]);
      put<type>(head.values + d / kDensePanel * head.value_panel_bytes, j, d % kDensePanel, v[d]);
    }
  }
}

// Queries [first, first + rows) of one head.
template <DenseType type>
struct QueryTile {
  static constexpr int row_bytes = kMaxHeadDim * kElementBytes<type>;
  alignas(64) uint8_t q[kTileRows][row_bytes];       // scaled, prepared
  alignas(64) float score[kTileRows][kKeyBlock];     // in powers of two; f32: then the weights
  alignas(64) uint16_t brain[kTileRows][kKeyBlock];  // bf16: the weights
  alignas(64) float out[kTileRows][kMaxHeadDim];
  float peak[kTileRows], total[kTileRows], decay[kTileRows];
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

// Scores of row t over keys [base + begin, base + end) to weights; those outside `sees` become 0.
template <DenseType type>
void soften(const PackedAttention& a, int h, int base, Range panel, Range sees, int t,
            QueryTile<type>& tile_) {
  constexpr float kLog2E = 0x1.715476p0f;
  float* score = tile_.score[t];
  const int low = sees.begin > panel.begin ? sees.begin : panel.begin;
  const int high = sees.end < panel.end ? sees.end : panel.end;
  const auto put_weights = [&](Vec w, int j, int n) {
    if constexpr (type == DenseType::bf16)
      w.store_brain(tile_.brain[t] + j, n);
    else
      w.store(score + j, n);
  };
  tile_.decay[t] = 1;
  for (int j = panel.begin; j < low; j += Vec::width)
    put_weights(Vec::zero(), j, smaller(low - j, Vec::width));
  for (int j = high; j < panel.end; j += Vec::width)
    put_weights(Vec::zero(), j, smaller(panel.end - j, Vec::width));
  if (low >= high) return;
  const int64_t row = int64_t{base} - (tile_.first + t);  // key - query, at j = 0
  const float* bias = a.bias != nullptr ? a.bias + h * a.bias_stride + a.bias_zero + row : nullptr;
  Vec peaks = Vec::set(tile_.peak[t]);
  for (int j = low; j < high; j += Vec::width) {
    const int n = smaller(high - j, Vec::width);
    Vec x = Vec::load_or(score + j, n, kHidden);
    if (bias != nullptr) {
      x = fma(Vec::load(bias + j, n), Vec::set(kLog2E), x);
      x.store(score + j, n);
    }
    peaks = greater(x, peaks);
  }
  const float old = tile_.peak[t], peak = max_lane(peaks);
  alignas(64) float first[Vec::width];
  exp2_below(Vec::set(old - peak)).store(first);
  tile_.decay[t] = peak == old ? 1.0f : first[0];
  tile_.peak[t] = peak;
  Vec total = Vec::zero();
  for (int j = low; j < high; j += Vec::width) {
    const int n = smaller(high - j, Vec::width);
    const Vec w = exp2_below(Vec::load_or(score + j, n, kHidden) - Vec::set(peak));
    total = total + w;
    put_weights(w, j, n);
  }
  tile_.total[t] = tile_.total[t] * tile_.decay[t] + sum(total);
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
  constexpr float kLog2E = 0x1.715476p0f;
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
    tile_.peak[t] = kHidden;
    tile_.total[t] = 0;
  }
  const Range all{visible(a, first).begin, visible(a, first + rows - 1).end};
  for (int base = all.begin / kKeyBlock * kKeyBlock; base < all.end; base += kKeyBlock) {
    const int begin = all.begin > base ? (all.begin - base) / kDensePanel * kDensePanel : 0;
    const int end = smaller(kKeyBlock, int(dense_panel_count(all.end - base)) * kDensePanel);
    for (int j = begin; j < end; j += kDensePanel)
      panel_sums<type>(rows, head.keys + (base + j) / kDensePanel * head.key_panel_bytes,
                       tile_.q[0], QueryTile<type>::row_bytes, dense_steps(type, a.head_dim),
                       tile_.score[0] + j, kKeyBlock);
    for (int t = 0; t < rows; ++t) {
      const Range sees = visible(a, first + t);
      soften<type>(a, h, base, {begin, end}, {sees.begin - base, sees.end - base}, t, tile_);
    }
    mix<type>(a, head, base, {begin, end}, tile_);
  }
  for (int t = 0; t < rows; ++t) {
    float* out = a.out + (a.begin + first + t) * a.out_stride + int64_t{h} * a.head_dim;
    const Vec inverse = Vec::set(1.0f / tile_.total[t]);
    for (int d = 0; d < a.head_dim; d += Vec::width)
      (Vec::load(tile_.out[t] + d) * inverse).store(out + d, a.head_dim - d);
  }
}

template <DenseType type>
void packed_attention_of(const PackedAttention& a) {
  const HeadPanels head = head_panels<type>(a);
  const int per_kv = a.heads / a.kv_heads;
  for (int h = a.head_begin; h < a.head_end; ++h) {
    if (h == a.head_begin || h % per_kv == 0) pack_head<type>(a, h / per_kv, head);
    for (int i = a.query_begin; i < a.query_end; i += kTileRows)
      attend<type>(a, h, head, i, smaller(kTileRows, a.query_end - i));
  }
}

void packed_attention(const PackedAttention& a) {
  if (a.query_begin >= a.query_end) return;
  a.bf16 ? packed_attention_of<DenseType::bf16>(a) : packed_attention_of<DenseType::f32>(a);
}
