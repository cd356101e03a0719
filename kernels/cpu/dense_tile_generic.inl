// The sums of a tile of a dense product over compiler vectors of 128 bits: 2 rows by 16 outputs
// fill 8 of the 16 registers.
constexpr int kTileRows = 2;
constexpr int kTileVecs = 4;
constexpr bool kNarrowInt8 = false;

struct Offsets {
  Vec first, second;
};

Offsets load_offsets(const uint8_t* p) {
  Ints both;
  __builtin_memcpy(&both, p, sizeof both);
  return {{(Floats)(both << 16)}, {(Floats)(both & int(0xffff0000u))}};
}
#include "kernels/cpu/dense_tile_float.inl"

template <int N>
SERVAL_INLINE void int8_tile(const uint8_t* w, const uint8_t* x, std::size_t stride, int64_t steps,
                             Vec (&sum)[N][kTileVecs]) {
  Ints dot[N][kTileVecs] = {};
  x += sizeof(DenseRowHeader);
  for (int64_t s = 0; s < steps; ++s, w += kDenseStepBytes, x += 4) {
    for (int t = 0; t < N; ++t) {
      const Operand o = operand(reinterpret_cast<const int8_t*>(x + t * stride));
      for (int v = 0; v < kTileVecs; ++v) {
        const UShorts bytes = load_quants(w + 16 * v);
        const Shorts even = (Shorts)(bytes & 255) - int16_t(128);
        const Shorts odd = (Shorts)(bytes >> 8) - int16_t(128);
        dot[t][v] += widen(even * o.even + odd * o.odd);
      }
    }
  }
  for (int t = 0; t < N; ++t)
    for (int v = 0; v < kTileVecs; ++v) sum[t][v] = to_floats(dot[t][v]);
}

template <DenseType type, int N>
SERVAL_INLINE void tile(const uint8_t* w, const uint8_t* x, std::size_t stride, int64_t steps,
                        Vec (&sum)[N][kTileVecs]) {
  if constexpr (type == DenseType::int8)
    int8_tile<N>(w, x, stride, steps, sum);
  else
    float_tile<type, N>(w, x, stride, steps, sum);
}

// q = (x - middle) * inverse, rounded; zeros up to a multiple of 4.
void store_steps(const float* x, int64_t cols, float inverse, DenseRowHeader& header,
                 uint8_t* bytes) {
  int8_t* q = reinterpret_cast<int8_t*>(bytes);
  const float middle = header.middle;
  const Vec zero = Vec::set(middle), scale = Vec::set(inverse);
  int total = 0;
  int64_t i = 0;
  for (; i + Vec::width <= cols; i += Vec::width)
    total += store_int8((Vec::load(x + i) - zero) * scale, q + i);
  if (i < cols) {
    int8_t lanes[Vec::width];
    total += store_int8((Vec::load_or(x + i, int(cols - i), middle) - zero) * scale, lanes);
    for (int64_t c = i; c < (cols + 3) / 4 * 4; ++c) q[c] = lanes[c - i];
  }
  header.start = -128 * total;
}
