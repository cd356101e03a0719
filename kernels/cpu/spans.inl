// Sums of one item over a span of keys, and how those of several spans become one.
constexpr int kLastOfSpan = kSpanKeys - 1;

// How a peak counts: as a natural logarithm, or, where the scores are powers of two, times ln 2.
float peak_unit(KvType type) { return native_type(type) ? 0x1.62e43p-1f : 1.0f; }

// exp(difference); exactly 1 for 0, so that joining with a lower peak only scales the other one.
Vec peak_factor(float difference, float unit) {
  return difference == 0 ? Vec::set(1) : exp(Vec::set(difference * unit));
}

struct SpanSums {
  float* out;  // [D], rounded up to whole vectors
  float *peak, *total;
};

// into += what comes after it.
void join_sums(const SpanSums& into, const float* out, float peak, float total, int head_dim,
               float unit) {
  const float top = peak > *into.peak ? peak : *into.peak;
  const Vec old = peak_factor(*into.peak - top, unit), fresh = peak_factor(peak - top, unit);
  for (int d = 0; d < head_dim; d += Vec::width) {
    const int n = head_dim - d;
    fma(Vec::load(out + d, n), fresh, Vec::load(into.out + d, n) * old).store(into.out + d, n);
  }
  alignas(64) float sum[Vec::width];
  fma(Vec::set(total), fresh, Vec::set(*into.total) * old).store(sum);
  *into.peak = top;
  *into.total = sum[0];
}

// The sums of an attention's items over the spans before the one it is at.
template <int N>
struct JoinedItems {
  alignas(64) float out[N][kMaxHeadDim];
  float peak[N], total[N];
  bool any[N] = {};

  // Adds a span's sums of the items that saw a key of it: those are Source's out, peak and total.
  template <class Source>
  void add(const Source& items, int count, int span, int head_dim, float unit) {
    for (int i = 0; i < count; ++i) {
      if (items.position[i] < span * kSpanKeys || items.oldest[i] > span * kSpanKeys + kLastOfSpan)
        continue;
      if (any[i]) {
        join_sums({out[i], &peak[i], &total[i]}, items.out[i], items.peak[i], items.total[i],
                  head_dim, unit);
        continue;
      }
      any[i] = true;
      __builtin_memcpy(out[i], items.out[i], sizeof(float) * unsigned(head_dim));
      peak[i] = items.peak[i];
      total[i] = items.total[i];
    }
  }
};

// What an item leaves: its part of a span, or its output.
void leave_item(const Attention& a, int kv_head, int item, const float* sums, float peak,
                float total) {
  const int64_t at = item_offset(a, kv_head, item, a.out_stride);
  if (a.part != nullptr) {
    const int per_kv = a.heads / a.kv_heads;
    const int64_t head = int64_t{item / per_kv} * a.heads + kv_head * per_kv + item % per_kv;
    float* part = a.part + head * span_floats(a.head_dim);
    __builtin_memcpy(part, sums, sizeof(float) * unsigned(a.head_dim));
    part[a.head_dim] = peak;
    part[a.head_dim + 1] = total;
    return;
  }
  const Vec inverse = Vec::set(1.0f / total);
  for (int d = 0; d < a.head_dim; d += Vec::width)
    (Vec::load(sums + d, a.head_dim - d) * inverse).store(a.out + at + d, a.head_dim - d);
}

// All spans of an attention's items: begin() clears the items' sums, visit(from, to) adds the keys
// of positions [from, to].
template <int N, class Items, class Begin, class Visit>
void visit_spans(const Attention& a, int kv_head, int first_item, int count, Items& items,
                 const Begin& begin, const Visit& visit) {
  int from = items.oldest[0], to = items.position[count - 1];
  if (a.part != nullptr) {
    from = greater_int(from, a.span * kSpanKeys);
    to = smaller(to, a.span * kSpanKeys + kLastOfSpan);
  }
  const int first = from / kSpanKeys, last = to / kSpanKeys;
  JoinedItems<N> joined;
  for (int span = first; span <= last; ++span) {
    begin();
    visit(greater_int(from, span * kSpanKeys), smaller(to, span * kSpanKeys + kLastOfSpan));
    if (first != last) joined.add(items, count, span, a.head_dim, peak_unit(a.type));
  }
  for (int i = 0; i < count; ++i) {
    if (first == last)
      leave_item(a, kv_head, first_item + i, items.out[i], items.peak[i], items.total[i]);
    else
      leave_item(a, kv_head, first_item + i, joined.out[i], joined.peak[i], joined.total[i]);
  }
}

void join_spans(const JoinSpans& a) {
  const int64_t stride = span_floats(a.head_dim);
  alignas(64) float out[kMaxHeadDim];
  for (int head = 0; head < a.heads; ++head) {
    const float* part = a.parts + head * stride;
    float peak = part[a.head_dim], total = part[a.head_dim + 1];
    __builtin_memcpy(out, part, sizeof(float) * unsigned(a.head_dim));
    for (int span = 1; span < a.spans; ++span) {
      part += a.heads * stride;
      join_sums({out, &peak, &total}, part, part[a.head_dim], part[a.head_dim + 1], a.head_dim,
                peak_unit(a.type));
    }
    const Vec inverse = Vec::set(1.0f / total);
    for (int d = 0; d < a.head_dim; d += Vec::width)
      (Vec::load(out + d, a.head_dim - d) * inverse)
          .store(a.out + int64_t{head} * a.head_dim + d, a.head_dim - d);
  }
}
