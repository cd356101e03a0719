// The CUDA kernels, run on the simulator, behind the CPU tables' own type: what tests a CPU table
// tests them. A launcher that errs fails the test.
#pragma once

#include "kernels/cuda/cuda_ops.h"
#include "tests/kernels/kernel_test.h"

namespace serval {

const Ops& simulated_ops();

class CudaTest : public testing::Test {
 protected:
  const Ops& ops_ = simulated_ops();
  std::mt19937 rng_{20240607};
};

}  // namespace serval
