#include "common/nearest_word.h"

#include <gtest/gtest.h>

namespace serval {
namespace {

TEST(NearestWord, SuggestsOnlyWhatIsNear) {
  const std::string_view words[] = {"body", "idle", "header_time"};
  EXPECT_EQ(nearest_word("bdy", words), "body");
  EXPECT_EQ(nearest_word("headertime", words), "header_time");
  EXPECT_EQ(nearest_word("zzzzzz", words), "");
  EXPECT_EQ(nearest_word(std::string(1000, 'b'), words), "");
  EXPECT_EQ(did_you_mean("bdy", words, "limits."), "; did you mean limits.body?");
  EXPECT_EQ(did_you_mean("zzzzzz", words), "");
}

}  // namespace
}  // namespace serval
