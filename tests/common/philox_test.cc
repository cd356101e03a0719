#include "common/philox.h"

#include <gtest/gtest.h>

namespace serval {
namespace {

TEST(Philox, MatchesThePublishedVectors) {
  // Random123's known answers for philox4x32-10: words 0 and 1 of the first and second output.
  EXPECT_EQ(philox_uniform(0, 0, 0),
            double((uint64_t{0x6627e8d5} << 32 | 0xe169c58d) >> 11) * 0x1p-53);
}

TEST(Philox, EveryArgumentMatters) {
  const double first = philox_uniform(1, 2, 3);
  EXPECT_EQ(philox_uniform(1, 2, 3), first);
  EXPECT_NE(philox_uniform(2, 2, 3), first);
  EXPECT_NE(philox_uniform(1, 3, 3), first);
  EXPECT_NE(philox_uniform(1, 2, 4), first);
}

}  // namespace
}  // namespace serval
