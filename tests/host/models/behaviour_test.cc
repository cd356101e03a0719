#include <atomic>

#include "registry_fixture.h"

namespace serval::host {
namespace {

using fakes::switches;

TEST_F(RegistryTest, WatchdogSeesAHungStepAndItsEnd) {
  options.stall_ns = 20'000'000;
  make({spec("a")});
  until_state("a", ModelState::ready);
  EXPECT_TRUE(registry->ready(nullptr));
  switches().step_us.store(1000);
  auto call = registry->submit(request("a", 1'000'000, 1));
  until([&] { return registry->find("a")->running == 1; });
  switches().hang.store(true);
  std::vector<std::string> why;
  until([&] { return !registry->ready(&why); });
  ASSERT_EQ(why.size(), 1u);
  EXPECT_EQ(why[0].rfind("model a is stalled", 0), 0u) << why[0];
  switches().hang.store(false);
  until([&] { return registry->ready(nullptr); });
}

TEST_F(RegistryTest, FailedHealthIsNotReady) {
  make({spec("a")});
  until_state("a", ModelState::ready);
  switches().health.store(SERVAL_HEALTH_FAILED);
  std::vector<std::string> why;
  until([&] { return !registry->ready(&why); });
  EXPECT_EQ(why[0], "model a has failed: it hurts");
  switches().health.store(SERVAL_HEALTH_OK);
  until([&] { return registry->ready(nullptr); });
}

TEST_F(RegistryTest, ModelThatDoesNotFitIsRefusedBeforeItIsLoaded) {
  options.available_memory = [] { return uint64_t{3} << 30; };
  options.memory_reserve = uint64_t{1} << 30;
  switches().load_peak.store((uint64_t{2} << 30) + 1);
  make({spec("a")});
  until_state("a", ModelState::failed);
  const std::string reason = registry->find("a")->reason;
  EXPECT_NE(reason.find("2147483649 bytes) to load"), std::string::npos) << reason;
  EXPECT_NE(reason.find("(2147483648 bytes)"), std::string::npos) << reason;
  EXPECT_EQ(switches().opened.load(), 0u);
  switches().load_peak.store(uint64_t{2} << 30);
  EXPECT_TRUE(registry->load("a").ok());
  until_state("a", ModelState::ready);
}

TEST_F(RegistryTest, MemoryLimitCountsAllModels) {
  options.available_memory = [] { return uint64_t{100} << 30; };
  options.memory_limit = uint64_t{4} << 30;
  switches().load_peak.store(uint64_t{3} << 30);  // half of it stays in use
  make({spec("a")});
  until_state("a", ModelState::ready);
  registry = nullptr;
  options.available_memory = [] { return uint64_t{100} << 30; };
  options.memory_limit = uint64_t{4} << 30;
  ModelSpec late = spec("b");
  late.autoload = false;
  make({spec("a"), late});
  until_state("a", ModelState::ready);
  EXPECT_TRUE(registry->load("b").ok());
  until_state("b", ModelState::failed);
  EXPECT_NE(registry->find("b")->reason.find("memory limit"), std::string::npos);
  EXPECT_TRUE(registry->unload("a").ok());
  until_state("a", ModelState::unloaded);
  EXPECT_TRUE(registry->load("b").ok());
  until_state("b", ModelState::ready);
}

TEST_F(RegistryTest, PluginIsFoundByItsProbeOrTheChoiceIsExplained) {
  make({spec("a", "/other/x"), spec("b", "/nobody"), spec("c", "/both/x")});
  until_state("a", ModelState::ready);
  EXPECT_EQ(registry->find("a")->plugin_id, "org.serval.test.other");
  until_state("b", ModelState::failed);
  EXPECT_NE(registry->find("b")->reason.find("org.serval.test.fake: not a fake model"),
            std::string::npos);
  until_state("c", ModelState::failed);
  EXPECT_NE(registry->find("c")->reason.find("org.serval.test.fake, org.serval.test.other"),
            std::string::npos);
}

TEST_F(RegistryTest, ConfigurationIsCheckedByThePluginsSchema) {
  ModelSpec bad = spec("a");
  bad.plugin = "org.serval.test.fake";
  bad.config_json = R"({"slots":0,"colour":"red"})";
  make({bad});
  until_state("a", ModelState::failed);
  EXPECT_EQ(registry->find("a")->reason,
            "/slots: is 0, want at least 1\n/colour: unknown key (known are slots)");
  EXPECT_EQ(switches().opened.load(), 0u);
}

TEST_F(RegistryTest, TwoHundredCancelledRequestsLeaveNothingBehind) {
  switches().step_us.store(200);
  make({spec("a")});
  until_state("a", ModelState::ready);
  std::vector<std::shared_ptr<Call>> calls;
  for (int i = 0; i < 200; ++i) {
    auto call = registry->submit(request("a", 1'000'000, 1));
    ASSERT_TRUE(call.ok());
    calls.push_back(*call);
  }
  until([&] { return registry->find("a")->running == 64; });
  for (std::size_t i = 0; i < 100; ++i) calls[i]->cancel(CancelReason::client);
  for (std::size_t i = 0; i < 100; ++i) {
    until([&] { return calls[i]->finish().has_value(); });
    EXPECT_EQ(calls[i]->finish()->error.code, Code::cancelled);
  }
  calls.clear();  // the others are dropped
  until([&] {
    const ModelInfo info = *registry->find("a");
    return info.running == 0 && info.waiting == 0;
  });
  // A thread of its own sends signals; requests may have read their cancel word before.
  until([&] { return switches().cancels_signalled.load() >= 64u; });
  auto call = registry->submit(request("a", 2, 1));
  Finish finish;
  EXPECT_EQ(read_all(**call, finish), "11");
}

TEST_F(RegistryTest, SlowReaderCostsItsBufferAndNobodyElse) {
  options.stream.high_bytes = 64 << 10;
  options.stream.low_bytes = 16 << 10;
  make({spec("a")});
  until_state("a", ModelState::ready);
  auto slow = *registry->submit(request("a", 1000, 1000));
  until([&] { return registry->find("a")->parked == 1; });
  auto quick = *registry->submit(request("a", 1000, 1000));
  Finish finish;
  EXPECT_EQ(read_all(*quick, finish).size(), 1'000'000u);
  EXPECT_EQ(registry->find("a")->parked, 1u);
  std::size_t waiting = 0;
  std::size_t first = 0;
  while (auto event = slow->pop()) {  // what has piled up, until the plugin fills up again
    ++waiting;
    first += event->data.size();
    if (first > (48 << 10)) break;
  }
  EXPECT_LE(waiting * 1000, 64u << 10);
  EXPECT_EQ(first + read_all(*slow, finish).size(), 1'000'000u);
  EXPECT_EQ(finish.error.code, Code::ok);
}

TEST_F(RegistryTest, ReaderThatNeverReadsIsCancelled) {
  options.stream.slow_client_ns = 20'000'000;
  make({spec("a")});
  until_state("a", ModelState::ready);
  auto slow = *registry->submit(request("a", 1000, 1000));
  until([&] { return slow->finish().has_value(); });
  EXPECT_EQ(slow->finish()->error.message, "the client did not read its output for too long");
  EXPECT_EQ(registry->find("a")->parked, 0u);
}

TEST_F(RegistryTest, DeadlineEndsWhatWaitsAndWhatRuns) {
  switches().step_us.store(500);
  ModelSpec model = spec("a");
  model.config_json = R"({"slots":1})";
  make({model});
  until_state("a", ModelState::ready);
  Request first = request("a", 1'000'000, 1);
  first.deadline_ns = now_ns() + 50'000'000;
  Request second = first;
  auto running = *registry->submit(std::move(first));
  until([&] { return registry->find("a")->running == 1; });
  auto waiting = *registry->submit(std::move(second));
  Finish ran, waited;
  (void)read_all(*running, ran);
  (void)read_all(*waiting, waited);
  EXPECT_EQ(ran.error.code, Code::deadline_exceeded);
  EXPECT_NE(ran.pulled_ns, 0u);
  EXPECT_EQ(waited.error.code, Code::deadline_exceeded);
  EXPECT_EQ(waited.pulled_ns, 0u);
  Request late = request("a");
  late.deadline_ns = 1;
  EXPECT_EQ(registry->submit(std::move(late)).error().code, Code::deadline_exceeded);
}

// One tenant keeps twenty requests for each of the other: the small one waits for few of them.
// Order instead of time, so that the result does not hang on the machine: how many of the big
// tenant's requests end while one of the small one's is under way.
TEST_F(RegistryTest, SmallTenantDoesNotWaitForTheBigOne) {
  ModelSpec model = spec("a");
  model.config_json = R"({"slots":1})";
  make({model});
  until_state("a", ModelState::ready);
  const auto submit = [&](const char* tenant) {
    Request made = request("a", 3, 1);
    made.tenant = tenant;
    return *registry->submit(std::move(made));
  };
  switches().hang.store(true);
  std::vector<std::shared_ptr<Call>> big, small;
  for (int i = 0; i < 200; ++i) {
    big.push_back(submit("big"));
    if (i % 20 == 0) small.push_back(submit("small"));
  }
  switches().hang.store(false);
  Finish last_small;
  for (const auto& call : small) (void)read_all(*call, last_small);
  int before = 0;
  for (const auto& call : big) {
    Finish finish;
    (void)read_all(*call, finish);
    if (finish.finished_ns < last_small.finished_ns) ++before;
  }
  // Ten of the small tenant, in turns with ten of the big one, and what ran already.
  EXPECT_LE(before, 13);
}

}  // namespace
}  // namespace serval::host
