// Latent attention in plain loops and double precision: every key's score first, then the sum.
#include "kernels/reference_mla.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels/float16.h"

namespace serval {
namespace {

double element(const void* block, KvType type, int64_t index) {
  return type == KvType::f32 ? static_cast<const float*>(block)[index]
                             : f16_to_f32(static_cast<const uint16_t*>(block)[index]);
}

// One head of one query over keys 0..position.
void attend(const MlaAttention& a, const float* q, int position, float* out) {
  const int width = a.rank + a.rope_dim;
  std::vector<double> p(std::size_t(position) + 1), sum(std::size_t(a.rank));
  double peak = -std::numeric_limits<double>::infinity(), total = 0;
  const auto cached = [&](int t, int d) {
    return element(a.blocks[t / kKvBlockTokens], a.type, int64_t{t % kKvBlockTokens} * width + d);
  };
  for (int t = 0; t <= position; ++t) {
    double& score = p[std::size_t(t)];
    for (int d = 0; d < width; ++d) score += double(q[d]) * cached(t, d);
    score *= a.scale;
    peak = std::max(peak, score);
  }
  for (int t = 0; t <= position; ++t) {
    const double weight = std::exp(p[std::size_t(t)] - peak);
    total += weight;
    for (int d = 0; d < a.rank; ++d) sum[std::size_t(d)] += weight * cached(t, d);
  }
  for (int d = 0; d < a.rank; ++d) out[d] = float(sum[std::size_t(d)] / total);
}

}  // namespace

void reference_mla_write(const MlaWrite& a) {
  const int64_t row = int64_t{a.slot} * (a.rank + a.rope_dim);
  for (int d = 0; d < a.rank + a.rope_dim; ++d) {
    const float value = d < a.rank ? a.latent[d] : a.key[d - a.rank];
    if (a.type == KvType::f32)
      static_cast<float*>(a.block)[row + d] = value;
    else
      static_cast<uint16_t*>(a.block)[row + d] = f32_to_f16(value);
  }
}

void reference_mla_attention(const MlaAttention& a) {
  for (int i = 0; i < a.n; ++i)
    for (int h = a.head_begin; h < a.head_end; ++h)
      attend(a, a.q + i * a.q_stride + int64_t{h} * (a.rank + a.rope_dim), a.q0 + i,
             a.out + i * a.out_stride + int64_t{h} * a.rank);
}

}  // namespace serval
