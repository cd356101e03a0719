#include "host/queue/wait_list.h"

#include <deque>
#include <gtest/gtest.h>

namespace serval::host {
namespace {

class WaitListTest : public testing::Test {
 protected:
  WaitItem& push(std::string tenant, uint64_t cost = 100, int32_t priority = 0) {
    WaitItem& item = items_.emplace_back();
    item.tenant = std::move(tenant);
    item.cost = cost;
    item.priority = priority;
    list.push(item);
    return item;
  }

  std::string order(int most = 1000) {
    std::string text;
    for (WaitItem* next; most-- > 0 && (next = list.front()) != nullptr; list.take(*next))
      text += next->tenant;
    return text;
  }

  WaitList list;

 private:
  std::deque<WaitItem> items_;
};

TEST_F(WaitListTest, OneTenantIsFirstComeFirstServed) {
  WaitItem& a = push("t");
  WaitItem& b = push("t");
  EXPECT_EQ(list.front(), &a);
  list.take(a);
  EXPECT_EQ(list.front(), &b);
  list.take(b);
  EXPECT_EQ(list.front(), nullptr);
  EXPECT_TRUE(list.empty());
}

TEST_F(WaitListTest, LowerPriorityNumberGoesFirst) {
  push("a", 100, 1);
  push("b", 100, -1);
  push("c", 100, 0);
  EXPECT_EQ(order(), "bca");
}

TEST_F(WaitListTest, TenantsTakeTurns) {
  for (int i = 0; i < 6; ++i) push("a");
  push("b");
  push("b");
  EXPECT_EQ(order(), "ababaaaa");
}

TEST_F(WaitListTest, LargeRequestsCostTheirTenantTurns) {
  for (int i = 0; i < 3; ++i) push("a", 100'000);
  for (int i = 0; i < 60; ++i) push("b", 4'000);
  const std::string text = order(40);
  // 101 KB each against 5 KB each: a first, then about twenty of b.
  EXPECT_EQ(text[0], 'a');
  EXPECT_EQ(text.substr(1, 20), std::string(20, 'b'));
  EXPECT_EQ(std::count(text.begin(), text.end(), 'a'), 2);
}

TEST_F(WaitListTest, ComingAndGoingGainsNothing) {
  for (int i = 0; i < 100; ++i) push("a");
  int b = 0;
  push("b", 10'000);
  for (int i = 0; i < 40; ++i) {
    WaitItem* const next = list.front();
    list.take(*next);
    if (next->tenant == "b") {
      ++b;
      push("b", 10'000);  // at once again, with ten times the cost of the other's
    }
  }
  EXPECT_LE(b, 6);
}

TEST_F(WaitListTest, RemovedItemsCostNothing) {
  WaitItem& big = push("a", 1'000'000);
  push("b");
  list.remove(big);
  push("a");
  EXPECT_EQ(list.total().items, 2u);
  EXPECT_EQ(list.total().bytes, 200u);
  EXPECT_EQ(order(), "ba");
}

TEST_F(WaitListTest, CountsByTenant) {
  push("a", 10);
  push("a", 20);
  push("b", 40);
  EXPECT_EQ(list.of_tenant("a").items, 2u);
  EXPECT_EQ(list.of_tenant("a").bytes, 30u);
  EXPECT_EQ(list.of_tenant("nobody").items, 0u);
  EXPECT_EQ(list.tenants(), 2u);
  (void)order();
  EXPECT_EQ(list.tenants(), 0u);
}

}  // namespace
}  // namespace serval::host
