// Operations on rows of floats.
void rms_norm(const RmsNorm& a) {
  for (int r = 0; r < a.rows; ++r) {
    const float* x = a.x + r * a.x_stride;
    float* y = a.y + r * a.y_stride;
    Vec even = Vec::zero(), odd = Vec::zero();  // two chains hide the latency
    for (int i = 0; i < a.dim; i += 2 * Vec::width) {
      const Vec v = Vec::load(x + i, a.dim - i);  // lanes past the row are 0 and add nothing
      even = fma(v, v, even);
      if (a.dim - i <= Vec::width) break;
      const Vec u = Vec::load(x + i + Vec::width, a.dim - i - Vec::width);
      odd = fma(u, u, odd);
    }
    const float mean = sum(even + odd) / float(a.dim);
    const Vec scale = Vec::set(1.0f / __builtin_sqrtf(mean + a.eps));
    for (int i = 0; i < a.dim; i += Vec::width) {
      const Vec v = Vec::load(x + i, a.dim - i) * scale * Vec::load(a.w + i, a.dim - i);
      v.store(y + i, a.dim - i);
    }
  }
}

// int lanes left, for counts above 2^31.
int left(int64_t n, int64_t i) { return n - i < Vec::width ? int(n - i) : Vec::width; }

// x / (1 + exp(-2u)) is x/2 (1 + tanh u): neither form of tanh's cancellation is met.
Vec silu(Vec x) { return x / (Vec::set(1.0f) + exp(Vec::zero() - x)); }
Vec gelu(Vec x) {
  const Vec cubic = fma(x * x, Vec::set(0.044715f), Vec::set(1.0f)) * x;
  return x / (Vec::set(1.0f) + exp(cubic * Vec::set(-1.59576912f)));  // -2 sqrt(2/pi)
}

template <Vec (*activation)(Vec)>
void gated_mul(const GatedMul& a) {
  for (int r = 0; r < a.rows; ++r) {
    const float* gate = a.gate + r * a.gate_stride;
    const float* up = a.up + r * a.up_stride;
    float* y = a.y + r * a.y_stride;
    for (int64_t i = 0; i < a.dim; i += Vec::width) {
      const int n = left(a.dim, i);
      (activation(Vec::load(gate + i, n)) * Vec::load(up + i, n)).store(y + i, n);
    }
  }
}
void silu_mul(const GatedMul& a) { gated_mul<silu>(a); }
void gelu_mul(const GatedMul& a) { gated_mul<gelu>(a); }

void mix_rows(const MixRows& a) {
  for (int64_t d = 0; d < a.dim; d += Vec::width) {
    const int n = left(a.dim, d);
    Vec sum = Vec::zero();
    for (int i = 0; i < a.count; ++i)
      sum = fma(Vec::set(a.weights[i]), Vec::load(a.rows[i] + d, n), sum);
    sum.store(a.y + d, n);
  }
}

// tanh u = 1 - 2 / (exp(2u) + 1): absolute error of one rounding, which for a logit is enough.
void soft_cap(const SoftCap& a) {
  const Vec one = Vec::set(1.0f), two = Vec::set(2.0f), cap = Vec::set(a.cap);
  const Vec slope = Vec::set(2.0f / a.cap);
  for (int64_t i = 0; i < a.n; i += Vec::width) {
    const int n = left(a.n, i);
    const Vec tanh = one - two / (exp(Vec::load(a.x + i, n) * slope) + one);
    (cap * tanh).store(a.y + i, n);
  }
}

void add(const Add& a) {
  for (int64_t i = 0; i < a.n; i += Vec::width) {
    const int n = left(a.n, i);
    (Vec::load(a.a + i, n) + Vec::load(a.b + i, n)).store(a.y + i, n);
  }
}

void exp_all(const Exp& a) {
  const Vec shift = Vec::set(a.shift);
  for (int64_t i = 0; i < a.n; i += Vec::width) {
    const int n = left(a.n, i);
    exp(Vec::load(a.x + i, n) - shift).store(a.y + i, n);
  }
}

// One head; half = rotary_dim / 2. Each output is one multiplication and one multiply-subtract, in
// that order, so the compiler may vectorise freely without changing a bit.
void rope_adjacent(float* __restrict x, const float* __restrict table, int half) {
  for (int i = 0; i < half; ++i) {
    const float p = x[2 * i], q = x[2 * i + 1], c = table[i], s = table[half + i];
    x[2 * i] = p * c - q * s;
    x[2 * i + 1] = q * c + p * s;
  }
}

void rope_halves(float* __restrict x, const float* __restrict table, int half) {
  float* __restrict y = x + half;
  for (int i = 0; i < half; ++i) {
    const float p = x[i], q = y[i], c = table[i], s = table[half + i];
    x[i] = p * c - q * s;
    y[i] = q * c + p * s;
  }
}

void rope(const Rope& a) {
  for (int t = 0; t < a.tokens; ++t) {
    const float* table = a.cos_sin + int64_t{a.positions[t]} * a.rotary_dim;
    for (int h = 0; h < a.heads; ++h) {
      float* x = a.x + t * a.x_stride + int64_t{h} * a.head_dim;
      if (a.layout == RopeLayout::adjacent)
        rope_adjacent(x, table, a.rotary_dim / 2);
      else
        rope_halves(x, table, a.rotary_dim / 2);
    }
  }
}
