#include <cstdlib>

#include "tests/kernels/kernel_test.h"

namespace serval {
namespace {

// Sets SERVAL_FORCE_OPS for one scope.
class Forced {
 public:
  explicit Forced(const char* name) {
    if (const char* old = std::getenv("SERVAL_FORCE_OPS")) old_ = old;
    name != nullptr ? setenv("SERVAL_FORCE_OPS", name, 1) : unsetenv("SERVAL_FORCE_OPS");
  }
  ~Forced() {
    old_.empty() ? unsetenv("SERVAL_FORCE_OPS") : setenv("SERVAL_FORCE_OPS", old_.c_str(), 1);
  }

 private:
  std::string old_;
};

TEST(Dispatch, ListsTheTablesSlowestFirst) {
  std::string names;
  for (const Ops* ops : all_ops()) names += std::string(ops->name) + " ";
#if defined(__x86_64__)
  EXPECT_EQ(names, "reference generic avx2 avx512 ");
#else
  EXPECT_EQ(names, "reference generic ");
#endif
}

// True in a plain run and in one of the runs ctest makes with the variable set.
TEST(Dispatch, ObeysTheEnvironmentOfThisRun) {
  const char* forced = std::getenv("SERVAL_FORCE_OPS");
  const auto best = best_ops();
  if (forced == nullptr) {
    ASSERT_TRUE(best.ok());
    EXPECT_NE(std::string((*best)->name), "reference");
  } else if (best.ok()) {
    EXPECT_EQ(std::string((*best)->name), forced);
    ASSERT_EQ(tables_under_test().size(), 1u);
    EXPECT_EQ(tables_under_test()[0], *best);
  } else {
    EXPECT_EQ(best.error().code, Code::failed_precondition);
    EXPECT_TRUE(tables_under_test().empty());
    GTEST_SKIP() << best.error().message;  // ctest counts the whole run as skipped
  }
}

TEST(Dispatch, ForcesEveryTableByName) {
  for (const Ops* ops : all_ops()) {
    const Forced forced(ops->name);
    const auto best = best_ops();
    if (ops->usable()) {
      ASSERT_TRUE(best.ok()) << ops->name;
      EXPECT_EQ(*best, ops);
    } else {
      ASSERT_FALSE(best.ok()) << ops->name;
      EXPECT_EQ(best.error().code, Code::failed_precondition);
    }
  }
}

// Two tables are two functions: a forced name that changed nothing would pass the test above.
TEST(Dispatch, TablesShareNoKernel) {
  for (const Ops* a : all_ops()) {
    for (const Ops* b : all_ops()) {
      if (a == b) continue;
      EXPECT_NE(a->matmul, b->matmul);
      EXPECT_NE(a->attention, b->attention);
      EXPECT_NE(a->quantize_rows, b->quantize_rows);
    }
  }
}

TEST(Dispatch, RefusesAnUnknownName) {
  const Forced forced("sse9");
  const auto best = best_ops();
  ASSERT_FALSE(best.ok());
  EXPECT_EQ(best.error().code, Code::invalid_argument);
  EXPECT_NE(best.error().message.find("sse9"), std::string::npos);
}

TEST(Dispatch, PicksTheLastUsableTable) {
  const Forced forced(nullptr);
  const Ops* last = nullptr;
  for (const Ops* ops : all_ops())
    if (ops->usable()) last = ops;
  const auto best = best_ops();
  ASSERT_TRUE(best.ok());
  EXPECT_EQ(*best, last);
}

}  // namespace
}  // namespace serval
