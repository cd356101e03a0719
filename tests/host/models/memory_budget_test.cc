#include "host/models/memory_budget.h"

#include <cstdlib>
#include <fstream>
#include <gtest/gtest.h>

namespace serval::host {
namespace {

namespace fs = std::filesystem;

class AvailableMemoryTest : public testing::Test {
 protected:
  AvailableMemoryTest() {
    std::string name = (fs::temp_directory_path() / "serval-memory-XXXXXX").string();
    root = mkdtemp(name.data());
    put("proc/meminfo", "MemTotal: 9000 kB\nMemAvailable:    4000 kB\n");
  }
  ~AvailableMemoryTest() override { fs::remove_all(root); }

  void put(const std::string& name, const std::string& text) {
    fs::create_directories((root / name).parent_path());
    std::ofstream(root / name) << text;
  }

  fs::path root;
};

TEST_F(AvailableMemoryTest, IsTheMachinesWithoutGroups) {
  EXPECT_EQ(available_memory(root), 4000u * 1024);
  put("proc/self/cgroup", "0::/a\n");
  put("sys/fs/cgroup/a/memory.max", "max\n");
  put("sys/fs/cgroup/a/memory.current", "1000\n");
  EXPECT_EQ(available_memory(root), 4000u * 1024);
}

TEST_F(AvailableMemoryTest, IsTheTightestGroupsAndCacheIsFree) {
  put("proc/self/cgroup", "0::/a/b\n");
  put("sys/fs/cgroup/a/memory.max", "100000\n");
  put("sys/fs/cgroup/a/memory.current", "90000\n");
  EXPECT_EQ(available_memory(root), 10'000u);
  put("sys/fs/cgroup/a/memory.stat", "anon 5\ninactive_file 20000\nactive_file 1000\n");
  EXPECT_EQ(available_memory(root), 31'000u);
  put("sys/fs/cgroup/a/b/memory.max", "500\n");
  put("sys/fs/cgroup/a/b/memory.current", "600\n");
  EXPECT_EQ(available_memory(root), 0u);
}

TEST_F(AvailableMemoryTest, ContainerSeesItsGroupAtTheTop) {
  put("proc/self/cgroup", "0::/../../elsewhere\n");
  put("sys/fs/cgroup/memory.max", "3000\n");
  put("sys/fs/cgroup/memory.current", "1000\n");
  EXPECT_EQ(available_memory(root), 2000u);
}

TEST(AvailableMemory, ThisMachineHasSome) { EXPECT_GT(available_memory(), 0u); }

TEST(MemoryBudget, LoadsUnderWayCountInFull) {
  const auto budget = std::make_shared<MemoryBudget>(0, 100, [] { return uint64_t{1000}; });
  auto first = budget->take("a", {600, 300});
  ASSERT_TRUE(first.ok());
  EXPECT_FALSE(budget->take("b", {400, 100}).ok());
  EXPECT_TRUE(budget->take("b", {300, 100}).ok());
  (*first)->loaded();  // what it holds now shows in what is available
  EXPECT_TRUE(budget->take("b", {900, 100}).ok());
  EXPECT_FALSE(budget->take("b", {901, 100}).ok());
}

TEST(BytesText, HasOneDigit) {
  EXPECT_EQ(bytes_text(0), "0.0 MiB");
  EXPECT_EQ(bytes_text(3u << 19), "1.5 MiB");
  EXPECT_EQ(bytes_text(uint64_t{5} << 29), "2.5 GiB");
}

}  // namespace
}  // namespace serval::host
