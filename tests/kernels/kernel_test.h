// What the kernel tests share: one parametrised fixture over the usable tables, outputs with guard
// words, and random tensors of every type.
#pragma once

#include <cstdint>
#include <cstring>
#include <gtest/gtest.h>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "kernels/ops.h"

namespace serval {

inline constexpr float kGuard = 12345.678f;

// The tables this run tests: all that this CPU can run, or the one SERVAL_FORCE_OPS names.
std::vector<const Ops*> tables_under_test();
const Ops& reference_ops();

class KernelTest : public testing::TestWithParam<const Ops*> {
 protected:
  const Ops& ops() const { return *GetParam(); }
  std::mt19937 rng_{20240607};
};

// Elements 0..n-1 lie `offset` floats past a 64-byte boundary, with guard words before and after.
class Guarded {
 public:
  Guarded(std::size_t n, int offset = 0);
  float* data() { return data_; }
  float& operator[](std::size_t i) { return data_[i]; }
  std::span<float> span() { return {data_, n_}; }
  bool intact() const;

 private:
  std::vector<float> memory_;
  float* data_;
  std::size_t n_;
};

// 64-byte aligned bytes, as packed matrices and cache blocks need.
class Aligned {
 public:
  explicit Aligned(std::size_t bytes);
  void* data() const { return data_; }
  std::size_t size() const { return bytes_; }

 private:
  std::unique_ptr<unsigned char[]> memory_;
  void* data_;
  std::size_t bytes_;
};

std::vector<float> random_floats(std::size_t n, std::mt19937& rng, float spread = 1.0f);

// rows * row_bytes bytes of the file format: random quants, scales of a plausible size.
std::vector<uint8_t> random_tensor(WeightType type, int64_t rows, int64_t cols, std::mt19937& rng);

std::span<const WeightType> all_weight_types();
// The smallest number of columns a packed matrix of the type can have.
int64_t column_step(WeightType type);

// sum((a-b)^2) / sum(b^2): the error of a as a share of b's power.
double relative_power(std::span<const float> a, std::span<const float> b);
bool same_bits(std::span<const float> a, std::span<const float> b);

// A table that is forced on a CPU that lacks it leaves the suites empty.
#define SERVAL_KERNEL_SUITE(Suite)                                             \
  GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(Suite);                        \
  INSTANTIATE_TEST_SUITE_P(Ops, Suite, testing::ValuesIn(tables_under_test()), \
                           [](const auto& info) { return std::string(info.param->name); })

}  // namespace serval
