#include "plugins/bei/result_cache.h"

#include <gtest/gtest.h>

namespace serval::bei {
namespace {

TEST(BeiResultCache, KeepsToItsBytesAndDropsWhatWasNotUsed) {
  constexpr std::size_t kMost = 10'000;
  ResultCache cache(kMost);
  const std::vector<float> values(100, 1.5f);
  for (int i = 0; i < 100; ++i) {
    cache.put("key " + std::to_string(i), {values, i});
    EXPECT_LE(cache.bytes(), kMost);
    ASSERT_NE(cache.find("key 0"), nullptr);  // used again and again
  }
  EXPECT_EQ(cache.find("key 0")->values, values);
  EXPECT_EQ(cache.find("key 99")->tokens, 99);
  EXPECT_EQ(cache.find("key 1"), nullptr);
  EXPECT_EQ(cache.find("key"), nullptr);
  cache.clear();
  EXPECT_EQ(cache.bytes(), 0u);
  EXPECT_EQ(cache.find("key 0"), nullptr);
}

TEST(BeiResultCache, WhatIsTooLargeIsNotKept) {
  ResultCache cache(1000);
  cache.put("small", {{1.0f}, 1});
  cache.put("large", {std::vector<float>(1000), 1});
  EXPECT_EQ(cache.find("large"), nullptr);
  EXPECT_NE(cache.find("small"), nullptr);
}

}  // namespace
}  // namespace serval::bei
