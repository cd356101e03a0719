#include "plugins/whisper/decoding/alignment.h"

#include "tests/plugins/whisper/decoding/golden.h"

namespace serval::whisper {
namespace {

TEST(Alignment, EqualsOpenAis) {
  const json::value cases = golden("words.json");
  for (const json::value& one : cases.as_array()) {
    std::vector<float> weights = row_of<float>(one.at("weights"));
    const int heads = one.at("heads").to_number<int>();
    const int states = one.at("frames").to_number<int>() / 2;
    const int tokens = int(weights.size()) / heads / states;
    EXPECT_EQ(align_tokens(weights, heads, tokens, states, 3), row_of<int>(one.at("first_states")));
  }
}

TEST(Alignment, FollowsAClearPath) {
  // 5 tokens, of which rows 1 to 3 are aligned, at states 0, 4 and 8.
  constexpr int kTokens = 5, kStates = 12;
  std::vector<float> weights(kTokens * kStates, .01f);
  for (int token = 1; token <= 3; ++token)
    for (int i = 0; i < 4; ++i) weights[std::size_t(token * kStates + 4 * (token - 1) + i)] = .9f;
  EXPECT_EQ(align_tokens(weights, 1, kTokens, kStates, 1), (std::vector<int>{0, 4, 8}));
}

TEST(Alignment, OfNothingIsEmpty) {
  std::vector<float> weights(12, .5f);
  EXPECT_TRUE(align_tokens(weights, 1, 3, 0, 1).empty());
  EXPECT_TRUE(align_tokens(weights, 1, 3, 4, 2).empty());
  EXPECT_TRUE(align_tokens(weights, 0, 3, 4, 0).empty());
}

TEST(Alignment, EqualWeightsGiveNumbersAllTheSame) {
  std::vector<float> weights(5 * 10, .1f);
  const std::vector<int> first = align_tokens(weights, 1, 5, 10, 1);
  ASSERT_EQ(first.size(), 3u);
  EXPECT_EQ(first[0], 0);
}

TEST(MedianFilter, ReflectsTheEnds) {
  std::vector<float> row{5, 1, 4, 2, 3};
  median_filter(row, 3);
  // windows: 1 5 1, 5 1 4, 1 4 2, 4 2 3, 2 3 2
  EXPECT_EQ(row, (std::vector<float>{1, 4, 2, 3, 2}));
  std::vector<float> tiny{3, 1};
  median_filter(tiny, 7);  // too short for it
  EXPECT_EQ(tiny, (std::vector<float>{3, 1}));
}

TEST(CheapestPath, PrefersTheCheapCells) {
  const std::vector<float> cost{0, 9, 9,  //
                                0, 9, 9,  //
                                9, 0, 0};
  EXPECT_EQ(cheapest_path(cost, 3, 3),
            (std::vector<std::pair<int, int>>{{0, 0}, {1, 0}, {2, 1}, {2, 2}}));
}

}  // namespace
}  // namespace serval::whisper
