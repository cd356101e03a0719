#include <atomic>

#include "registry_fixture.h"

namespace serval::host {
namespace {

using fakes::switches;

class SwapTest : public RegistryTest, public testing::WithParamInterface<SwapPolicy> {};

// Clients that ask without a pause while the model is loaded anew: nobody notices, and no answer is
// made by two versions.
TEST_P(SwapTest, NoRequestFailsAndNoStreamIsMixed) {
  ModelSpec model = spec("a");
  model.swap = GetParam();
  make({model});
  until_state("a", ModelState::ready);
  std::atomic<bool> stop{false};
  std::atomic<int> done{0}, failed{0}, mixed{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back([&] {
      while (!stop.load()) {
        auto call = registry->submit(request("a", 20, 1));
        if (!call) {
          failed.fetch_add(1);
          continue;
        }
        Finish finish;
        const std::string text = read_all(**call, finish);
        if (finish.error.code != Code::ok || text.size() != 20) failed.fetch_add(1);
        if (text.find_first_not_of(text[0]) != std::string::npos) mixed.fetch_add(1);
        done.fetch_add(1);
      }
    });
  }
  for (uint64_t version = 2; version <= 6; ++version) {
    const int before = done.load();
    ASSERT_TRUE(registry->load("a").ok());
    until([&] { return registry->find("a")->version == version; });
    until([&] { return done.load() > before + 20; });
    // A load that is asked for while the old version drains comes after it.
    until([&] { return switches().closed.load() == version - 1; });
  }
  stop.store(true);
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(failed.load(), 0);
  EXPECT_EQ(mixed.load(), 0);
  EXPECT_EQ(switches().opened.load(), 6u);
}

INSTANTIATE_TEST_SUITE_P(Policies, SwapTest,
                         testing::Values(SwapPolicy::availability, SwapPolicy::resource));

TEST_F(RegistryTest, FailedSwapKeepsTheOldVersion) {
  make({spec("a")});
  until_state("a", ModelState::ready);
  switches().fail_open.store(true);
  ASSERT_TRUE(registry->load("a").ok());
  until(
      [&] { return registry->find("a")->reason.find("the weights are cut") != std::string::npos; });
  EXPECT_EQ(state("a"), ModelState::ready);
  EXPECT_EQ(registry->find("a")->version, 1u);
  EXPECT_TRUE(registry->ready(nullptr));
  auto call = registry->submit(request("a"));
  ASSERT_TRUE(call.ok());
  Finish finish;
  EXPECT_EQ(read_all(**call, finish), "1");
}

TEST_F(RegistryTest, ResourceSwapQueuesWhileItLoadsAndFailsThemIfItCannot) {
  ModelSpec model = spec("a");
  model.swap = SwapPolicy::resource;
  make({model});
  until_state("a", ModelState::ready);
  switches().hold_open.store(true);
  ASSERT_TRUE(registry->load("a").ok());
  until(
      [&] { return switches().closed.load() == 1 && registry->find("a")->load_per_mille == 500; });
  auto call = registry->submit(request("a"));
  ASSERT_TRUE(call.ok());
  EXPECT_EQ(registry->find("a")->waiting, 1u);
  EXPECT_FALSE((*call)->finish().has_value());
  ASSERT_TRUE(registry->unload("a").ok());  // cancels the load
  until([&] { return (*call)->finish().has_value(); });
  EXPECT_EQ((*call)->finish()->error.code, Code::unavailable);
  until_state("a", ModelState::unloaded);
}

}  // namespace
}  // namespace serval::host
