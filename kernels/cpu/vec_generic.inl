// Vec: 4 floats as a compiler vector; SSE2 on any x86-64. There is no fused multiply-add in that
// baseline, so fma rounds twice here: results differ between tables, never within one.
typedef float Floats __attribute__((vector_size(16)));
typedef int32_t Ints __attribute__((vector_size(16)));

struct Vec {
  static constexpr int width = 4;
  Floats v;

  static Vec zero() { return {Floats{}}; }
  static Vec set(float x) { return {Floats{x, x, x, x}}; }
  static Vec load(const float* p) {
    Floats v;
    __builtin_memcpy(&v, p, sizeof v);
    return {v};
  }
  // The first n lanes (n may pass the width); the others are 0, or `fill`.
  static Vec load(const float* p, int n) { return load_or(p, n, 0.0f); }
  static Vec load_or(const float* p, int n, float fill) {
    if (n >= 4) return load(p);
    Vec x = set(fill);
    for (int i = 0; i < n; ++i) x.v[i] = p[i];
    return x;
  }
  static Ints load_words(const uint16_t* p) { return Ints{p[0], p[1], p[2], p[3]}; }
  // As f16_to_f32 in float16.h, four at a time.
  static Vec load_half(const uint16_t* p) {
    const Ints half = load_words(p), magnitude = half & 0x7fff, sign = (half & 0x8000) << 16;
    const Ints shifted = magnitude << 13, special = shifted | 0x7f800000;
    const Floats scaled = (Floats)shifted * 0x1p112f;
    return {(Floats)(sign | (magnitude >= 0x7c00 ? special : (Ints)scaled))};
  }
  static Vec load_half(const uint16_t* p, int n) {
    if (n >= 4) return load_half(p);
    uint16_t lanes[4] = {};
    for (int i = 0; i < n; ++i) lanes[i] = p[i];
    return load_half(lanes);
  }
  static Vec load_brain(const uint16_t* p) { return {(Floats)(load_words(p) << 16)}; }
  void store(float* p) const { __builtin_memcpy(p, &v, sizeof v); }
  void store(float* p, int n) const {
    if (n >= 4) return store(p);
    for (int i = 0; i < n; ++i) p[i] = v[i];
  }
  void store_half(uint16_t* p, int n) const {
    for (int i = 0; i < n && i < 4; ++i) p[i] = f32_to_f16(v[i]);
  }
  void store_brain(uint16_t* p) const { store_brain(p, width); }
  void store_brain(uint16_t* p, int n) const {
    for (int i = 0; i < n && i < 4; ++i) p[i] = f32_to_bf16(v[i]);
  }
};

Vec operator+(Vec a, Vec b) { return {a.v + b.v}; }
Vec operator-(Vec a, Vec b) { return {a.v - b.v}; }
Vec operator*(Vec a, Vec b) { return {a.v * b.v}; }
Vec operator/(Vec a, Vec b) { return {a.v / b.v}; }
Vec fma(Vec a, Vec b, Vec c) { return {a.v * b.v + c.v}; }
Vec abs(Vec a) { return {(Floats)((Ints)a.v & 0x7fffffff)}; }
Vec lesser(Vec a, Vec b) { return {a.v < b.v ? a.v : b.v}; }   // b if a is NaN
Vec greater(Vec a, Vec b) { return {a.v > b.v ? a.v : b.v}; }  // b if a is NaN
Vec select_less(Vec a, Vec b, Vec yes, Vec no) {               // a < b ? yes : no
  return {a.v < b.v ? yes.v : no.v};
}
bool any_equal(Vec a, Vec b) {
  const Ints equal = a.v == b.v;
  return (equal[0] | equal[1] | equal[2] | equal[3]) != 0;
}
float sum(Vec a) { return (a.v[0] + a.v[2]) + (a.v[1] + a.v[3]); }
float max_lane(Vec a) {
  const float x = a.v[0] > a.v[2] ? a.v[0] : a.v[2], y = a.v[1] > a.v[3] ? a.v[1] : a.v[3];
  return x > y ? x : y;
}

// 2^n, where n is the integer in the low mantissa bits of n + 1.5 * 2^23; -127 < n < 128.
Vec pow2_of_biased(Vec biased) {
  typedef uint32_t Words __attribute__((vector_size(16)));
  return {(Floats)(((Words)biased.v << 23) + 0x3f800000u)};
}

// Stores x rounded to nearest and clamped to -127..127; gives the sum of what it stored. The
// rounding adds 1.5 * 2^23: the integer then stands in the low mantissa bits, whatever x was.
int store_int8(Vec x, int8_t* q) {
  const Floats bounded = x.v < -127.0f ? Floats{} - 127.0f : x.v > 127.0f ? Floats{} + 127.0f : x.v;
  Ints i = (Ints)(bounded + 0x1.8p23f) - 0x4b400000;
  i = i < -127 ? Ints{} - 127 : i > 127 ? Ints{} + 127 : i;
  int total = 0;
  for (int lane = 0; lane < 4; ++lane) {
    q[lane] = int8_t(i[lane]);
    total += i[lane];
  }
  return total;
}
