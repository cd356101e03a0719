// How many vectors of outputs the sums of N rows are made for at a time: no more than registers
// hold, beside weights and activations.
template <int N>
constexpr int vecs_at_once() {
  return kTileVecs * N <= 12 ? kTileVecs : 2;
}

// The sums of a tile of a dense product over Vec, for tables without a bf16 product of their own: a
// pair of bf16 weights is widened, and its two columns are added in order.
//
// Registers: the sums of the outputs at hand, their weights, and one broadcast, which GCC makes
// anew for each vector of weights, and keeps all of them, where the rows are the inner loop.
template <DenseType type, int N, int Vecs>
SERVAL_INLINE void float_dots(const uint8_t* w, const uint8_t* x, std::size_t stride, int64_t steps,
                              int first, Vec (&out)[N][kTileVecs]) {
  Vec sum[N][Vecs];
  for (int t = 0; t < N; ++t)
    for (int v = 0; v < Vecs; ++v) sum[t][v] = Vec::zero();
  for (int64_t s = 0; s < steps; ++s, w += kDenseStepBytes, x += 4) {
    if constexpr (type == DenseType::f32) {
      Vec weights[Vecs];
      for (int v = 0; v < Vecs; ++v)
        weights[v] = Vec::load(reinterpret_cast<const float*>(w) + v * Vec::width);
#pragma GCC unroll 8
      for (int t = 0; t < N; ++t) {
        float value;
        __builtin_memcpy(&value, x + t * stride, 4);
        const Vec row = Vec::set(value);
        for (int v = 0; v < Vecs; ++v) sum[t][v] = fma(weights[v], row, sum[t][v]);
      }
    } else {
      for (int v = 0; v < Vecs; ++v) {
        const Offsets weights = load_offsets(w + v * Vec::width * 4);
#pragma GCC unroll 8
        for (int t = 0; t < N; ++t) {
          uint32_t both;
          __builtin_memcpy(&both, x + t * stride, 4);
          sum[t][v] = fma(weights.first, Vec::set(bits_to_float(both << 16)), sum[t][v]);
          sum[t][v] = fma(weights.second, Vec::set(bits_to_float(both & 0xffff0000u)), sum[t][v]);
        }
      }
    }
  }
  for (int t = 0; t < N; ++t)
    for (int v = 0; v < Vecs; ++v) out[t][first + v] = sum[t][v];
}

template <DenseType type, int N>
SERVAL_INLINE void float_tile(const uint8_t* w, const uint8_t* x, std::size_t stride, int64_t steps,
                              Vec (&sum)[N][kTileVecs]) {
  constexpr int vecs = vecs_at_once<N>();
  for (int v = 0; v < kTileVecs; v += vecs)
    float_dots<type, N, vecs>(w + v * Vec::width * 4, x, stride, steps, v, sum);
}

// n words of 16 rows, `stride` words apart, to n steps of 16 words each.
void turn_words(const uint32_t* rows, int stride, int n, uint8_t* steps) {
  for (int w = 0; w < n; ++w)
    for (int i = 0; i < 16; ++i)
      __builtin_memcpy(steps + w * kDenseStepBytes + i * 4, rows + i * stride + w, 4);
}
