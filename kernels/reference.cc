// The oracle: every operation in plain loops and double precision. Slow, obvious, never tuned.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include "kernels/float16.h"
#include "kernels/quant_rows.h"
#include "kernels/reference_mla.h"
#include "kernels/tables.h"

namespace serval {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// NaN and infinity become 0 here so that the integer conversion below is always defined.
double finite_or_zero(double x) { return std::isfinite(x) ? x : 0; }

void quantize_rows(const QuantizeRows& a) {
  const int64_t blocks = a.cols / kBlockCols;
  for (int t = a.token_begin; t < a.token_end; ++t) {
    const QuantTile tile = quant_tile(t / kTileTokens, a.tokens, blocks);
    QuantRecord* records = static_cast<QuantRecord*>(a.out) + tile.first_record;
    for (int64_t b = 0; b < blocks; ++b) {
      const float* x = a.x + t * a.x_stride + b * kBlockCols;
      QuantRecord& r = records[b * tile.tokens + t % kTileTokens];
      double peak = 0;
      for (int i = 0; i < 32; ++i) peak = std::max(peak, std::fabs(finite_or_zero(x[i])));
      int sum = 0, low = 0;
      for (int i = 0; i < 32; ++i) {
        const double q = peak > 0 ? std::nearbyint(finite_or_zero(x[i]) * 127 / peak) : 0;
        r.q[i] = int8_t(q);
        sum += int(q);
        if (i < 16) low += int(q);
      }
      r.scale = float(peak / 127);
      r.scaled_sum = r.scale * float(sum);
      r.minus_sum = -sum;
      r.minus_sum_low = -low;
    }
  }
}

// One token's activations as the matmul sees them.
void read_activations(const MatMul& a, int token, std::vector<double>& x) {
  if (is_float_form(a.w.form)) {
    for (int64_t k = 0; k < a.w.cols; ++k) x[std::size_t(k)] = a.x[token * a.x_stride + k];
    return;
  }
  const QuantTile tile = quant_tile(token / kTileTokens, a.tokens, a.w.cols / kBlockCols);
  const QuantRecord* records = static_cast<const QuantRecord*>(a.x_q) + tile.first_record;
  for (int64_t k = 0; k < a.w.cols; ++k) {
    const QuantRecord& r = records[k / kBlockCols * tile.tokens + token % kTileTokens];
    x[std::size_t(k)] = double(r.scale) * r.q[k % kBlockCols];
  }
}

void matmul(const MatMul& a) {
  std::vector<float> w(std::size_t(a.w.cols));
  std::vector<double> x(std::size_t(a.w.cols));
  const int64_t last = std::min(a.group_end * kGroupRows, a.w.rows);
  for (int t = a.token_begin; t < a.token_end; ++t) {
    read_activations(a, t, x);
    for (int64_t row = a.group_begin * kGroupRows; row < last; ++row) {
      dequantize_packed_row(a.w, row, w.data());
      double sum = 0;
      for (std::size_t k = 0; k < x.size(); ++k) sum += x[k] * double(w[k]);
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

// Element `index` of a block's memory.
double kv_element(const void* block, KvType type, int64_t index) {
  return type == KvType::f32 ? static_cast<const float*>(block)[index]
                             : f16_to_f32(static_cast<const uint16_t*>(block)[index]);
}

void put_kv_element(void* block, KvType type, int64_t index, float value) {
  if (type == KvType::f32)
    static_cast<float*>(block)[index] = value;
  else
    static_cast<uint16_t*>(block)[index] = f32_to_f16(value);
}

int64_t k_index(int head, int head_dim, int slot, int d) {
  return (int64_t{2} * head * head_dim + d) * kKvBlockTokens + slot;
}

int64_t v_index(int head, int head_dim, int slot, int d) {
  return (int64_t{2} * head + 1) * head_dim * kKvBlockTokens + int64_t{slot} * head_dim + d;
}

void kv_write(const KvWrite& a) {
  for (int h = 0; h < a.kv_heads; ++h) {
    for (int d = 0; d < a.head_dim; ++d) {
      const int64_t from = int64_t{h} * a.head_dim + d;
      put_kv_element(a.block, a.type, k_index(h, a.head_dim, a.slot, d), a.k[from]);
      put_kv_element(a.block, a.type, v_index(h, a.head_dim, a.slot, d), a.v[from]);
    }
  }
}

// One query head over keys 0..position, or the last of them that its window holds.
void attend(const Attention& a, const float* q, int kv_head, int position, float* out) {
  const int first = a.window > 0 ? std::max(position - a.window + 1, 0) : 0;
  std::vector<double> p(std::size_t(position) + 1), sum(std::size_t(a.head_dim));
  double peak = -kInfinity, total = 0;
  for (int t = first; t <= position; ++t) {
    double& score = p[std::size_t(t)];
    for (int d = 0; d < a.head_dim; ++d)
      score += double(q[d]) * kv_element(a.blocks[t / kKvBlockTokens], a.type,
                                         k_index(kv_head, a.head_dim, t % kKvBlockTokens, d));
    score *= a.scale;
    peak = std::max(peak, score);
  }
  for (int t = first; t <= position; ++t) {
    const double weight = std::exp(p[std::size_t(t)] - peak);
    total += weight;
    for (int d = 0; d < a.head_dim; ++d)
      sum[std::size_t(d)] +=
          weight * kv_element(a.blocks[t / kKvBlockTokens], a.type,
                              v_index(kv_head, a.head_dim, t % kKvBlockTokens, d));
  }
  for (int d = 0; d < a.head_dim; ++d) out[d] = float(sum[std::size_t(d)] / total);
}

void attention(const Attention& a) {
  const int per_kv_head = a.heads / a.kv_heads;
  for (int i = 0; i < a.n; ++i) {
    for (int h = a.kv_head_begin * per_kv_head; h < a.kv_head_end * per_kv_head; ++h) {
      attend(a, a.q + i * a.q_stride + int64_t{h} * a.head_dim, h / per_kv_head, a.q0 + i,
             a.out + i * a.out_stride + int64_t{h} * a.head_dim);
    }
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
    .mla_write = reference_mla_write,
    .mla_attention = reference_mla_attention,
    .argmax = argmax,
    .max = max,
    .log_sum_exp = log_sum_exp,
};

}  // namespace serval
