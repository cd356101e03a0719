// Rows made ready for a dense product, and the norms that feed them.
void prepare_int8(const float* x, int64_t cols, uint8_t* out) {
  DenseRowHeader header{};
  int8_t* q = reinterpret_cast<int8_t*>(out + sizeof header);
  // Lanes past the row repeat its first element, which moves neither end.
  Vec low = Vec::set(x[0]), high = low;
  for (int64_t i = 0; i < cols; i += Vec::width) {
    const Vec v = Vec::load_or(x + i, left(cols, i), x[0]);
    low = select_less(v, low, v, low);
    high = greater(v, high);
  }
  const float least = -max_lane(Vec::zero() - low), span = max_lane(high) - least;
  header.step = span / 254.0f;
  header.middle = least + span * 0.5f;
  const bool live = span > kSmallestPeak;
  const float inverse = live ? 254.0f / span : 0.0f;
  int total = 0;
  int64_t i = 0;
  for (; i + Vec::width <= cols; i += Vec::width)
    total += store_int8((Vec::load(x + i) - Vec::set(header.middle)) * Vec::set(inverse), q + i);
  if (i < cols) {
    int8_t lanes[Vec::width];
    const Vec v = Vec::load_or(x + i, int(cols - i), header.middle);
    total += store_int8((v - Vec::set(header.middle)) * Vec::set(inverse), lanes);
    for (int64_t c = i; c < (cols + 3) / 4 * 4; ++c) q[c] = lanes[c - i];
  }
  header.start = -128 * total;
  __builtin_memcpy(out, &header, sizeof header);
}

void prepare_brain(const float* x, int64_t cols, uint8_t* out) {
  uint16_t* half = reinterpret_cast<uint16_t*>(out);
  for (int64_t i = 0; i < cols; i += Vec::width)
    Vec::load(x + i, left(cols, i)).store_brain(half + i, left(cols + cols % 2, i));
}

void prepare_row(const float* x, int64_t cols, DenseType type, uint8_t* out) {
  if (cols == 0) return;
  if (type == DenseType::int8) return prepare_int8(x, cols, out);
  if (type == DenseType::bf16) return prepare_brain(x, cols, out);
  for (int64_t i = 0; i < cols; i += Vec::width)
    Vec::load(x + i, left(cols, i)).store(reinterpret_cast<float*>(out) + i, left(cols, i));
}

void prepare_rows(const PrepareRows& a) {
  for (int r = 0; r < a.rows; ++r)
    prepare_row(a.x + r * a.x_stride, a.cols, a.type,
                static_cast<uint8_t*>(a.out) + std::size_t(r) * a.out_stride);
}

// row [dim] receives x + add, then the norm of it. It is read twice, so that no large mean is ever
// squared.
void norm_row(const NormRows& a, const float* x, const float* add, float* sum_out, float* row) {
  Vec total = Vec::zero();
  for (int i = 0; i < a.dim; i += Vec::width) {
    Vec v = Vec::load(x + i, a.dim - i);
    if (add != nullptr) v = v + Vec::load(add + i, a.dim - i);
    v.store(row + i, a.dim - i);
    if (sum_out != nullptr) v.store(sum_out + i, a.dim - i);
    total = total + v;
  }
  float mean = a.kind == NormKind::layer ? sum(total) / float(a.dim) : 0.0f;
  Vec squares = Vec::zero(), rest = Vec::zero();
  for (int i = 0; i < a.dim; i += Vec::width) {
    const Vec v = Vec::load_or(row + i, a.dim - i, mean) - Vec::set(mean);
    squares = fma(v, v, squares);
    rest = rest + v;
  }
  float variance = sum(squares) / float(a.dim);
  if (a.kind == NormKind::layer) {  // what rounding left of the mean
    const float missed = sum(rest) / float(a.dim);
    mean += missed;
    variance -= missed * missed;
    if (variance < 0) variance = 0;
  }
  const Vec scale = Vec::set(1.0f / __builtin_sqrtf(variance + a.eps));
  for (int i = 0; i < a.dim; i += Vec::width) {
    const int n = a.dim - i;
    const Vec y = (Vec::load(row + i, n) - Vec::set(mean)) * scale;
    const Vec gamma = Vec::load(a.gamma + i, n);
    (a.beta != nullptr ? fma(y, gamma, Vec::load(a.beta + i, n)) : y * gamma).store(row + i, n);
  }
}

void norm_rows(const NormRows& a) {
  alignas(64) float row[kMaxNormDim];
  for (int r = 0; r < a.rows; ++r) {
    norm_row(a, a.x + r * a.x_stride, a.add != nullptr ? a.add + r * a.add_stride : nullptr,
             a.sum != nullptr ? a.sum + r * a.sum_stride : nullptr, row);
    if (a.y != nullptr)
      prepare_row(row, a.dim, DenseType::f32, reinterpret_cast<uint8_t*>(a.y + r * a.y_stride));
    if (a.prepared != nullptr)
      prepare_row(row, a.dim, a.type,
                  static_cast<uint8_t*>(a.prepared) + std::size_t(r) * a.prepared_stride);
  }
}
