#include "kernels/pack.h"

#include <cmath>
#include <fstream>
#include <iterator>

#include "kernels/float16.h"
#include "tests/kernels/kernel_test.h"

namespace serval {
namespace {

struct Golden {
  WeightType type;
  int64_t rows, cols;
  std::vector<uint8_t> tensor;
  std::vector<float> values;  // [rows, cols]
};

// Written by tools/golden/quants.py from the numpy dequantisers of the package gguf.
Golden read_golden(const std::string& name) {
  std::ifstream file(std::string(SERVAL_GOLDEN_DIR) + "/quants/" + name + ".bin", std::ios::binary);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
  uint32_t head[4] = {};
  if (bytes.size() < sizeof head) return {};
  std::memcpy(head, bytes.data(), sizeof head);
  Golden golden{static_cast<WeightType>(head[0]), head[1], head[2], {}, {}};
  const std::size_t tensor = std::size_t(head[1]) * head[3];
  golden.tensor.assign(bytes.begin() + sizeof head, bytes.begin() + sizeof head + tensor);
  golden.values.resize(std::size_t(head[1]) * head[2]);
  std::memcpy(golden.values.data(), bytes.data() + sizeof head + tensor,
              golden.values.size() * sizeof(float));
  return golden;
}

class QuantGolden : public testing::TestWithParam<const char*> {};

TEST_P(QuantGolden, DequantizeRowEqualsNumpy) {
  const Golden golden = read_golden(GetParam());
  ASSERT_EQ(golden.values.size(), 1024u);
  std::vector<float> row(std::size_t(golden.cols));
  for (int64_t r = 0; r < golden.rows; ++r) {
    dequantize_row(golden.type, golden.tensor.data() + r * row_bytes(golden.type, golden.cols),
                   row.data(), golden.cols);
    for (int64_t i = 0; i < golden.cols; ++i) {
      const float want = golden.values[std::size_t(r * golden.cols + i)];
      // One rounding apart at most: d * q + m may be associated differently.
      ASSERT_NEAR(row[std::size_t(i)], want, 2e-7 * (1 + std::fabs(want))) << r << ", " << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, QuantGolden,
                         testing::Values("f32", "f16", "bf16", "q4_0", "q4_1", "q5_0", "q5_1",
                                         "q8_0", "q4_k", "q5_k", "q6_k"),
                         [](const auto& info) { return std::string(info.param); });

// Relative power of what packing rounds: K scales to f16, what is left of a minimum to bf16.
double packing_error(WeightType type) {
  switch (type) {
    case WeightType::q4_1:
    case WeightType::q5_1:
    case WeightType::q4_k:
    case WeightType::q5_k:
      return 3e-5;
    case WeightType::q6_k:
      return 1e-6;
    default:
      return 0;
  }
}

// Every row count around the group size, every block parity: the packed row equals the file's.
TEST(Pack, PackedRowsEqualTheFile) {
  std::mt19937 rng(7);
  for (WeightType type : all_weight_types()) {
    for (int64_t rows : {1, 15, 16, 17, 33}) {
      for (int64_t blocks : {1, 2, 3}) {
        const int64_t cols = blocks * column_step(type);
        ASSERT_TRUE(check_packable(type, rows, cols).ok());
        const auto tensor = random_tensor(type, rows, cols, rng);
        Aligned memory(packed_bytes(type, rows, cols));
        for (int64_t g = group_count(rows) - 1; g >= 0; --g)  // any order, one group at a time
          pack(type, tensor.data(), rows, cols, g, g + 1, memory.data());
        const PackedMatrix w = packed_matrix(type, rows, cols, memory.data());
        std::vector<float> want(std::size_t(cols), 0), got(std::size_t(cols), 1);
        for (int64_t r = 0; r < rows; ++r) {
          dequantize_row(type, tensor.data() + r * row_bytes(type, cols), want.data(), cols);
          dequantize_packed_row(w, r, got.data());
          const double error = packing_error(type);
          if (error == 0)
            ASSERT_TRUE(same_bits(got, want)) << weight_type_name(type) << " row " << r;
          else
            ASSERT_LT(relative_power(got, want), error) << weight_type_name(type) << " row " << r;
        }
      }
    }
  }
}

TEST(Pack, WritesNothingOutsideItsGroups) {
  std::mt19937 rng(8);
  for (WeightType type : all_weight_types()) {
    const int64_t rows = 48, cols = 3 * column_step(type);
    const auto tensor = random_tensor(type, rows, cols, rng);
    const std::size_t group = group_bytes(type, cols);
    EXPECT_EQ(group % 64, 0u);
    ASSERT_EQ(packed_bytes(type, rows, cols), 3 * group);
    Aligned memory(3 * group);
    std::memset(memory.data(), 0xa5, memory.size());
    pack(type, tensor.data(), rows, cols, 1, 2, memory.data());
    const auto* bytes = static_cast<const unsigned char*>(memory.data());
    for (std::size_t i = 0; i < group; ++i) {
      ASSERT_EQ(bytes[i], 0xa5) << weight_type_name(type);
      ASSERT_EQ(bytes[2 * group + i], 0xa5) << weight_type_name(type);
    }
  }
}

TEST(Pack, RefusesWhatItCannotPack) {
  EXPECT_TRUE(check_packable(WeightType::f32, 1, 1).ok());
  EXPECT_TRUE(check_packable(WeightType::q4_1, 1, 32).ok());
  const Status narrow = check_packable(WeightType::q4_1, 16, 48);
  ASSERT_FALSE(narrow.ok());
  EXPECT_EQ(narrow.error().message, "Q4_1 matrix of 16 x 48: columns must be a multiple of 32");
  EXPECT_FALSE(check_packable(WeightType::q6_k, 16, 128).ok());
  EXPECT_FALSE(check_packable(WeightType::q8_0, 0, 32).ok());
  EXPECT_FALSE(check_packable(WeightType::q8_0, -1, 32).ok());
  EXPECT_FALSE(check_packable(WeightType::f32, int64_t{1} << 40, 1).ok());
  EXPECT_FALSE(check_packable(WeightType::f32, 0x7fffffff, 0x7fffffff).ok());
  EXPECT_FALSE(check_packable(static_cast<WeightType>(99), 1, 1).ok());
}

TEST(Pack, KnowsTheFileTypes) {
  for (WeightType type : all_weight_types()) {
    const auto known = weight_type(static_cast<uint32_t>(type));
    ASSERT_TRUE(known.ok());
    EXPECT_EQ(*known, type);
  }
  const auto unknown = weight_type(10);  // Q2_K
  ASSERT_FALSE(unknown.ok());
  EXPECT_EQ(unknown.error().code, Code::unimplemented);
}

// All 65,536 halves survive the way to float and back; NaN stays NaN.
TEST(Half, RoundTripsEveryValue) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float value = f16_to_f32(uint16_t(bits));
    if ((bits & 0x7fff) > 0x7c00)
      ASSERT_TRUE(std::isnan(value) && std::isnan(f16_to_f32(f32_to_f16(value)))) << bits;
    else
      ASSERT_EQ(f32_to_f16(value), bits);
  }
}

TEST(Half, RoundsToNearestEven) {
  EXPECT_EQ(f32_to_f16(1.0f + 0x1p-11f), 0x3c00);    // tie, to the even 1.0
  EXPECT_EQ(f32_to_f16(1.0f + 0x1.8p-10f), 0x3c02);  // tie, up to even
  EXPECT_EQ(f32_to_f16(1.0f + 0x1p-11f + 0x1p-20f), 0x3c01);
  EXPECT_EQ(f32_to_f16(65519.0f), 0x7bff);
  EXPECT_EQ(f32_to_f16(65520.0f), 0x7c00);
  EXPECT_EQ(f32_to_f16(0x1p-25f), 0);  // tie below the least subnormal
  EXPECT_EQ(f32_to_f16(0x1.8p-25f), 1);
}

}  // namespace
}  // namespace serval
