// The matmul's loops around pair_dot. A token's sum over one row runs over the blocks in order,
// record by record, whatever N is; so N may be chosen freely.
constexpr int kVecsPerGroup = kGroupRows / Vec::width;
// Weights of one pass over the tokens: stay well inside a 1 MB second-level cache, while a tile of
// activations stays in the first level for all of them.
constexpr std::size_t kStripeBytes = 256 << 10;
// Weights are asked for this far ahead when a tile of tokens is the first to use them.
constexpr int kPrefetchBytes = 4096;
constexpr int kPrefetchTokens = 4;  // of a float matmul, or items of an attention

// Into the second-level cache: the first level tracks too few lines in flight to keep memory busy.
// Measured on Zen 4 with another load on the machine: GEMV from memory 15 to 18 GB/s without any
// prefetch or with one into the first level, 22 to 24 GB/s with this.
void prefetch(const void* p) { __builtin_prefetch(p, 0, 2); }

// y rows [16g, 16g+16) of one token, from the finished sum [16].
SERVAL_INLINE void finish(const MatMul& a, int64_t g, int token, const float* sum) {
  const int64_t row = g * kGroupRows;
  const int rows = a.w.rows - row < kGroupRows ? int(a.w.rows - row) : kGroupRows;
  for (int i = 0; i < kVecsPerGroup; ++i) {
    const int at = i * Vec::width, n = rows - at;
    if (n <= 0) break;
    Vec y = Vec::load(sum + at);
    if (a.bias != nullptr) y = y + Vec::load(a.bias + row + at, n);
    if (a.add != nullptr) y = y + Vec::load(a.add + token * a.add_stride + row + at, n);
    y.store(a.y + token * a.y_stride + row + at, n);
  }
}

struct Group {
  const uint8_t* data;
  int64_t index;
};

// Asks for the lines of a ReadAhead, some at a time.
class LineWalk {
 public:
  // steps: how often take() will be called.
  LineWalk(const ReadAhead& a, int64_t steps) : run_lines_(a.run_lines), left_(a.end - a.begin) {
    if (left_ <= 0 || steps <= 0) return;
    at_once_ = int((left_ + steps - 1) / steps);
    run_ = a.runs + a.begin / run_lines_;
    line_ = a.begin % run_lines_;
  }

  void take() {
    const int64_t n = left_ < at_once_ ? left_ : at_once_;
    for (int64_t i = 0; i < n; ++i) {
      prefetch(static_cast<const uint8_t*>(*run_) + line_ * 64);
      if (++line_ < run_lines_) continue;
      line_ = 0;
      ++run_;
    }
    left_ -= n;
  }

 private:
  const void* const* run_ = nullptr;
  int64_t run_lines_, left_;
  int64_t line_ = 0;  // of the run
  int at_once_ = 0;
};

// Each record's sum is scaled when it is complete; the running totals wait in memory, so that the
// registers are free for the sums.
template <PackedForm form, int kZeroShift, int N>
void quant_tokens(const MatMul& a, Group g, const QuantRecord* x, int stride, int token,
                  bool first_use, LineWalk& ahead) {
  alignas(64) float total[N][kGroupRows] = {};
  const int64_t pairs = (a.w.cols / kBlockCols + 1) / 2;
  for (int64_t pair = 0; pair < pairs; ++pair, x += stride) {
    Rows16 part[N] = {};
    if (first_use) {
      const uint8_t* next = g.data + quants_at(form, 2 * pair) + kPrefetchBytes;
      for (int line = 0; line < pair_bytes(form); line += 64) prefetch(next + line);
      ahead.take();
    }
    pair_dot<form, kZeroShift, N>(g.data, pair, x, part);
#pragma GCC unroll 16
    for (int t = 0; t < N; ++t) {
      for (int v = 0; v < kVecsPerGroup; ++v) {
        float* sum = total[t] + v * Vec::width;
        fma(part[t].v[v], Vec::set(x[t].scale), Vec::load(sum)).store(sum);
      }
    }
  }
  for (int t = 0; t < N; ++t) finish(a, g.index, token + t, total[t]);
}

// Tokens [token, last) of one tile, in runs of N, then N/2, ... 1.
template <PackedForm form, int kZeroShift, int N>
void quant_tile_tokens(const MatMul& a, Group g, const QuantRecord* x, int stride, int token,
                       int last, bool first_use, LineWalk& ahead) {
  for (; token + N <= last; token += N, first_use = false)
    quant_tokens<form, kZeroShift, N>(a, g, x + token % kTileTokens, stride, token, first_use,
                                      ahead);
  if constexpr (N > 1)
    quant_tile_tokens<form, kZeroShift, N / 2>(a, g, x, stride, token, last, first_use, ahead);
}

int smaller(int a, int b) { return a < b ? a : b; }
int greater_int(int a, int b) { return a > b ? a : b; }

template <PackedForm form, int kZeroShift>
void quant_matmul(const MatMul& a) {
  const int64_t records = records_of(a.w.cols);
  const std::size_t stride = group_bytes(a.w.type, a.w.cols);
  const int64_t stripe = int64_t(kStripeBytes / stride) + 1;
  LineWalk ahead(a.ahead, (a.group_end - a.group_begin) * ((a.w.cols / kBlockCols + 1) / 2));
  for (int64_t begin = a.group_begin; begin < a.group_end; begin += stripe) {
    const int64_t end = begin + stripe < a.group_end ? begin + stripe : a.group_end;
    for (int t = a.token_begin; t < a.token_end;) {
      const QuantTile tile = quant_tile(t / kTileTokens, a.tokens, records);
      const QuantRecord* x = static_cast<const QuantRecord*>(a.x_q) + tile.first_record;
      const int last = smaller((t / kTileTokens + 1) * kTileTokens, a.token_end);
      for (int64_t g = begin; g < end; ++g) {
        const Group group{static_cast<const uint8_t*>(a.w.data) + std::size_t(g) * stride, g};
        quant_tile_tokens<form, kZeroShift, kMaxTokens>(a, group, x, tile.tokens, t, last,
                                                        t == a.token_begin, ahead);
      }
      t = last;
    }
  }
}

// ---- float forms: packed [column][16 rows] ----
template <PackedForm form>
Vec load_weight(const uint8_t* group, int64_t index) {
  if constexpr (form == PackedForm::f32)
    return Vec::load(reinterpret_cast<const float*>(group) + index);
  else if constexpr (form == PackedForm::f16)
    return Vec::load_half(reinterpret_cast<const uint16_t*>(group) + index);
  else
    return Vec::load_brain(reinterpret_cast<const uint16_t*>(group) + index);
}

// sum[t] += column k of the group * x[t, k].
template <PackedForm form, int N>
void column(const MatMul& a, const uint8_t* group, int64_t k, const float* x, Rows16 (&sum)[N]) {
  Rows16 w;
  for (int i = 0; i < kVecsPerGroup; ++i)
    w.v[i] = load_weight<form>(group, k * kGroupRows + i * Vec::width);
#pragma GCC unroll 8
  for (int t = 0; t < N; ++t) {
    const Vec xk = Vec::set(x[t * a.x_stride + k]);
    for (int i = 0; i < kVecsPerGroup; ++i) sum[t].v[i] = fma(w.v[i], xk, sum[t].v[i]);
  }
}

// Even and odd columns have their own sums: shorter chains, and half the rounding error.
template <PackedForm form, int N>
void float_tokens(const MatMul& a, Group g, int token) {
  constexpr int element = form == PackedForm::f32 ? 4 : 2;
  Rows16 even[N] = {}, odd[N] = {};
  const float* x = a.x + token * a.x_stride;
  int64_t k = 0;
  for (; k + 2 <= a.w.cols; k += 2) {
    if constexpr (N <= kPrefetchTokens) {
      const uint8_t* ahead = g.data + k * kGroupRows * element + kPrefetchBytes;
      for (int line = 0; line < 2 * kGroupRows * element; line += 64) prefetch(ahead + line);
    }
    column<form, N>(a, g.data, k, x, even);
    column<form, N>(a, g.data, k + 1, x, odd);
  }
  if (k < a.w.cols) column<form, N>(a, g.data, k, x, even);
  for (int t = 0; t < N; ++t) {
    alignas(64) float sum[kGroupRows];
    for (int i = 0; i < kVecsPerGroup; ++i)
      (even[t].v[i] + odd[t].v[i]).store(sum + i * Vec::width);
    finish(a, g.index, token + t, sum);
  }
}

template <PackedForm form, int N>
void float_group(const MatMul& a, Group g, int token) {
  for (; token + N <= a.token_end; token += N) float_tokens<form, N>(a, g, token);
  if constexpr (N > 1) float_group<form, N / 2>(a, g, token);
}

template <PackedForm form>
void float_matmul(const MatMul& a) {
  const std::size_t stride = group_bytes(a.w.type, a.w.cols);
  for (int64_t g = a.group_begin; g < a.group_end; ++g)
    float_group<form, kMaxFloatTokens>(
        a, {static_cast<const uint8_t*>(a.w.data) + std::size_t(g) * stride, g}, a.token_begin);
}

void matmul(const MatMul& a) {
  switch (a.w.type) {  // the shift is log2 of packed_zero_point
    case WeightType::q4_0:
      return quant_matmul<PackedForm::nibble, 3>(a);
    case WeightType::q4_1:
    case WeightType::q4_k:
      return quant_matmul<PackedForm::nibble_offset, 3>(a);
    case WeightType::q5_0:
      return quant_matmul<PackedForm::byte, 4>(a);
    case WeightType::q8_0:
      return quant_matmul<PackedForm::byte, 7>(a);
    case WeightType::q5_1:
    case WeightType::q5_k:
      return quant_matmul<PackedForm::byte_offset, 4>(a);
    case WeightType::q6_k:
      return quant_matmul<PackedForm::byte_16, 5>(a);
    case WeightType::f32:
      return float_matmul<PackedForm::f32>(a);
    case WeightType::f16:
      return float_matmul<PackedForm::f16>(a);
    case WeightType::bf16:
      return float_matmul<PackedForm::bf16>(a);
  }
}
