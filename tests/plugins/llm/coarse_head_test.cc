#include "plugins/llm/coarse_head.h"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>

#include "tests/kernels/kernel_test.h"

namespace serval::llm {
namespace {

struct Case {
  WeightType type;
  int64_t rows, cols;
};

// Heads and activations at random: no logit of the copy is further from the head's own than the
// slack says, in every table of kernels.
class CoarseHeadBound : public testing::TestWithParam<Case> {};

TEST_P(CoarseHeadBound, HoldsForEveryRow) {
  const auto [type, rows, cols] = GetParam();
  std::mt19937 rng(11);
  const std::vector<uint8_t> tensor = random_tensor(type, rows, cols, rng);
  Aligned packed(packed_bytes(type, rows, cols));
  pack(type, tensor.data(), rows, cols, 0, group_count(rows), packed.data());
  const PackedMatrix head = packed_matrix(type, rows, cols, packed.data());
  ASSERT_TRUE(wants_coarse_head(head));
  Aligned copy(packed_bytes(WeightType::q4_1, rows, cols));
  const auto n = static_cast<std::size_t>(rows);
  std::vector<float> slack(n), certain(n);
  std::vector<uint16_t> spread(n * std::size_t(cols / 32));
  for (int64_t g = 0; g < group_count(rows); ++g)
    build_coarse_head(head, g, g + 1, {copy.data(), slack.data(), certain.data(), spread.data()});
  const CoarseHead coarse{packed_matrix(WeightType::q4_1, rows, cols, copy.data()), slack.data(),
                          certain.data(), spread.data()};

  constexpr int kTokens = 3;
  for (const float spread : {1e-3f, 1.0f, 40.0f}) {
    const auto x = random_floats(std::size_t(kTokens * cols), rng, spread);
    for (const Ops* ops : all_ops()) {
      if (!ops->usable()) continue;
      Aligned quantised(quantized_bytes(kTokens, cols));
      ops->quantize_rows({x.data(), cols, kTokens, cols, 0, kTokens, quantised.data()});
      std::vector<float> exact(std::size_t(kTokens * rows)), rough(exact.size());
      MatMul product{.w = head,
                     .x_q = quantised.data(),
                     .tokens = kTokens,
                     .y = exact.data(),
                     .y_stride = rows,
                     .group_end = group_count(rows),
                     .token_end = kTokens};
      ops->matmul(product);
      product.w = coarse.w;
      product.y = rough.data();
      ops->matmul(product);
      for (int t = 0; t < kTokens; ++t) {
        std::vector<float> squares;
        const float norm = quantised_norm(quantised.data(), kTokens, cols, t, squares);
        double nearest = 0;  // the bound is met, but not by being endless
        for (int64_t r = 0; r < rows; ++r) {
          const std::size_t at = std::size_t(t * rows + r);
          const double difference = std::fabs(double(exact[at]) - rough[at]);
          const double bound = double(slack[std::size_t(r)]) * norm;
          ASSERT_LE(difference, bound) << ops->name << " row " << r;
          nearest = std::max(nearest, difference / bound);
        }
        EXPECT_GT(nearest, 0.02) << ops->name;
        // Whatever may be asked for: who reaches it is among the candidates.
        for (const int64_t asked : {int64_t{0}, rows / 2, rows - 1}) {
          const float least = exact[std::size_t(t * rows + asked)];
          std::vector<int> found;
          find_candidates(coarse, rough.data() + t * rows, norm, squares, least, 0, int(rows), n,
                          found);
          for (int r = 0; r < int(rows); ++r) {
            if (exact[std::size_t(t * rows + r)] < least) continue;
            ASSERT_TRUE(std::binary_search(found.begin(), found.end(), r)) << ops->name;
          }
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Heads, CoarseHeadBound,
    testing::Values(Case{WeightType::q8_0, 300, 96}, Case{WeightType::q8_0, 40, 608},
                    Case{WeightType::q5_0, 100, 64}, Case{WeightType::q5_1, 100, 64},
                    Case{WeightType::q5_k, 33, 256}, Case{WeightType::q6_k, 50, 512}),
    [](const auto& info) {
      return std::string(weight_type_name(info.param.type)) + "_" + std::to_string(info.param.cols);
    });

TEST(CoarseHead, HeadsOfFewBitsOrFloatsHaveNone) {
  for (WeightType type : {WeightType::q4_0, WeightType::q4_1, WeightType::q4_k, WeightType::f32,
                          WeightType::f16, WeightType::bf16})
    EXPECT_FALSE(wants_coarse_head(packed_matrix(type, 16, 256, nullptr)));
}

TEST(CoarseHead, CandidatesAreThoseTheBoundCannotRuleOut) {
  const float coarse[] = {1, 5, 4.5f, 2, NAN, 4.9f}, slack[] = {1, 1, 0.1f, 3, 1, 0.2f};
  const float certain[] = {1, 0, 0.1f, 0.5f, 1, 0.15f};
  const uint16_t spread[6] = {};
  const CoarseHead head{{}, slack, certain, spread};
  const float squares[] = {1};
  std::vector<int> found;
  find_candidates(head, coarse, 1.0f, squares, 5.0f, 0, 6, 10, found);
  EXPECT_EQ(found, (std::vector<int>{1, 4, 5}));  // NaN cannot be ruled out
  found.clear();
  find_candidates(head, coarse, 1.0f, squares, 5.0f, 0, 6, 2, found);
  EXPECT_EQ(found.size(), 3u);  // one more than the most: too many
}

}  // namespace
}  // namespace serval::llm
