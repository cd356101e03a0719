// The real library, linked: on a machine without a device a launch is an error and not a crash.
#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include "kernels/cuda/cuda_ops.h"

namespace serval {
namespace {

TEST(CudaLibrary, LaunchWithoutADeviceIsAnError) {
  int devices = 0;
  if (cudaGetDeviceCount(&devices) == cudaSuccess && devices > 0)
    GTEST_SKIP() << "this machine has a CUDA device";
  const float a = 1, b = 2;
  float y = 0;
  const Status status = kCudaOps.add({&a, &b, &y, 1}, nullptr);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, Code::unavailable);
  EXPECT_EQ(status.error().message.find("CUDA kernel add: "), 0u) << status.error().message;
  EXPECT_TRUE(kCudaOps.add({&a, &b, &y, 0}, nullptr).ok());  // nothing to do needs no device
}

}  // namespace
}  // namespace serval
