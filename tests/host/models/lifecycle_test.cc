#include "registry_fixture.h"

namespace serval::host {
namespace {

using fakes::switches;

TEST_F(RegistryTest, LoadsInTheBackgroundAndAnswers) {
  switches().hold_open.store(true);
  make({spec("a")});
  until([&] { return registry->find("a")->load_per_mille == 500; });
  EXPECT_EQ(state("a"), ModelState::loading);
  EXPECT_EQ(registry->find("a")->reason, "faking");
  std::vector<std::string> why;
  EXPECT_FALSE(registry->ready(&why));
  ASSERT_EQ(why.size(), 1u);
  EXPECT_EQ(why[0], "model a is loading");

  const auto early = registry->submit(request("a"));
  ASSERT_FALSE(early.ok());
  EXPECT_EQ(early.error().code, Code::unavailable);
  EXPECT_GT(early.error().retry_after_ms, 0u);

  switches().hold_open.store(false);
  until_state("a", ModelState::ready);
  EXPECT_TRUE(registry->ready(nullptr));
  auto call = registry->submit(request("a", 3, 2));
  ASSERT_TRUE(call.ok()) << call.error().message;
  Finish finish;
  EXPECT_EQ(read_all(**call, finish), "1x1x1x");
  EXPECT_EQ(finish.error.code, Code::ok);
  EXPECT_EQ(finish.usage_json, "{\"done\":1}");
  const ModelInfo info = *registry->find("a");
  EXPECT_EQ(info.plugin_id, "org.serval.test.fake");
  EXPECT_EQ(info.version, 1u);
  EXPECT_EQ(info.ops, std::vector<std::string>{"fake"});
  EXPECT_EQ(info.memory_bytes, (1u << 20) / 2);
}

TEST_F(RegistryTest, UnknownModelAndOperationAreNotFound) {
  make({spec("a")});
  until_state("a", ModelState::ready);
  EXPECT_EQ(registry->submit(request("b")).error().code, Code::not_found);
  Request other = request("a");
  other.op = "dance";
  EXPECT_EQ(registry->submit(std::move(other)).error().code, Code::not_found);
  EXPECT_EQ(registry->load("b").error().code, Code::not_found);
  EXPECT_EQ(registry->find("b").error().code, Code::not_found);
}

TEST_F(RegistryTest, FailedLoadSaysWhyAndCanBeTriedAgain) {
  switches().fail_open.store(true);
  make({spec("a")});
  until_state("a", ModelState::failed);
  EXPECT_EQ(registry->find("a")->reason, "the weights are cut");
  std::vector<std::string> why;
  EXPECT_FALSE(registry->ready(&why));
  EXPECT_EQ(why[0], "model a is failed: the weights are cut");
  EXPECT_EQ(registry->submit(request("a")).error().code, Code::unavailable);
  switches().fail_open.store(false);
  EXPECT_TRUE(registry->load("a").ok());
  until_state("a", ModelState::ready);
}

TEST_F(RegistryTest, FailedStartClosesTheModel) {
  switches().fail_start.store(true);
  make({spec("a")});
  until_state("a", ModelState::failed);
  EXPECT_EQ(registry->find("a")->reason, "no start today");
  EXPECT_EQ(switches().opened.load(), switches().closed.load());
}

TEST_F(RegistryTest, ExceptionOfAPluginIsAnError) {
  switches().throw_in_open.store(true);
  make({spec("a")});
  until_state("a", ModelState::failed);
  EXPECT_EQ(registry->find("a")->reason, "the plugin threw: out of luck");
}

TEST_F(RegistryTest, UnloadCancelsALoad) {
  switches().hold_open.store(true);
  make({spec("a")});
  until([&] { return registry->find("a")->load_per_mille == 500; });
  EXPECT_TRUE(registry->unload("a").ok());
  until_state("a", ModelState::unloaded);
  EXPECT_EQ(switches().opened.load(), 0u);
  EXPECT_TRUE(registry->ready(nullptr));  // nothing is wanted
}

TEST_F(RegistryTest, UnloadDrains) {
  switches().step_us.store(100);
  make({spec("a")});
  until_state("a", ModelState::ready);
  auto call = registry->submit(request("a", 200, 1));
  ASSERT_TRUE(call.ok());
  until([&] { return registry->find("a")->running == 1; });
  EXPECT_TRUE(registry->unload("a").ok());
  until_state("a", ModelState::draining);
  const auto late = registry->submit(request("a"));
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.error().code, Code::unavailable);
  Finish finish;
  EXPECT_EQ(read_all(**call, finish).size(), 200u);
  EXPECT_EQ(finish.error.code, Code::ok);
  until_state("a", ModelState::unloaded);
  EXPECT_EQ(switches().closed.load(), 1u);
  EXPECT_TRUE(registry->load("a").ok());
  until_state("a", ModelState::ready);
}

TEST_F(RegistryTest, DrainThatTakesTooLongCancels) {
  options.drain_ns = 1'000'000;
  switches().step_us.store(1000);
  make({spec("a")});
  until_state("a", ModelState::ready);
  auto call = registry->submit(request("a", 1'000'000, 1));
  until([&] { return registry->find("a")->running == 1; });
  EXPECT_TRUE(registry->unload("a").ok());
  Finish finish;
  (void)read_all(**call, finish);
  EXPECT_EQ(finish.error.code, Code::unavailable);
  EXPECT_GT(finish.error.retry_after_ms, 0u);
}

// A deadline of 0 is one that has passed, not one that was never set.
TEST_F(RegistryTest, ShutdownWithoutAWaitCancelsAtOnce) {
  switches().step_us.store(1000);
  make({spec("a")});
  until_state("a", ModelState::ready);
  auto call = registry->submit(request("a", 1'000'000, 1));
  until([&] { return registry->find("a")->running == 1; });
  registry->shutdown(0);
  ASSERT_TRUE((*call)->finish().has_value());
  EXPECT_EQ((*call)->finish()->error.code, Code::unavailable);
  EXPECT_EQ(switches().closed.load(), 1u);
}

TEST_F(RegistryTest, ShutdownCancelsWhatRunsAsRetryable) {
  switches().step_us.store(1000);
  make({spec("a"), spec("b")});
  until_state("a", ModelState::ready);
  until_state("b", ModelState::ready);
  auto call = registry->submit(request("a", 1'000'000, 1));
  until([&] { return registry->find("a")->running == 1; });
  registry->begin_drain();
  EXPECT_FALSE(registry->ready(nullptr));
  EXPECT_EQ(registry->submit(request("a")).error().code, Code::unavailable);
  EXPECT_EQ(registry->find("a")->running, 1u);
  registry->shutdown(now_ns() + 20'000'000);
  ASSERT_TRUE((*call)->finish().has_value());
  EXPECT_EQ((*call)->finish()->error.code, Code::unavailable);
  EXPECT_GT((*call)->finish()->error.retry_after_ms, 0u);
  EXPECT_EQ(switches().closed.load(), 2u);
}

TEST_F(RegistryTest, CallsOutliveTheRegistry) {
  make({spec("a")});
  until_state("a", ModelState::ready);
  auto call = registry->submit(request("a", 3, 1));
  registry = nullptr;
  EXPECT_TRUE((*call)->finish().has_value());
  (*call)->cancel(CancelReason::client);
}

TEST_F(RegistryTest, TwoModelsOfOneNameAreRefused) {
  options.plugins = *PluginSet::load({});
  options.models = {spec("a"), spec("a")};
  EXPECT_FALSE(make_model_registry(std::move(options)).ok());
}

}  // namespace
}  // namespace serval::host
