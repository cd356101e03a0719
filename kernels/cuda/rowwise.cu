// Operations on rows and single elements.
#include "kernels/cuda/device.h"

namespace serval::cuda {
namespace {

// One block a row.
__global__ void rms_norm_kernel(RmsNorm a) {
  __shared__ float cells[kThreads];
  const float* x = a.x + int64_t(blockIdx.x) * a.x_stride;
  float* y = a.y + int64_t(blockIdx.x) * a.y_stride;
  float squares = 0;
  for (int i = int(threadIdx.x); i < a.dim; i += kThreads) squares += x[i] * x[i];
  const float scale = 1.0f / sqrtf(block_sum(squares, cells) / float(a.dim) + a.eps);
  for (int i = int(threadIdx.x); i < a.dim; i += kThreads) y[i] = x[i] * scale * a.w[i];
}

// One thread a rotated pair.
__global__ void rope_kernel(Rope a) {
  const int half = a.rotary_dim / 2;
  const bool adjacent = a.layout == RopeLayout::adjacent;
  const int64_t pairs = int64_t(a.tokens) * a.heads * half;
  for (int64_t p = first_element(); p < pairs; p += element_step()) {
    const int i = int(p % half);
    const int64_t head = p / half % a.heads, token = p / half / a.heads;
    float* x = a.x + token * a.x_stride + head * a.head_dim;
    const float* cosine = a.cos_sin + int64_t(a.positions[token]) * a.rotary_dim;
    float& first = x[adjacent ? 2 * i : i];
    float& second = x[adjacent ? 2 * i + 1 : i + half];
    const float c = cosine[i], s = cosine[half + i], u = first, v = second;
    first = u * c - v * s;
    second = v * c + u * s;
  }
}

struct Silu {
  __device__ static float of(float x) { return x / (1.0f + expf(-x)); }
};
struct Gelu {
  __device__ static float of(float x) {
    return 0.5f * x * (1.0f + tanhf(0.79788456f * (x + 0.044715f * x * x * x)));
  }
};

template <class Activation>
__global__ void gated_mul_kernel(GatedMul a) {
  const int64_t n = a.rows * a.dim;
  for (int64_t e = first_element(); e < n; e += element_step()) {
    const int64_t row = e / a.dim, i = e % a.dim;
    const float gate = a.gate[row * a.gate_stride + i];
    a.y[row * a.y_stride + i] = Activation::of(gate) * a.up[row * a.up_stride + i];
  }
}

__global__ void mix_rows_kernel(MixRows a) {
  for (int64_t d = first_element(); d < a.dim; d += element_step()) {
    float sum = 0;
    for (int i = 0; i < a.count; ++i) sum += a.weights[i] * a.rows[i][d];
    a.y[d] = sum;
  }
}

__global__ void soft_cap_kernel(SoftCap a) {
  for (int64_t i = first_element(); i < a.n; i += element_step())
    a.y[i] = a.cap * tanhf(a.x[i] / a.cap);
}

__global__ void add_kernel(Add a) {
  for (int64_t i = first_element(); i < a.n; i += element_step()) a.y[i] = a.a[i] + a.b[i];
}

__global__ void exp_kernel(Exp a) {
  for (int64_t i = first_element(); i < a.n; i += element_step()) a.y[i] = expf(a.x[i] - a.shift);
}

}  // namespace

Status rms_norm(const RmsNorm& a, CudaStream stream) {
  return launch("rms_norm", rms_norm_kernel, a.dim > 0 ? a.rows : 0, kThreads, stream, a);
}

Status rope(const Rope& a, CudaStream stream) {
  const int64_t pairs = int64_t(a.tokens) * a.heads * (a.rotary_dim / 2);
  return launch("rope", rope_kernel, element_blocks(pairs), kThreads, stream, a);
}

Status silu_mul(const GatedMul& a, CudaStream stream) {
  return launch("silu_mul", gated_mul_kernel<Silu>, element_blocks(a.rows * a.dim), kThreads,
                stream, a);
}

Status gelu_mul(const GatedMul& a, CudaStream stream) {
  return launch("gelu_mul", gated_mul_kernel<Gelu>, element_blocks(a.rows * a.dim), kThreads,
                stream, a);
}

Status mix_rows(const MixRows& a, CudaStream stream) {
  return launch("mix_rows", mix_rows_kernel, element_blocks(a.dim), kThreads, stream, a);
}

Status soft_cap(const SoftCap& a, CudaStream stream) {
  return launch("soft_cap", soft_cap_kernel, element_blocks(a.n), kThreads, stream, a);
}

Status add(const Add& a, CudaStream stream) {
  return launch("add", add_kernel, element_blocks(a.n), kThreads, stream, a);
}

Status exp(const Exp& a, CudaStream stream) {
  return launch("exp", exp_kernel, element_blocks(a.n), kThreads, stream, a);
}

}  // namespace serval::cuda
