#include "tests/kernels/cuda/cuda_on_cpu.h"

#include <map>
#include <memory>
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

// The threads of a block, kept from launch to launch: to start one costs more than most kernels.
class Team {
 public:
  explicit Team(unsigned size) : of_block_(size), turn_(size + 1) {
    for (unsigned i = 0; i < size; ++i) threads_.emplace_back([this, i] { serve(i); });
  }
  ~Team() {
    config_ = nullptr;
    turn_.arrive_and_wait();
    for (std::thread& thread : threads_) thread.join();
  }

  void run(const cudaLaunchConfig_t& config, const std::function<void()>& kernel) {
    config_ = &config;
    kernel_ = &kernel;
    turn_.arrive_and_wait();  // starts
    turn_.arrive_and_wait();  // all are done
  }

 private:
  void serve(unsigned index) {
    for (turn_.arrive_and_wait(); config_ != nullptr; turn_.arrive_and_wait()) {
      run_thread(*config_, index, of_block_, *kernel_);
      turn_.arrive_and_wait();
    }
  }

  const cudaLaunchConfig_t* config_ = nullptr;  // null at a turn: the end
  const std::function<void()>* kernel_ = nullptr;
  std::barrier<> of_block_, turn_;
  std::vector<std::thread> threads_;
};

}  // namespace

cudaError_t run(const cudaLaunchConfig_t& config, const std::function<void()>& kernel) {
  const dim3 &grid = config.gridDim, &block = config.blockDim;
  const bool one_dimension = grid.y == 1 && grid.z == 1 && block.y == 1 && block.z == 1;
  if (!one_dimension || grid.x == 0 || grid.x > 0x7fffffffu || block.x == 0 || block.x > 1024)
    return cudaErrorInvalidConfiguration;
  const std::lock_guard lock(one_launch);
  static std::map<unsigned, std::unique_ptr<Team>> teams;
  std::unique_ptr<Team>& team = teams[block.x];
  if (!team) team = std::make_unique<Team>(block.x);
  team->run(config, kernel);
  return cudaSuccess;
}

}  // namespace cuda_on_cpu
