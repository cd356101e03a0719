// Reductions of one vector of logits by one block.
#include "kernels/cuda/device.h"

namespace serval::cuda {
namespace {

struct Best {
  float value;
  int64_t index;  // -1: none yet
};

// The greater; of equals the one that stands first.
__device__ inline Best better(Best a, Best b) {
  if (a.index < 0) return b;
  if (b.index < 0) return a;
  if (a.value != b.value) return a.value > b.value ? a : b;
  return a.index < b.index ? a : b;
}

__device__ inline Best block_best(const float* x, int64_t n) {
  __shared__ float values[kThreads];
  __shared__ int64_t indices[kThreads];
  const int thread = int(threadIdx.x);
  Best best{0, -1};
  for (int64_t i = thread; i < n; i += kThreads)
    if (x[i] == x[i]) best = better(best, {x[i], i});  // NaN never wins
  values[thread] = best.value;
  indices[thread] = best.index;
  for (int half = kThreads / 2; half > 0; half /= 2) {
    __syncthreads();
    if (thread >= half) continue;
    best =
        better({values[thread], indices[thread]}, {values[thread + half], indices[thread + half]});
    values[thread] = best.value;
    indices[thread] = best.index;
  }
  __syncthreads();
  return {values[0], indices[0]};
}

__global__ void argmax_kernel(const float* x, int64_t n, int64_t* out) {
  const Best best = block_best(x, n);
  if (threadIdx.x == 0) *out = best.index;
}

__global__ void max_kernel(const float* x, int64_t n, float* out) {
  const Best best = block_best(x, n);
  if (threadIdx.x == 0) *out = best.index < 0 ? -INFINITY : best.value;
}

__global__ void log_sum_exp_kernel(const float* x, int64_t n, float* out) {
  __shared__ float cells[kThreads];
  const Best best = block_best(x, n);
  const float peak = best.index < 0 ? -INFINITY : best.value;
  const bool finite = fabsf(peak) != INFINITY;  // the same on every thread
  float sum = 0;
  if (finite)
    for (int64_t i = int64_t(threadIdx.x); i < n; i += kThreads) sum += expf(x[i] - peak);
  sum = block_sum(sum, cells);
  if (threadIdx.x == 0) *out = finite ? peak + logf(sum) : peak;
}

}  // namespace

Status argmax(const float* x, int64_t n, int64_t* out, CudaStream stream) {
  return launch("argmax", argmax_kernel, 1, kThreads, stream, x, n, out);
}

Status max(const float* x, int64_t n, float* out, CudaStream stream) {
  return launch("max", max_kernel, 1, kThreads, stream, x, n, out);
}

Status log_sum_exp(const float* x, int64_t n, float* out, CudaStream stream) {
  return launch("log_sum_exp", log_sum_exp_kernel, 1, kThreads, stream, x, n, out);
}

}  // namespace serval::cuda
