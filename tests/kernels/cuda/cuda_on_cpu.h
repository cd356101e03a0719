// Stands for <cuda_runtime.h> when the C++ compiler compiles a .cu file: the CUDA execution model
// on a CPU, one operating-system thread a CUDA thread, one block after the other.
//
// __syncthreads() is a barrier of all the block's threads and a shared array is a static one, so
// under the thread sanitizer a missing __syncthreads() is a reported data race, and under the
// address sanitizer every access out of bounds is caught. It says nothing of speed, of launch
// limits beyond a block's size, of warps, or of what the CUDA compiler makes of the code.
//
// Launches run to their end before they return; one at a time, whoever calls. Shared arrays keep
// what the block before left in them, as on a device: a kernel must not rely on zeros there.
#pragma once

#include <barrier>
#include <cmath>
#include <cstdint>
#include <functional>

#define __global__ static
#define __device__
#define __shared__ static

struct CUstream_st;
using cudaStream_t = CUstream_st*;

struct dim3 {
  constexpr dim3(unsigned width = 1, unsigned height = 1, unsigned depth = 1)
      : x(width), y(height), z(depth) {}
  unsigned x, y, z;
};

struct cudaLaunchConfig_t {
  dim3 gridDim, blockDim;
  std::size_t dynamicSmemBytes = 0;
  cudaStream_t stream = nullptr;
};

enum cudaError_t { cudaSuccess = 0, cudaErrorInvalidConfiguration = 9 };
inline const char* cudaGetErrorString(cudaError_t) { return "invalid configuration argument"; }

namespace cuda_on_cpu {

// Runs `kernel` once a thread of the grid.
cudaError_t run(const cudaLaunchConfig_t& config, const std::function<void()>& kernel);
// The barrier of the block the calling thread is in.
extern thread_local std::barrier<>* barrier;

}  // namespace cuda_on_cpu

extern thread_local dim3 threadIdx, blockIdx, gridDim, blockDim;

inline void __syncthreads() { cuda_on_cpu::barrier->arrive_and_wait(); }

template <class... Params, class... Args>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(Params...),
                               Args... args) {
  return cuda_on_cpu::run(*config, [&] { kernel(args...); });
}
