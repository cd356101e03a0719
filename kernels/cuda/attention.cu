// The paged cache and attention over it: one block of 32 threads for a query head of one token,
// each thread scores one key of a cache block and then sums every 32nd dimension of the values.
#include "kernels/cuda/device.h"
#include "kernels/float16.h"

namespace serval::cuda {
namespace {

constexpr int kLanes = kKvBlockTokens;
constexpr int kMostDim = 256;

struct F32Cache {
  using Element = float;
  __device__ static float load(float element) { return element; }
  __device__ static float store(float value) { return value; }
};
struct F16Cache {
  using Element = uint16_t;
  __device__ static float load(uint16_t element) { return f16_to_f32(element); }
  __device__ static uint16_t store(float value) { return f32_to_f16(value); }
};

template <class Cache>
__global__ void kv_write_kernel(KvWrite a) {
  auto* block = static_cast<typename Cache::Element*>(a.block);
  const int64_t n = int64_t(a.kv_heads) * a.head_dim, tile = int64_t(a.head_dim) * kKvBlockTokens;
  for (int64_t e = first_element(); e < n; e += element_step()) {
    const int64_t head = e / a.head_dim, d = e % a.head_dim;
    auto* k_tile = block + 2 * head * tile;
    k_tile[d * kKvBlockTokens + a.slot] = Cache::store(a.k[e]);
    k_tile[tile + a.slot * a.head_dim + d] = Cache::store(a.v[e]);
  }
}

template <class Cache>
__global__ void attention_kernel(Attention a) {
  __shared__ float q[kMostDim];
  __shared__ float scores[kLanes];
  const int lane = int(threadIdx.x);
  const int per_kv_head = a.heads / a.kv_heads;
  const int heads = (a.kv_head_end - a.kv_head_begin) * per_kv_head;
  const int64_t i = int64_t(blockIdx.x) / heads;
  const int head = a.kv_head_begin * per_kv_head + int(int64_t(blockIdx.x) % heads);
  const int64_t tile = int64_t(a.head_dim) * kKvBlockTokens;
  const int64_t k_at = int64_t(head / per_kv_head) * 2 * tile;
  const int64_t keys = int64_t(a.q0) + i + 1;

  // All of q is here before out, which may be the same memory, is written.
  const float* q_row = a.q + i * a.q_stride + int64_t(head) * a.head_dim;
  for (int d = lane; d < a.head_dim; d += kLanes) q[d] = q_row[d];
  float sums[kMostDim / kLanes] = {};
  float peak = -INFINITY, total = 0;
  __syncthreads();
  const int64_t oldest = a.window > 0 && keys > a.window ? keys - a.window : 0;
  for (int64_t first = oldest / kLanes * kLanes; first < keys; first += kLanes) {
    const auto* k = static_cast<const typename Cache::Element*>(a.blocks[first / kLanes]) + k_at;
    const auto* v = k + tile;
    const int live = int(keys - first < kLanes ? keys - first : kLanes);
    const int hidden = int(oldest > first ? oldest - first : 0);
    if (lane < live) {
      float dot = 0;
      for (int d = 0; d < a.head_dim; ++d) dot += q[d] * Cache::load(k[d * kLanes + lane]);
      scores[lane] = dot * a.scale;
    }
    __syncthreads();
    float new_peak = peak;  // the same on every thread
    for (int t = hidden; t < live; ++t) new_peak = fmaxf(new_peak, scores[t]);
    const float shrink = expf(peak - new_peak);
    peak = new_peak;
    total *= shrink;
    for (float& sum : sums) sum *= shrink;
    for (int t = hidden; t < live; ++t) {
      const float weight = expf(scores[t] - peak);
      total += weight;
      for (int s = 0; s < kMostDim / kLanes; ++s) {
        const int d = s * kLanes + lane;
        if (d < a.head_dim) sums[s] += weight * Cache::load(v[int64_t(t) * a.head_dim + d]);
      }
    }
    __syncthreads();
  }
  float* out = a.out + i * a.out_stride + int64_t(head) * a.head_dim;
  for (int s = 0; s < kMostDim / kLanes; ++s) {
    const int d = s * kLanes + lane;
    if (d < a.head_dim) out[d] = sums[s] / total;
  }
}

}  // namespace

Status kv_write(const KvWrite& a, CudaStream stream) {
  const auto kernel = a.type == KvType::f16 ? kv_write_kernel<F16Cache> : kv_write_kernel<F32Cache>;
  return launch("kv_write", kernel, element_blocks(int64_t(a.kv_heads) * a.head_dim), kThreads,
                stream, a);
}

Status attention(const Attention& a, CudaStream stream) {
  if (a.head_dim > kMostDim)
    return invalid("CUDA attention: head dimension " + std::to_string(a.head_dim) +
                   ", at most 256 wanted");
  const int64_t heads = int64_t(a.kv_head_end - a.kv_head_begin) * (a.heads / a.kv_heads);
  const auto kernel =
      a.type == KvType::f16 ? attention_kernel<F16Cache> : attention_kernel<F32Cache>;
  return launch("attention", kernel, a.n > 0 ? heads * a.n : 0, kLanes, stream, a);
}

}  // namespace serval::cuda
