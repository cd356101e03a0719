// Does the checker check? A kernel whose __syncthreads() is missing: the thread sanitizer must end
// this program with a report. (CMakeLists.txt expects the failure; without the argument the barrier
// is there and the program succeeds.)
#include <cstdio>

namespace {

__global__ void rotate(int* out, bool wait) {
  __shared__ int cells[8];
  cells[threadIdx.x] = int(threadIdx.x);
  if (wait) __syncthreads();
  out[threadIdx.x] = cells[(threadIdx.x + 1) % 8];
}

}  // namespace

int main(int argc, char**) {
  int out[8] = {};
  cudaLaunchConfig_t config{};
  config.blockDim = dim3(8);
  if (cudaLaunchKernelEx(&config, rotate, out, argc == 1) != cudaSuccess) return 2;
  std::printf("%d\n", out[0]);
  return 0;
}
