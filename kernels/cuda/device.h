// What every CUDA source here shares: the size of a thread block, the launch, sums over a block.
//
// The sources are also compiled by the C++ compiler alone: tests/kernels/cuda/cuda_on_cpu.h,
// included before them, stands for <cuda_runtime.h> and runs one operating-system thread a CUDA
// thread. So they keep to what it has: shared arrays, __syncthreads(), the index variables, and the
// launch. A kernel never returns before a __syncthreads() that others of its block reach.
#pragma once

#if defined(__CUDACC__)
#include <cuda_runtime.h>
#endif

#include <string>

#include "kernels/cuda/launchers.h"

// Threads of a block: a power of two, at least 32. The simulator's are real and so fewer.
#if !defined(SERVAL_CUDA_THREADS)
#define SERVAL_CUDA_THREADS 256
#endif

namespace serval::cuda {
namespace {

constexpr int kThreads = SERVAL_CUDA_THREADS;
static_assert(kThreads >= 32 && kThreads <= 1024 && (kThreads & (kThreads - 1)) == 0);

constexpr int64_t kMostBlocks = 0x7fffffff;  // of a grid along x

[[maybe_unused]] constexpr int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

template <class T>
struct Same {
  using type = T;
};

// Runs `kernel` on `blocks` blocks of `threads` threads; no blocks is no work.
template <class... Args>
Status launch(const char* name, void (*kernel)(Args...), int64_t blocks, int threads,
              CudaStream stream, typename Same<Args>::type... args) {
  if (blocks <= 0) return {};
  if (blocks > kMostBlocks)
    return invalid(std::string("CUDA kernel ") + name + ": " + std::to_string(blocks) +
                   " blocks wanted, one launch has at most 2147483647");
  cudaLaunchConfig_t config{};
  config.gridDim = dim3(unsigned(blocks));
  config.blockDim = dim3(unsigned(threads));
  config.stream = stream;
  const cudaError_t code = cudaLaunchKernelEx(&config, kernel, args...);
  if (code != cudaSuccess)
    return error(Code::unavailable,
                 std::string("CUDA kernel ") + name + ": " + cudaGetErrorString(code));
  return {};
}

// Blocks for `n` independent elements, one a thread and turn (see first_element()).
[[maybe_unused]] constexpr int64_t element_blocks(int64_t n) {
  const int64_t blocks = ceil_div(n, kThreads), most = 1 << 16;
  return blocks < most ? blocks : most;
}

// A thread's elements are first_element(), then steps of element_step(), below n.
__device__ inline int64_t first_element() { return int64_t(blockIdx.x) * blockDim.x + threadIdx.x; }
__device__ inline int64_t element_step() { return int64_t(gridDim.x) * blockDim.x; }

// The sum of `value` over the block, the same on every thread; always added in the same order.
// cells: kThreads floats of shared memory, free for reuse by all threads afterwards.
__device__ inline float block_sum(float value, float* cells) {
  const int thread = int(threadIdx.x);
  cells[thread] = value;
  for (int half = kThreads / 2; half > 0; half /= 2) {
    __syncthreads();
    if (thread < half) cells[thread] += cells[thread + half];
  }
  __syncthreads();
  const float sum = cells[0];
  __syncthreads();
  return sum;
}

}  // namespace
}  // namespace serval::cuda
