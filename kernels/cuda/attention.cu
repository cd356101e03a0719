// The paged cache and attention over it: one block of 32 threads for a query head of one token,
// each thread scores one key of a cache block and then sums every 32nd dimension of the values.
#include <type_traits>

#include "kernels/cuda/device.h"
#include "kernels/kv_layout.h"

namespace serval::cuda {
namespace {

constexpr int kLanes = kKvBlockTokens;
constexpr int kMostDim = 256;

// One head of one cache block. kernels/kv_layout.h has the layouts.
template <KvType kType>
struct Head {
  uint8_t* k;
  uint8_t* v;
  uint8_t* scales;
  int head_dim;

  __device__ Head(const void* block, int head, int head_dim)
      : k(static_cast<uint8_t*>(const_cast<void*>(block)) + head * kv_head_bytes(kType, head_dim)),
        v(k + kv_side_bytes(kType, head_dim)),
        scales(v + kv_side_bytes(kType, head_dim)),
        head_dim(head_dim) {}

  __device__ float* float_scales(bool values) const {
    return reinterpret_cast<float*>(scales) + (values ? kLanes : 0);
  }
  __device__ uint16_t* steps(bool values) const {
    return reinterpret_cast<uint16_t*>(scales) + (values ? 2 * kv_runs(head_dim) * kLanes : 0);
  }

  template <bool kValues>
  __device__ float get(int slot, int d) const {
    const uint8_t* side = kValues ? v : k;
    const int64_t at =
        kValues ? v_element(kType, head_dim, slot, d) : k_element(kType, head_dim, slot, d);
    if constexpr (kType == KvType::f32)
      return reinterpret_cast<const float*>(side)[at];
    else if constexpr (kType == KvType::f16)
      return f16_to_f32(reinterpret_cast<const uint16_t*>(side)[at]);
    else if constexpr (kType == KvType::bf16)
      return bf16_to_f32(reinterpret_cast<const uint16_t*>(side)[at]);
    else if constexpr (kType == KvType::int8)
      return float_scales(kValues)[slot] *
             float(kValues ? int(int8_t(side[at])) : int(side[at]) - 128);
    else
      return read_int4<kValues>(side, steps(kValues), head_dim, slot, d);
  }

  // Element d of x, or with a quantised type all of them.
  template <bool kValues>
  __device__ void put(int slot, int d, const float* x) const {
    uint8_t* side = kValues ? v : k;
    if constexpr (kType == KvType::int8) {
      write_int8<kValues>(x, head_dim, slot, side, float_scales(kValues));
    } else if constexpr (kType == KvType::int4) {
      write_int4<kValues>(x, head_dim, slot, side, steps(kValues));
    } else {
      const int64_t at =
          kValues ? v_element(kType, head_dim, slot, d) : k_element(kType, head_dim, slot, d);
      if constexpr (kType == KvType::f32)
        reinterpret_cast<float*>(side)[at] = x[d];
      else
        reinterpret_cast<uint16_t*>(side)[at] =
            kType == KvType::f16 ? f32_to_f16(x[d]) : f32_to_bf16(x[d]);
    }
  }
};

constexpr bool is_quantised(KvType type) { return type == KvType::int8 || type == KvType::int4; }

// A thread writes one element of a head, or of a quantised type the head's whole vector.
template <KvType kType>
__global__ void kv_write_kernel(KvWrite a) {
  const int width = is_quantised(kType) ? 1 : a.head_dim;
  const int64_t n = int64_t(a.kv_heads) * width;
  for (int64_t e = first_element(); e < n; e += element_step()) {
    const int head = int(e / width), d = int(e % width);
    const Head<kType> out(a.block, head, a.head_dim);
    out.template put<false>(a.slot, d, a.k + int64_t(head) * a.head_dim);
    out.template put<true>(a.slot, d, a.v + int64_t(head) * a.head_dim);
  }
}

template <KvType kType>
__global__ void attention_kernel(Attention a) {
  __shared__ float q[kMostDim];
  __shared__ float scores[kLanes];
  const int lane = int(threadIdx.x);
  const int per_kv_head = a.heads / a.kv_heads;
  const int heads = (a.kv_head_end - a.kv_head_begin) * per_kv_head;
  const int64_t i = int64_t(blockIdx.x) / heads;
  const int head = a.kv_head_begin * per_kv_head + int(int64_t(blockIdx.x) % heads);
  const int64_t keys = int64_t(a.q0) + i + 1;

  // All of q is here before out, which may be the same memory, is written.
  const float* q_row = a.q + i * a.q_stride + int64_t(head) * a.head_dim;
  for (int d = lane; d < a.head_dim; d += kLanes) q[d] = q_row[d];
  float sums[kMostDim / kLanes] = {};
  float peak = -INFINITY, total = 0;
  __syncthreads();
  const int64_t oldest = a.window > 0 && keys > a.window ? keys - a.window : 0;
  for (int64_t first = oldest / kLanes * kLanes; first < keys; first += kLanes) {
    const Head<kType> cache(a.blocks[first / kLanes], head / per_kv_head, a.head_dim);
    const int live = int(keys - first < kLanes ? keys - first : kLanes);
    const int hidden = int(oldest > first ? oldest - first : 0);
    if (lane < live) {
      float dot = 0;
      for (int d = 0; d < a.head_dim; ++d) dot += q[d] * cache.template get<false>(lane, d);
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
        if (d < a.head_dim) sums[s] += weight * cache.template get<true>(t, d);
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

// run(std::integral_constant of the type).
template <class Run>
Status with_type(KvType type, Run run) {
  switch (type) {
    case KvType::f16:
      return run(std::integral_constant<KvType, KvType::f16>{});
    case KvType::bf16:
      return run(std::integral_constant<KvType, KvType::bf16>{});
    case KvType::int8:
      return run(std::integral_constant<KvType, KvType::int8>{});
    case KvType::int4:
      return run(std::integral_constant<KvType, KvType::int4>{});
    case KvType::f32:
      break;
  }
  return run(std::integral_constant<KvType, KvType::f32>{});
}

}  // namespace

Status kv_write(const KvWrite& a, CudaStream stream) {
  return with_type(a.type, [&](auto type) {
    return launch("kv_write", kv_write_kernel<type()>,
                  element_blocks(int64_t(a.kv_heads) * a.head_dim), kThreads, stream, a);
  });
}

Status attention(const Attention& a, CudaStream stream) {
  if (a.head_dim > kMostDim)
    return invalid("CUDA attention: head dimension " + std::to_string(a.head_dim) +
                   ", at most 256 wanted");
  if (a.part != nullptr) return error(Code::unimplemented, "CUDA attention: parts of a query");
  const int64_t heads = int64_t(a.kv_head_end - a.kv_head_begin) * (a.heads / a.kv_heads);
  return with_type(a.type, [&](auto type) {
    return launch("attention", attention_kernel<type()>, a.n > 0 ? heads * a.n : 0, kLanes, stream,
                  a);
  });
}

}  // namespace serval::cuda
