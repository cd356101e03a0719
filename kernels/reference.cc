// The oracle: every operation in plain loops and double precision. Slow, obvious, never tuned.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include "kernels/float16.h"
#include "kernels/kv_layout.h"
#include "kernels/quant_rows.h"
#include "kernels/reference_dense.h"
#include "kernels/reference_mla.h"
#include "kernels/tables.h"

namespace serval {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// NaN and infinity become 0 here so that the integer conversion below is always defined.
double finite_or_zero(double x) { return std::isfinite(x) ? x : 0; }

void quantize_rows(const QuantizeRows& a) {
  const int64_t records = records_of(a.cols);
  for (int t = a.token_begin; t < a.token_end; ++t) {
    const QuantTile tile = quant_tile(t / kTileTokens, a.tokens, records);
    QuantRecord* out = static_cast<QuantRecord*>(a.out) + tile.first_record + t % kTileTokens;
    for (int64_t run = 0; run < records; ++run) {
      QuantRecord& r = out[run * tile.tokens] = {};
      const float* x = a.x + t * a.x_stride + run * kRecordCols;
      const int n = int(std::min<int64_t>(kRecordCols, a.cols - run * kRecordCols));
      double peak = 0;
      for (int i = 0; i < n; ++i) peak = std::max(peak, std::fabs(finite_or_zero(x[i])));
      int sums[kRecordBlocks] = {};
      for (int i = 0; i < n; ++i) {
        const double q = peak > 0 ? std::nearbyint(finite_or_zero(x[i]) * 127 / peak) : 0;
        r.q[i] = int8_t(q);
        r.minus_sum[i / 32] -= int(q);
        if (i % 32 < 16) r.minus_sum_low[i / 32] -= int(q);
        sums[i / 32] += int(q);
      }
      for (int b = 0; b < kRecordBlocks; ++b) r.sums[b] = f32_to_bf16(float(sums[b]));
      r.scale = float(peak / 127);
    }
  }
}

// Sum over the columns of one row and token, from the file's own floats.
double float_product(const MatMul& a, int token, const std::vector<float>& w) {
  double sum = 0;
  for (std::size_t k = 0; k < w.size(); ++k)
    sum += double(a.x[token * a.x_stride + int64_t(k)]) * double(w[k]);
  return sum;
}

// The same from quantised activations: the offset of a block multiplies the sum of its activations
// as the record states it.
double integer_product(const MatMul& a, int token, int64_t row) {
  const QuantTile tile = quant_tile(token / kTileTokens, a.tokens, records_of(a.w.cols));
  const QuantRecord* records =
      static_cast<const QuantRecord*>(a.x_q) + tile.first_record + token % kTileTokens;
  double sum = 0;
  for (int64_t b = 0; b < a.w.cols / kBlockCols; ++b) {
    const QuantRecord& r = records[b / kRecordBlocks * tile.tokens];
    const int in_record = int(b % kRecordBlocks);
    const PackedBlock w = read_packed_block(a.w, row, b);
    double dot = double(w.offset) * bf16_to_f32(r.sums[in_record]);
    for (int i = 0; i < 32; ++i)
      dot += double(w.d[i / 16]) * (w.q[i] - w.zero) * r.q[in_record * 32 + i];
    sum += double(r.scale) * dot;
  }
  return sum;
}

void matmul(const MatMul& a) {
  const bool floats = is_float_form(a.w.form);
  std::vector<float> w(std::size_t(a.w.cols));
  const int64_t last = std::min(a.group_end * kGroupRows, a.w.rows);
  for (int64_t row = a.group_begin * kGroupRows; row < last; ++row) {
    if (floats) dequantize_packed_row(a.w, row, w.data());
    for (int t = a.token_begin; t < a.token_end; ++t) {
      double sum = floats ? float_product(a, t, w) : integer_product(a, t, row);
      if (a.bias != nullptr) sum += a.bias[row];
      if (a.add != nullptr) sum += a.add[t * a.add_stride + row];
      a.y[t * a.y_stride + row] = float(sum);
    }
  }
}

void rms_norm(const RmsNorm& a) {
  for (int r = 0; r < a.rows; ++r) {
    const float* x = a.x + r * a.x_stride;
    float* y = a.y + r * a.y_stride;
    double squares = 0;
    for (int i = 0; i < a.dim; ++i) squares += double(x[i]) * x[i];
    const double scale = 1 / std::sqrt(squares / a.dim + a.eps);
    for (int i = 0; i < a.dim; ++i) y[i] = float(x[i] * scale * a.w[i]);
  }
}

void rope(const Rope& a) {
  const int half = a.rotary_dim / 2;
  const bool adjacent = a.layout == RopeLayout::adjacent;
  for (int t = 0; t < a.tokens; ++t) {
    const float* cosine = a.cos_sin + int64_t{a.positions[t]} * a.rotary_dim;
    for (int h = 0; h < a.heads; ++h) {
      float* x = a.x + t * a.x_stride + int64_t{h} * a.head_dim;
      for (int i = 0; i < half; ++i) {
        float& first = x[adjacent ? 2 * i : i];
        float& second = x[adjacent ? 2 * i + 1 : i + half];
        const double c = cosine[i], s = cosine[half + i], p = first, q = second;
        first = float(p * c - q * s);
        second = float(q * c + p * s);
      }
    }
  }
}

void silu_mul(const GatedMul& a) {
  for (int r = 0; r < a.rows; ++r) {
    for (int64_t i = 0; i < a.dim; ++i) {
      const double gate = a.gate[r * a.gate_stride + i];
      a.y[r * a.y_stride + i] = float(gate / (1 + std::exp(-gate)) * a.up[r * a.up_stride + i]);
    }
  }
}

void gelu_mul(const GatedMul& a) {
  for (int r = 0; r < a.rows; ++r) {
    for (int64_t i = 0; i < a.dim; ++i) {
      const double x = a.gate[r * a.gate_stride + i];
      const double inner = std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x);
      a.y[r * a.y_stride + i] = float(x / 2 * (1 + std::tanh(inner)) * a.up[r * a.up_stride + i]);
    }
  }
}

void mix_rows(const MixRows& a) {
  for (int64_t d = 0; d < a.dim; ++d) {
    double sum = 0;
    for (int i = 0; i < a.count; ++i) sum += double(a.weights[i]) * a.rows[i][d];
    a.y[d] = float(sum);
  }
}

void soft_cap(const SoftCap& a) {
  for (int64_t i = 0; i < a.n; ++i) a.y[i] = float(a.cap * std::tanh(double(a.x[i]) / a.cap));
}

void add(const Add& a) {
  for (int64_t i = 0; i < a.n; ++i) a.y[i] = a.a[i] + a.b[i];
}

void exp_all(const Exp& a) {
  for (int64_t i = 0; i < a.n; ++i) a.y[i] = float(std::exp(double(a.x[i] - a.shift)));
}

// One side of one head in a block: K, or V.
struct KvSide {
  KvType type;
  int head_dim;
  bool values;
  uint8_t* data;
  uint8_t* scales;

  KvSide(const void* block, KvType type, int head, int head_dim, bool values)
      : type(type), head_dim(head_dim), values(values) {
    uint8_t* first =
        static_cast<uint8_t*>(const_cast<void*>(block)) + head * kv_head_bytes(type, head_dim);
    const int64_t side = kv_side_bytes(type, head_dim);
    const int64_t side_scales = (kv_head_bytes(type, head_dim) - 2 * side) / 2;
    data = first + (values ? side : 0);
    scales = first + 2 * side + (values ? side_scales : 0);
  }

  int64_t index(int slot, int d) const {
    return values ? v_element(type, head_dim, slot, d) : k_element(type, head_dim, slot, d);
  }

  double get(int slot, int d) const {
    const auto* halves = reinterpret_cast<const uint16_t*>(data);
    switch (type) {
      case KvType::f32:
        return reinterpret_cast<const float*>(data)[index(slot, d)];
      case KvType::f16:
        return f16_to_f32(halves[index(slot, d)]);
      case KvType::bf16:
        return bf16_to_f32(halves[index(slot, d)]);
      case KvType::int8: {
        const uint8_t byte = data[index(slot, d)];
        return double(reinterpret_cast<const float*>(scales)[slot]) *
               (values ? int(int8_t(byte)) : int(byte) - 128);
      }
      case KvType::int4: {
        const auto* steps = reinterpret_cast<const uint16_t*>(scales);
        return values ? read_int4<true>(data, steps, head_dim, slot, d)
                      : read_int4<false>(data, steps, head_dim, slot, d);
      }
    }
    return 0;
  }

  void put(int slot, const float* x) const {
    auto* halves = reinterpret_cast<uint16_t*>(data);
    auto* steps = reinterpret_cast<uint16_t*>(scales);
    if (type == KvType::int8)
      return values ? write_int8<true>(x, head_dim, slot, data, reinterpret_cast<float*>(scales))
                    : write_int8<false>(x, head_dim, slot, data, reinterpret_cast<float*>(scales));
    if (type == KvType::int4)
      return values ? write_int4<true>(x, head_dim, slot, data, steps)
                    : write_int4<false>(x, head_dim, slot, data, steps);
    for (int d = 0; d < head_dim; ++d) {
      const int64_t at = index(slot, d);
      if (type == KvType::f32)
        reinterpret_cast<float*>(data)[at] = x[d];
      else
        halves[at] = type == KvType::f16 ? f32_to_f16(x[d]) : f32_to_bf16(x[d]);
    }
  }
};

void kv_write(const KvWrite& a) {
  for (int h = 0; h < a.kv_heads; ++h) {
    const int64_t from = int64_t{h} * a.head_dim;
    KvSide(a.block, a.type, h, a.head_dim, false).put(a.slot, a.k + from);
    KvSide(a.block, a.type, h, a.head_dim, true).put(a.slot, a.v + from);
  }
}

// One query head over the keys it sees, or those of one span. sums: values [D], peak, total.
void attend(const Attention& a, const float* q, int kv_head, int position,
            std::vector<double>& sums) {
  int first = a.window > 0 ? std::max(position + 1 - a.window, 0) : 0;
  if (a.part != nullptr) {
    first = std::max(first, a.span * kSpanKeys);
    position = std::min(position, (a.span + 1) * kSpanKeys - 1);
  }
  std::vector<double> p(std::size_t(position) + 1);
  sums.assign(std::size_t(a.head_dim) + 2, 0);
  double &peak = sums[std::size_t(a.head_dim)], &total = sums[std::size_t(a.head_dim) + 1];
  peak = -kInfinity;
  for (int t = first; t <= position; ++t) {
    const KvSide k(a.blocks[t / kKvBlockTokens], a.type, kv_head, a.head_dim, false);
    double& score = p[std::size_t(t)];
    for (int d = 0; d < a.head_dim; ++d) score += double(q[d]) * k.get(t % kKvBlockTokens, d);
    score *= a.scale;
    peak = std::max(peak, score);
  }
  for (int t = first; t <= position; ++t) {
    const KvSide v(a.blocks[t / kKvBlockTokens], a.type, kv_head, a.head_dim, true);
    const double weight = std::exp(p[std::size_t(t)] - peak);
    total += weight;
    for (int d = 0; d < a.head_dim; ++d)
      sums[std::size_t(d)] += weight * v.get(t % kKvBlockTokens, d);
  }
}

void attention(const Attention& a) {
  const int per_kv_head = a.heads / a.kv_heads;
  const auto dim = std::size_t(a.head_dim);
  std::vector<double> sums;
  for (int i = 0; i < a.n; ++i) {
    for (int h = a.kv_head_begin * per_kv_head; h < a.kv_head_end * per_kv_head; ++h) {
      attend(a, a.q + i * a.q_stride + int64_t{h} * a.head_dim, h / per_kv_head, a.q0 + i, sums);
      float* out = a.out + i * a.out_stride + int64_t{h} * a.head_dim;
      if (a.part == nullptr)
        for (std::size_t d = 0; d < dim; ++d) out[d] = float(sums[d] / sums[dim + 1]);
      else
        std::copy(sums.begin(), sums.end(),
                  a.part + (int64_t{i} * a.heads + h) * span_floats(a.head_dim));
    }
  }
}

void join_spans(const JoinSpans& a) {
  for (int h = 0; h < a.heads; ++h) {
    const auto part = [&](int span) {
      return a.parts + (int64_t{span} * a.heads + h) * span_floats(a.head_dim);
    };
    double peak = -kInfinity, total = 0;
    for (int s = 0; s < a.spans; ++s) peak = std::max(peak, double(part(s)[a.head_dim]));
    std::vector<double> sum(std::size_t(a.head_dim));
    for (int s = 0; s < a.spans; ++s) {
      const double factor = std::exp(part(s)[a.head_dim] - peak);
      total += factor * part(s)[a.head_dim + 1];
      for (int d = 0; d < a.head_dim; ++d) sum[std::size_t(d)] += factor * part(s)[d];
    }
    for (int d = 0; d < a.head_dim; ++d)
      a.out[int64_t{h} * a.head_dim + d] = float(sum[std::size_t(d)] / total);
  }
}

void attention_weights(const AttentionWeights& a) {
  for (int i = 0; i < a.n; ++i) {
    const float* q = a.q + i * a.q_stride;
    std::vector<double> p(std::size_t(a.keys), 0.0);
    double peak = -kInfinity, total = 0;
    for (int t = 0; t < a.keys; ++t) {
      const KvSide k(a.blocks[t / kKvBlockTokens], a.type, a.kv_head, a.head_dim, false);
      for (int d = 0; d < a.head_dim; ++d)
        p[std::size_t(t)] += double(q[d]) * k.get(t % kKvBlockTokens, d) * a.scale;
      peak = std::max(peak, p[std::size_t(t)]);
    }
    for (double& score : p) total += score = std::exp(score - peak);
    for (int t = 0; t < a.keys; ++t) a.out[i * a.out_stride + t] = float(p[std::size_t(t)] / total);
  }
}

int64_t argmax(const float* x, int64_t n) {
  int64_t best = -1;
  for (int64_t i = 0; i < n; ++i)
    if (!std::isnan(x[i]) && (best < 0 || x[i] > x[best])) best = i;
  return best;
}

float max(const float* x, int64_t n) {
  const int64_t best = argmax(x, n);
  return best < 0 ? float(-kInfinity) : x[best];
}

float log_sum_exp(const float* x, int64_t n) {
  const double peak = max(x, n);
  if (!std::isfinite(peak)) return float(peak);
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += std::exp(x[i] - peak);
  return float(peak + std::log(sum));
}

}  // namespace

const Ops kReferenceOps = {
    .name = "reference",
    .usable = always_usable,
    .fast_int8 = false,
    .fast_bf16 = false,
    .narrow_int8 = false,
    .quantize_rows = quantize_rows,
    .matmul = matmul,
    .rms_norm = rms_norm,
    .rope = rope,
    .silu_mul = silu_mul,
    .gelu_mul = gelu_mul,
    .mix_rows = mix_rows,
    .soft_cap = soft_cap,
    .add = add,
    .exp = exp_all,
    .kv_write = kv_write,
    .attention = attention,
    .join_spans = join_spans,
    .attention_weights = attention_weights,
    .mla_write = reference_mla_write,
    .mla_attention = reference_mla_attention,
    .prepare_rows = reference_prepare_rows,
    .norm_rows = reference_norm_rows,
    .dense = reference_dense,
    .packed_attention = reference_packed_attention,
    .argmax = argmax,
    .max = max,
    .log_sum_exp = log_sum_exp,
};

}  // namespace serval
