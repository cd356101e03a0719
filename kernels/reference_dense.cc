// Dense layers and their rows in plain loops and double precision.
#include "kernels/reference_dense.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>
#include <vector>

#include "kernels/dense_layout.h"
#include "kernels/float16.h"

namespace serval {
namespace {

template <class T>
T read(const void* base, int64_t byte) {
  T value;
  std::memcpy(&value, static_cast<const uint8_t*>(base) + byte, sizeof value);
  return value;
}

void prepare(const std::vector<float>& x, DenseType type, void* out) {
  uint8_t* bytes = static_cast<uint8_t*>(out);
  if (type == DenseType::f32) {
    std::memcpy(bytes, x.data(), x.size() * 4);
    return;
  }
  if (type == DenseType::bf16) {
    for (std::size_t i = 0; i < (x.size() + 1) / 2 * 2; ++i) {
      const uint16_t half = i < x.size() ? f32_to_bf16(x[i]) : uint16_t{0};
      std::memcpy(bytes + 2 * i, &half, 2);
    }
    return;
  }
  const auto finite = [](float v) { return std::isfinite(v) ? double(v) : 0; };
  double low = x.empty() ? 0 : finite(x[0]), high = low;
  for (float v : x) low = std::min(low, finite(v)), high = std::max(high, finite(v));
  const double step = (high - low) / 254, middle = (high + low) / 2;
  DenseRowHeader header{float(step), float(middle), 0, {}};
  for (std::size_t i = 0; i < (x.size() + 3) / 4 * 4; ++i) {
    const double scaled = i < x.size() && step > 0 ? (finite(x[i]) - middle) / step : 0;
    const int q = int(std::nearbyint(std::clamp(scaled, -127.0, 127.0)));
    bytes[sizeof header + i] = uint8_t(int8_t(q));
    header.start -= 128 * q;
  }
  std::memcpy(bytes, &header, sizeof header);
}

// Column c of one prepared row.
double row_value(const void* row, DenseType type, int64_t c) {
  if (type == DenseType::f32) return read<float>(row, 4 * c);
  if (type == DenseType::bf16) return bf16_to_f32(read<uint16_t>(row, 2 * c));
  const auto header = read<DenseRowHeader>(row, 0);
  return double(header.step) * read<int8_t>(row, 64 + c) + double(header.middle);
}

double weight(const DenseWeights& w, int64_t panel, int at, int64_t c) {
  const auto* data = static_cast<const uint8_t*>(w.data) + panel * dense_panel_bytes(w.type, w.k);
  if (w.type == DenseType::f32) return read<float>(data, c * kDenseStepBytes + at * 4);
  if (w.type == DenseType::bf16)
    return bf16_to_f32(read<uint16_t>(data, c / 2 * kDenseStepBytes + at * 4 + c % 2 * 2));
  const int q = read<uint8_t>(data, c / 4 * kDenseStepBytes + at * 4 + c % 4) - 128;
  return double(read<float>(data, dense_scales_at(w.k) + at * 4)) * q;
}

double activate(Activation activation, double x) {
  switch (activation) {
    case Activation::none:
      return x;
    case Activation::relu:
      return std::max(x, 0.0);
    case Activation::tanh:
      return std::tanh(x);
    case Activation::silu:
      return x / (1 + std::exp(-x));
    case Activation::gelu_erf:
      return x / 2 * std::erfc(-x / std::numbers::sqrt2);
    case Activation::gelu_tanh:
      return x / 2 * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x)));
  }
  return x;
}

// Output at place `at` of the panel for one row, before the activation.
double product(const Dense& a, const void* row, int64_t panel, int at) {
  double sum = 0;
  for (int64_t c = 0; c < a.w.k; ++c)
    sum += row_value(row, a.w.type, c) * weight(a.w, panel, at, c);
  const int64_t output = dense_output_at(a.w.n, a.w.gated, panel, at);
  return a.bias != nullptr ? sum + double(a.bias[output]) : sum;
}

}  // namespace

void reference_prepare_rows(const PrepareRows& a) {
  for (int r = 0; r < a.rows; ++r) {
    const float* x = a.x + r * a.x_stride;
    prepare({x, x + a.cols}, a.type, static_cast<uint8_t*>(a.out) + std::size_t(r) * a.out_stride);
  }
}

void reference_norm_rows(const NormRows& a) {
  for (int r = 0; r < a.rows; ++r) {
    std::vector<float> sum(std::size_t(a.dim)), y(std::size_t(a.dim));
    double mean = 0, square = 0;
    for (int i = 0; i < a.dim; ++i) {
      sum[std::size_t(i)] = a.x[r * a.x_stride + i];
      if (a.add != nullptr) sum[std::size_t(i)] += a.add[r * a.add_stride + i];
      mean += double(sum[std::size_t(i)]) / a.dim;
    }
    if (a.kind == NormKind::rms) mean = 0;
    for (float v : sum) square += (v - mean) * (v - mean) / a.dim;
    const double scale = 1 / std::sqrt(square + double(a.eps));
    for (int i = 0; i < a.dim; ++i) {
      const double normal = (double(sum[std::size_t(i)]) - mean) * scale * double(a.gamma[i]);
      y[std::size_t(i)] = float(normal + (a.beta != nullptr ? double(a.beta[i]) : 0));
    }
    if (a.sum != nullptr) std::copy(sum.begin(), sum.end(), a.sum + r * a.sum_stride);
    if (a.y != nullptr) std::copy(y.begin(), y.end(), a.y + r * a.y_stride);
    if (a.prepared != nullptr)
      prepare(y, a.type, static_cast<uint8_t*>(a.prepared) + std::size_t(r) * a.prepared_stride);
  }
}

void reference_dense(const Dense& a) {
  const int64_t outputs = dense_outputs(a.w), width = dense_panel_outputs(a.w);
  for (int r = a.row_begin; r < a.row_end; ++r) {
    const void* row = static_cast<const uint8_t*>(a.x) + std::size_t(r) * a.x_stride;
    for (int64_t o = a.panel_begin * width; o < std::min(a.panel_end * width, outputs); ++o) {
      const int64_t panel = o / width;
      const int at = int(o % width);
      double y = activate(a.activation, product(a, row, panel, at));
      if (a.w.gated) y *= product(a, row, panel, at + kDensePanel / 2);
      if (a.add != nullptr) y += double(a.add[r * a.add_stride + o]);
      if (a.y_bf16 == nullptr) {
        a.y[r * a.y_stride + o] = float(y);
        continue;
      }
      auto* out = static_cast<uint8_t*>(a.y_bf16) + std::size_t(r) * a.y_bf16_stride;
      const uint16_t half = f32_to_bf16(float(y)), zero = 0;
      std::memcpy(out + 2 * o, &half, 2);
      if (o % 2 == 0 && o + 1 == outputs) std::memcpy(out + 2 * o + 2, &zero, 2);
    }
  }
}

void reference_packed_attention(const PackedAttention& a) {
  for (int h = a.head_begin; h < a.head_end; ++h) {
    const int64_t kv = int64_t{h / (a.heads / a.kv_heads)} * a.head_dim;
    for (int i = a.query_begin; i < a.query_end; ++i) {
      const float* q = a.q + (a.begin + i) * a.q_stride + int64_t{h} * a.head_dim;
      std::vector<double> score, mixed(std::size_t(a.head_dim));
      const int first = a.window > 0 ? std::max(0, i - a.window) : 0;
      const int sees =
          a.window > 0 ? int(std::min<int64_t>(a.length, int64_t{i} + a.window + 1)) : a.length;
      const int last = a.causal ? i + 1 : sees;
      double peak = -INFINITY, total = 0;
      for (int j = first; j < last; ++j) {
        const float* k = a.k + (a.begin + j) * a.k_stride + kv;
        double dot = 0;
        for (int d = 0; d < a.head_dim; ++d) dot += double(q[d]) * double(k[d]);
        score.push_back(dot * double(a.scale));
        if (a.bias != nullptr)
          score.back() += double(a.bias[h * a.bias_stride + a.bias_zero + j - i]);
        peak = std::max(peak, score.back());
      }
      for (int j = first; j < last; ++j) {
        const double w = std::exp(score[std::size_t(j - first)] - peak);
        const float* v = a.v + (a.begin + j) * a.v_stride + kv;
        total += w;
        for (int d = 0; d < a.head_dim; ++d) mixed[std::size_t(d)] += w * double(v[d]);
      }
      float* out = a.out + (a.begin + i) * a.out_stride + int64_t{h} * a.head_dim;
      for (int d = 0; d < a.head_dim; ++d) out[d] = float(mixed[std::size_t(d)] / total);
    }
  }
}

}  // namespace serval
