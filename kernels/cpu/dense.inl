// The dense product: tiles of kTileRows rows by one panel of outputs, and what is done to the sums.
// Every sum is one chain over K, so rows may be grouped in any way.

// Rows of one pass over the panels: they stay in the second-level cache while the weights stream.
constexpr std::size_t kRowBlockBytes = 256 << 10;
constexpr int kTileCols = kTileVecs * Vec::width;

// How many of `width` lanes from output `at` on are below `limit`.
int lanes_below(int64_t at, int64_t limit, int width) {
  return at >= limit ? 0 : limit - at < width ? int(limit - at) : width;
}

// One tile: some rows by the outputs of a panel. Where all that is left to do is an addition the
// sums go straight to y; else they wait here for the activation.
struct Tile {
  const Dense& a;
  int64_t panel;
  int row;
  int rows;
  bool direct;
  alignas(64) float sum[kTileRows][kDensePanel];

  Tile(const Dense& a, int64_t panel, int row, int rows)
      : a(a),
        panel(panel),
        row(row),
        rows(rows),
        direct(a.activation == Activation::none && !a.w.gated && a.y_bf16 == nullptr) {}
};

// Where the outputs at one vector's place of a panel stand: n of them, from `output` on.
struct Place {
  int64_t output;
  int n;
};

Place place_of(const DenseWeights& w, int64_t panel, int at) {
  const int64_t output = dense_output_at(w.n, w.gated, panel, at);
  const int64_t limit = w.gated && at < kDensePanel / 2 ? w.n / 2 : w.n;
  return {output, output < 0 ? 0 : lanes_below(output, limit, Vec::width)};
}

// The sums of one vector of outputs, bias included. The loops over rows are unrolled, else GCC 12
// would keep all sums in memory.
template <int N>
SERVAL_INLINE void put_sums(Tile& tile_, int at, Place place, int v, const Vec (&y)[N][kTileVecs]) {
  const Dense& a = tile_.a;
  if (!tile_.direct) {
#pragma GCC unroll 12
    for (int t = 0; t < N; ++t) y[t][v].store(tile_.sum[t] + at);
    return;
  }
  if (place.n == 0) return;
  const bool whole = place.n == Vec::width;
  float* out = a.y + tile_.row * a.y_stride + place.output;
  if (a.add != nullptr) {
    const float* add = a.add + tile_.row * a.add_stride + place.output;
#pragma GCC unroll 12
    for (int t = 0; t < N; ++t, out += a.y_stride, add += a.add_stride)
      whole ? (y[t][v] + Vec::load(add)).store(out)
            : (y[t][v] + Vec::load(add, place.n)).store(out, place.n);
  } else {
#pragma GCC unroll 12
    for (int t = 0; t < N; ++t, out += a.y_stride)
      whole ? y[t][v].store(out) : y[t][v].store(out, place.n);
  }
}

template <DenseType type, int N>
void tile_sums(Tile& tile_) {
  const Dense& a = tile_.a;
  const uint8_t* w =
      static_cast<const uint8_t*>(a.w.data) + tile_.panel * dense_panel_bytes(type, a.w.k);
  const uint8_t* x = static_cast<const uint8_t*>(a.x) + std::size_t(tile_.row) * a.x_stride;
  for (int first = 0; first < kDensePanel; first += kTileCols) {
    Vec sum[N][kTileVecs];
    tile<type, N>(w + first * 4, x, a.x_stride, dense_steps(type, a.w.k), sum);
#pragma GCC unroll 4
    for (int v = 0; v < kTileVecs; ++v) {
      const int at = first + v * Vec::width;
      const Place place = place_of(a.w, tile_.panel, at);
      const bool biased = a.bias != nullptr && place.n > 0;
      const Vec bias = biased ? Vec::load(a.bias + place.output, place.n) : Vec::zero();
      if constexpr (type == DenseType::int8) {
        const auto* scales = reinterpret_cast<const float*>(w + dense_scales_at(a.w.k)) + at;
        const Vec steps = Vec::load(scales), totals = Vec::load(scales + kDensePanel);
#pragma GCC unroll 12
        for (int t = 0; t < N; ++t) {
          DenseRowHeader header;
          __builtin_memcpy(&header, x + t * a.x_stride, 8);
          const Vec base = fma(totals, Vec::set(header.middle), bias);
          sum[t][v] = fma(sum[t][v] * steps, Vec::set(header.step), base);
        }
      } else {
#pragma GCC unroll 12
        for (int t = 0; t < N; ++t) sum[t][v] = sum[t][v] + bias;
      }
      put_sums<N>(tile_, at, place, v, sum);
    }
  }
}

// y = f(sum) (* second half) + add, to y or as bf16.
template <Vec (*f)(Vec)>
void emit(const Tile& tile_) {
  const Dense& a = tile_.a;
  const int64_t width = a.w.gated ? kDensePanel / 2 : kDensePanel, begin = tile_.panel * width;
  const int64_t outputs = a.w.gated ? a.w.n / 2 : a.w.n;
  for (int t = 0; t < tile_.rows; ++t) {
    const int64_t row = tile_.row + t;
    for (int at = 0; at < width; at += Vec::width) {
      const int n = lanes_below(begin + at, outputs, Vec::width);
      if (n == 0) break;
      Vec y = f(Vec::load(tile_.sum[t] + at));
      if (a.w.gated) y = y * Vec::load(tile_.sum[t] + kDensePanel / 2 + at);
      if (a.add != nullptr) y = y + Vec::load(a.add + row * a.add_stride + begin + at, n);
      if (a.y_bf16 == nullptr) {
        y.store(a.y + row * a.y_stride + begin + at, n);
      } else {  // an odd last output stands beside a zero
        uint8_t* out = static_cast<uint8_t*>(a.y_bf16) + std::size_t(row) * a.y_bf16_stride;
        alignas(64) float lanes[Vec::width] = {};
        y.store(lanes, n);
        Vec::load(lanes).store_brain(reinterpret_cast<uint16_t*>(out) + begin + at, n + n % 2);
      }
    }
  }
}

void emit(const Tile& tile_) {
  switch (tile_.a.activation) {
    case Activation::none:
      return emit<identity>(tile_);
    case Activation::relu:
      return emit<relu>(tile_);
    case Activation::tanh:
      return emit<tanh>(tile_);
    case Activation::silu:
      return emit<silu>(tile_);
    case Activation::gelu_erf:
      return emit<gelu_erf>(tile_);
    case Activation::gelu_tanh:
      return emit<gelu>(tile_);
  }
}

template <DenseType type, int N>
void tile_of(Tile& tile_) {
  if (tile_.rows == N) return tile_sums<type, N>(tile_);
  if constexpr (N > 1) tile_of<type, N - 1>(tile_);
}

template <DenseType type>
void dense_of(const Dense& a) {
  const int most = a.x_stride > 0 ? int(kRowBlockBytes / a.x_stride) / kTileRows : 0;
  const int block = most > 1 ? most * kTileRows : kTileRows;
  for (int begin = a.row_begin; begin < a.row_end; begin += block) {
    const int rows = smaller(block, a.row_end - begin);
    const int tiles = (rows + kTileRows - 1) / kTileRows;  // of nearly equal height
    for (int64_t panel = a.panel_begin; panel < a.panel_end; ++panel) {
      for (int i = 0; i < tiles; ++i) {
        const int first = rows * i / tiles, last = rows * (i + 1) / tiles;
        Tile tile_(a, panel, begin + first, last - first);
        tile_of<type, kTileRows>(tile_);
        if (!tile_.direct) emit(tile_);
      }
    }
  }
}

void dense(const Dense& a) {
  switch (a.w.type) {
    case DenseType::f32:
      return dense_of<DenseType::f32>(a);
    case DenseType::bf16:
      return dense_of<DenseType::bf16>(a);
    case DenseType::int8:
      return dense_of<DenseType::int8>(a);
  }
}
