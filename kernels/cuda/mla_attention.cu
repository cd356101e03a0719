// The latent cache and attention over it: one block of 32 threads for a head of one token. Each
// thread scores one row of a cache block and then sums every 32nd element of the latent vectors.
#include "kernels/cuda/device.h"
#include "kernels/float16.h"

namespace serval::cuda {
namespace {

constexpr int kLanes = kKvBlockTokens;
constexpr int kMostRank = 2048;
constexpr int kMostRopeDim = 256;

__device__ float to_float(float element) { return element; }
__device__ float to_float(uint16_t element) { return f16_to_f32(element); }
__device__ void put(float& element, float value) { element = value; }
__device__ void put(uint16_t& element, float value) { element = f32_to_f16(value); }

template <class Element>
__global__ void mla_write_kernel(MlaWrite a) {
  const int64_t width = int64_t(a.rank) + a.rope_dim;
  auto* row = static_cast<Element*>(a.block) + a.slot * width;
  for (int64_t e = first_element(); e < width; e += element_step())
    put(row[e], e < a.rank ? a.latent[e] : a.key[e - a.rank]);
}

template <class Element>
__global__ void mla_attention_kernel(MlaAttention a) {
  __shared__ float q[kMostRank + kMostRopeDim];
  __shared__ float scores[kLanes];
  const int lane = int(threadIdx.x), width = a.rank + a.rope_dim;
  const int heads = a.head_end - a.head_begin;
  const int64_t i = int64_t(blockIdx.x) / heads;
  const int head = a.head_begin + int(int64_t(blockIdx.x) % heads);
  const int64_t keys = int64_t(a.q0) + i + 1;

  const float* q_row = a.q + i * a.q_stride + int64_t(head) * width;
  for (int d = lane; d < width; d += kLanes) q[d] = q_row[d];
  float sums[kMostRank / kLanes] = {};
  float peak = -INFINITY, total = 0;
  __syncthreads();
  for (int64_t first = 0; first < keys; first += kLanes) {
    const auto* rows = static_cast<const Element*>(a.blocks[first / kLanes]);
    const int live = int(keys - first < kLanes ? keys - first : kLanes);
    if (lane < live) {
      float dot = 0;
      for (int d = 0; d < width; ++d) dot += q[d] * to_float(rows[int64_t(lane) * width + d]);
      scores[lane] = dot * a.scale;
    }
    __syncthreads();
    float new_peak = peak;  // the same on every thread
    for (int t = 0; t < live; ++t) new_peak = fmaxf(new_peak, scores[t]);
    const float shrink = expf(peak - new_peak);
    peak = new_peak;
    total *= shrink;
    for (float& sum : sums) sum *= shrink;
    for (int t = 0; t < live; ++t) {
      const float weight = expf(scores[t] - peak);
      total += weight;
      for (int d = lane; d < a.rank; d += kLanes)
        sums[d / kLanes] += weight * to_float(rows[int64_t(t) * width + d]);
    }
    __syncthreads();
  }
  float* out = a.out + i * a.out_stride + int64_t(head) * a.rank;
  for (int d = lane; d < a.rank; d += kLanes) out[d] = sums[d / kLanes] / total;
}

}  // namespace

Status mla_write(const MlaWrite& a, CudaStream stream) {
  const auto kernel = a.type == KvType::f16 ? mla_write_kernel<uint16_t> : mla_write_kernel<float>;
  return launch("mla_write", kernel, element_blocks(int64_t(a.rank) + a.rope_dim), kThreads, stream,
                a);
}

Status mla_attention(const MlaAttention& a, CudaStream stream) {
  if (a.rank > kMostRank || a.rope_dim > kMostRopeDim)
    return invalid("CUDA mla_attention: rows of " + std::to_string(a.rank) + " + " +
                   std::to_string(a.rope_dim) + ", at most 2048 + 256 wanted");
  const int64_t heads = a.head_end - a.head_begin;
  const auto kernel =
      a.type == KvType::f16 ? mla_attention_kernel<uint16_t> : mla_attention_kernel<float>;
  return launch("mla_attention", kernel, a.n > 0 ? heads * a.n : 0, kLanes, stream, a);
}

}  // namespace serval::cuda
