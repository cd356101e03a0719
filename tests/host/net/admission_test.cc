#include "host/net/admission.h"

#include <gtest/gtest.h>

namespace serval::host {
namespace {

TEST(Admission, CountsInTotalAndByAddress) {
  Admission admission(3, 2);
  auto a = admission.enter("a"), b = admission.enter("a");
  EXPECT_TRUE(a && b);
  EXPECT_FALSE(admission.enter("a"));
  auto c = admission.enter("");
  EXPECT_TRUE(c);
  EXPECT_FALSE(admission.enter("b"));  // 3 in total
  EXPECT_EQ(admission.open(), 3u);
  a.reset();
  EXPECT_TRUE(admission.enter("a"));  // and gives it back at once
  EXPECT_EQ(admission.open(), 2u);
}

TEST(Admission, AnIpv6NetworkIsOneAddress) {
  EXPECT_EQ(address_group("10.0.0.1"), "10.0.0.1");
  EXPECT_EQ(address_group("2001:db8:1:2:3:4:5:6"), address_group("2001:db8:1:2::9"));
  EXPECT_NE(address_group("2001:db8:1:2::9"), address_group("2001:db8:1:3::9"));
}

}  // namespace
}  // namespace serval::host
