#include "common/formats/gguf_builder.h"

#include <gtest/gtest.h>

namespace serval {
namespace {

TEST(GgufBuilder, GivesBackWhatWasPutIn) {
  GgufBuilder builder("model");
  const std::vector<std::string_view> texts{"a", "", "ccc"};
  const std::vector<int32_t> numbers{1, -2, 3};
  builder.add("flag", true);
  builder.add("count", int64_t{-7});
  builder.add("scale", 0.25);
  builder.add("name", "llama");
  builder.add("texts", std::span<const std::string_view>(texts));
  builder.add("numbers", std::span<const int32_t>(numbers));
  const auto bytes = builder.make(24);
  bytes[23] = std::byte{9};
  const uint64_t dims[] = {3, 2};
  ASSERT_TRUE(builder.tensor("t", GgufTensorType::f32, dims, bytes).ok());
  auto built = std::move(builder).build();
  ASSERT_TRUE(built.ok()) << built.error().message;
  const GgufFile file = std::move(*built);
  EXPECT_TRUE(*file.boolean("flag"));
  EXPECT_EQ(*file.integer("count"), -7);
  EXPECT_EQ(*file.real("scale"), 0.25);
  EXPECT_EQ(*file.text("name"), "llama");
  EXPECT_EQ(*file.texts("texts"), texts);
  EXPECT_EQ(*file.integers("numbers"), (std::vector<int64_t>{1, -2, 3}));
  const auto tensor = file.tensor("t");
  ASSERT_TRUE(tensor.ok());
  EXPECT_EQ((*tensor)->dims, (std::array<uint64_t, 4>{3, 2, 1, 1}));
  EXPECT_EQ((*tensor)->bytes.back(), std::byte{9});
  EXPECT_EQ(file.path(), "model");
}

TEST(GgufBuilder, RefusesWhatDoesNotFit) {
  GgufBuilder builder("model");
  const auto bytes = builder.make(24);
  const auto refused = [&](std::vector<uint64_t> dims, GgufTensorType type = GgufTensorType::f32) {
    return !builder.tensor("t", type, dims, bytes).ok();
  };
  EXPECT_TRUE(refused({}));
  EXPECT_TRUE(refused({7}));
  EXPECT_TRUE(refused({6, 0}));
  EXPECT_TRUE(refused({1, 1, 1, 1, 6}));
  EXPECT_TRUE(refused({uint64_t{1} << 63, 2}));
  EXPECT_TRUE(refused({6}, GgufTensorType(1000)));
  EXPECT_TRUE(refused({12}, GgufTensorType::q8_0)) << "a row that is not whole blocks";
  EXPECT_FALSE(refused({6}));
  EXPECT_FALSE(refused({12}, GgufTensorType::bf16));
  const auto twice = std::move(builder).build();
  ASSERT_FALSE(twice.ok());
  EXPECT_NE(twice.error().message.find("twice"), std::string::npos);
}

TEST(GgufBuilder, MatricesThatStandApartAreOneStack) {
  GgufBuilder builder("model");
  std::vector<std::span<const std::byte>> matrices;
  for (int i = 0; i < 3; ++i) {
    const auto bytes = builder.make(24);
    bytes[0] = std::byte(i);
    matrices.push_back(bytes);
  }
  const uint64_t dims[] = {3, 2};
  ASSERT_TRUE(builder.stack("apart", GgufTensorType::f32, dims, matrices).ok());
  const uint64_t all[] = {3, 2, 3};
  const auto together = builder.make(72);
  together[48] = std::byte{2};
  ASSERT_TRUE(builder.tensor("together", GgufTensorType::f32, all, together).ok());
  matrices[1] = matrices[1].first(20);
  EXPECT_FALSE(builder.stack("cut", GgufTensorType::f32, dims, matrices).ok());
  EXPECT_FALSE(builder.stack("none", GgufTensorType::f32, dims, {}).ok());
  const auto file = std::move(builder).build();
  ASSERT_TRUE(file.ok());
  for (const char* name : {"apart", "together"}) {
    const GgufTensor* tensor = file->find_tensor(name);
    ASSERT_NE(tensor, nullptr);
    EXPECT_EQ(tensor->dims, (std::array<uint64_t, 4>{3, 2, 3, 1}));
    EXPECT_EQ(tensor->elements, 18u);
    EXPECT_EQ(tensor->matrix(2).size(), 24u);
    EXPECT_EQ(tensor->matrix(2)[0], std::byte{2});
  }
}

TEST(GgufBuilder, AKeyGivenTwiceIsAnError) {
  GgufBuilder builder("model");
  builder.add("k", true);
  builder.add("k", int64_t{1});
  EXPECT_FALSE(std::move(builder).build().ok());
}

}  // namespace
}  // namespace serval
