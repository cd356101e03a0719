#include "tests/kernels/cuda/cuda_on_cpu.h"

#include <mutex>
#include <thread>
#include <vector>

thread_local dim3 threadIdx, blockIdx, gridDim, blockDim;

namespace cuda_on_cpu {

thread_local std::barrier<>* barrier = nullptr;

namespace {

std::mutex one_launch;  // shared arrays are static

// Thread `index` of every block in turn. The barrier between two blocks is what makes it legal to
// use the same shared arrays again.
void run_thread(const cudaLaunchConfig_t& config, unsigned index, std::barrier<>& of_block,
                const std::function<void()>& kernel) {
  barrier = &of_block;
  gridDim = config.gridDim;
  blockDim = config.blockDim;
  threadIdx = dim3(index, 0, 0);
  for (unsigned b = 0; b < gridDim.x; ++b) {
    blockIdx = dim3(b, 0, 0);
    kernel();
    of_block.arrive_and_wait();
  }
}

}  // namespace

cudaError_t run(const cudaLaunchConfig_t& config, const std::function<void()>& kernel) {
  const dim3 &grid = config.gridDim, &block = config.blockDim;
  const bool one_dimension = grid.y == 1 && grid.z == 1 && block.y == 1 && block.z == 1;
  if (!one_dimension || grid.x == 0 || grid.x > 0x7fffffffu || block.x == 0 || block.x > 1024)
    return cudaErrorInvalidConfiguration;
  const std::lock_guard lock(one_launch);
  std::barrier<> of_block(block.x);
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < block.x; ++i)
    threads.emplace_back([&, i] { run_thread(config, i, of_block, kernel); });
  for (std::thread& thread : threads) thread.join();
  return cudaSuccess;
}

}  // namespace cuda_on_cpu
