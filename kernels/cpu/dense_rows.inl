// Rows made ready for a dense product, and the norms that feed them.
void prepare_int8(const float* x, int64_t cols, uint8_t* out) {
  // Lanes past the row repeat its first element, which moves neither end. Two chains hide the
  // latency.
  Vec low = Vec::set(x[0]), high = low, low2 = low, high2 = low;
  int64_t i = 0;
  for (; i + 2 * Vec::width <= cols; i += 2 * Vec::width) {
    const Vec v = Vec::load(x + i), u = Vec::load(x + i + Vec::width);
    low = lesser(v, low);
    high = greater(v, high);
    low2 = lesser(u, low2);
    high2 = greater(u, high2);
  }
  for (; i < cols; i += Vec::width) {
    const Vec v = Vec::load_or(x + i, left(cols, i), x[0]);
    low = lesser(v, low);
    high = greater(v, high);
  }
  const float least = -max_lane(Vec::zero() - lesser(low2, low));
  const float span = max_lane(greater(high2, high)) - least;
  DenseRowHeader header{};
  header.step = span / 254.0f;
  header.middle = least + span * 0.5f;
  const float inverse = span > kSmallestPeak ? 254.0f / span : 0.0f;
  store_steps(x, cols, inverse, header, out + sizeof header);
  __builtin_memcpy(out, &header, sizeof header);
}

void prepare_brain(const float* x, int64_t cols, uint8_t* out) {
  uint16_t* half = reinterpret_cast<uint16_t*>(out);
  int64_t i = 0;
  for (; i + Vec::width <= cols; i += Vec::width) Vec::load(x + i).store_brain(half + i);
  if (i < cols) Vec::load(x + i, int(cols - i)).store_brain(half + i, int(cols + cols % 2 - i));
}

void prepare_row(const float* x, int64_t cols, DenseType type, uint8_t* out) {
  if (cols <= 0) return;
  if (type == DenseType::int8) return prepare_int8(x, cols, out);
  if (type == DenseType::bf16) return prepare_brain(x, cols, out);
  __builtin_memcpy(out, x, std::size_t(cols) * sizeof(float));
}

void prepare_rows(const PrepareRows& a) {
  for (int r = 0; r < a.rows; ++r)
    prepare_row(a.x + r * a.x_stride, a.cols, a.type,
                static_cast<uint8_t*>(a.out) + std::size_t(r) * a.out_stride);
}

// Calls body(i, n) for the vectors of a row: n lanes from element i, and `chain` 0 or 1 in turn for
// sums that are to have two chains of dependent operations.
template <class Body>
void each_vector(int dim, Body body) {
  int i = 0;
  for (; i + 2 * Vec::width <= dim; i += 2 * Vec::width) {
    body(i, Vec::width, 0);
    body(i + Vec::width, Vec::width, 1);
  }
  for (; i < dim; i += Vec::width) body(i, smaller(dim - i, Vec::width), 0);
}

Vec load_lanes(const float* p, int n, float fill) {
  return n == Vec::width ? Vec::load(p) : Vec::load_or(p, n, fill);
}
void store_lanes(Vec v, float* p, int n) { n == Vec::width ? v.store(p) : v.store(p, n); }

// y receives the norm of x + add; it is read twice, so that no large mean is ever squared. y may be
// any of the inputs.
void norm_row(const NormRows& a, const float* x, const float* add, float* sums, float* y) {
  Vec total[2] = {Vec::zero(), Vec::zero()};
  each_vector(a.dim, [&](int i, int n, int chain) {
    Vec v = load_lanes(x + i, n, 0);
    if (add != nullptr) v = v + load_lanes(add + i, n, 0);
    store_lanes(v, sums + i, n);
    total[chain] = total[chain] + v;
  });
  float mean = 0;
  if (a.kind == NormKind::layer) mean = sum(total[0] + total[1]) / float(a.dim);
  Vec squares[2] = {Vec::zero(), Vec::zero()}, rest[2] = {Vec::zero(), Vec::zero()};
  each_vector(a.dim, [&](int i, int n, int chain) {
    const Vec v = load_lanes(sums + i, n, mean) - Vec::set(mean);
    squares[chain] = fma(v, v, squares[chain]);
    rest[chain] = rest[chain] + v;
  });
  float variance = sum(squares[0] + squares[1]) / float(a.dim);
  if (a.kind == NormKind::layer) {  // what rounding left of the mean
    const float missed = sum(rest[0] + rest[1]) / float(a.dim);
    mean += missed;
    variance -= missed * missed;
    if (variance < 0) variance = 0;
  }
  const Vec scale = Vec::set(1.0f / __builtin_sqrtf(variance + a.eps));
  each_vector(a.dim, [&](int i, int n, int) {
    const Vec v = (load_lanes(sums + i, n, 0) - Vec::set(mean)) * scale;
    const Vec gamma = load_lanes(a.gamma + i, n, 0);
    const Vec beta = a.beta != nullptr ? load_lanes(a.beta + i, n, 0) : Vec::zero();
    store_lanes(fma(v, gamma, beta), y + i, n);
  });
}

void norm_rows(const NormRows& a) {
  if (a.dim <= 0) return;
  alignas(64) float row[kMaxNormDim];
  for (int r = 0; r < a.rows; ++r) {
    float* sums = a.sum != nullptr ? a.sum + r * a.sum_stride : row;
    float* y = a.y != nullptr ? a.y + r * a.y_stride : row;
    norm_row(a, a.x + r * a.x_stride, a.add != nullptr ? a.add + r * a.add_stride : nullptr, sums,
             y);
    if (a.prepared != nullptr)
      prepare_row(y, a.dim, a.type,
                  static_cast<uint8_t*>(a.prepared) + std::size_t(r) * a.prepared_stride);
  }
}
