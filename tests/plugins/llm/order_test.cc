#include "plugins/llm/order.h"

#include <gtest/gtest.h>

namespace serval::llm {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;

TEST(Order, ByPriorityThenUrgencyThenAge) {
  const Rank important{.priority = -1, .arrived_ns = 2 * kSecond, .number = 9};
  const Rank soon{.arrived_ns = kSecond, .latest_start_ns = 5, .number = 8};
  const Rank later{.latest_start_ns = 6, .number = 1};
  const Rank old{.number = 2};
  const Rank young{.arrived_ns = kSecond, .number = 3};
  const Rank unimportant{.priority = 1, .latest_start_ns = 1, .number = 4};
  const Rank* order[] = {&important, &soon, &later, &old, &young, &unimportant};
  for (std::size_t i = 0; i < std::size(order); ++i)
    for (std::size_t j = 0; j < std::size(order); ++j)
      EXPECT_EQ(before(*order[i], *order[j]), i < j) << i << ' ' << j;
}

TEST(Order, WaitingMakesUpForPriority) {
  const Rank patient{.priority = 2, .arrived_ns = 0, .number = 1};
  Rank newcomer{.priority = 0, .arrived_ns = kEpochNs, .number = 2};
  EXPECT_TRUE(before(newcomer, patient));
  newcomer.arrived_ns = 3 * kEpochNs;
  EXPECT_TRUE(before(patient, newcomer));
}

}  // namespace
}  // namespace serval::llm
