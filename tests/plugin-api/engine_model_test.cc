#include <functional>
#include <map>
#include <stdexcept>

#include "kit_host.h"

namespace serval::sdk {
namespace {

// Finishes each request in the step after its admission, unless told otherwise.
class TestEngine final : public Engine {
 public:
  struct Script {
    uint32_t room = 4;
    std::function<void(const Request&)> on_admit = [](const Request&) {};
    std::function<bool()> on_step = [] { return true; };  // false: nothing can run
    bool abort_forgets = false;                           // finishes nothing
    std::atomic<uint64_t> most{0};                        // requests held at once
    std::atomic<int> pressure{0};
    std::map<uint64_t, int> cancelled;
  };
  explicit TestEngine(Script& script) : script_(script) {}

  uint32_t room() override { return script_.room - uint32_t(held_.size()); }
  void admit(Request request) override {
    script_.on_admit(request);
    held_.push_back(std::move(request));
    script_.most = std::max<uint64_t>(script_.most, held_.size());
  }
  bool step() override {
    if (!script_.on_step()) return false;
    for (Request& r : held_) r.finish_ok();
    held_.clear();
    return true;
  }
  void cancelled(uint64_t id) override {
    ++script_.cancelled[id];
    for (Request& r : held_)
      if (r.id() == id) r.finish_cancelled();
    std::erase_if(held_, [](const Request& r) { return r.finished(); });
  }
  void writable(uint64_t) override {}
  void memory_pressure() override { ++script_.pressure; }
  uint64_t running() override { return held_.size(); }
  void abort(const Error& error) override {
    if (script_.abort_forgets) return;
    for (Request& r : held_) r.finish_error(error);
    held_.clear();
  }

 private:
  Script& script_;
  std::vector<Request> held_;
};

struct EngineModelTest : KitHost {
  TestEngine::Script script;
  std::unique_ptr<EngineModel> made;

  EngineModel& start() {
    made = std::make_unique<EngineModel>(host, model.ref(), std::make_unique<TestEngine>(script));
    EXPECT_TRUE(made->start().ok());
    return *made;
  }
  void stop(uint64_t deadline_ns = 0) {
    say_no_more();
    made->quiesce(deadline_ns);
    made.reset();
  }
  std::vector<check::Stream*> submit(int n) {
    std::vector<check::Stream*> out;
    for (int i = 0; i < n; ++i) out.push_back(kit.submit(model, {"echo"}));
    return out;
  }
};

TEST_F(EngineModelTest, AdmitsNoMoreThanThereIsRoomFor) {
  const auto all = submit(40);
  start();
  ASSERT_TRUE(wait_finished(all));
  for (const check::Stream* s : all) EXPECT_EQ(s->code, SERVAL_OK);
  EXPECT_LE(script.most, 4u);
  stop();
  EXPECT_EQ(first_violation(), "");
  EXPECT_GT(model.beats, 0u);
}

TEST_F(EngineModelTest, ClosesWithoutEverStarting) {
  { EngineModel m(host, model.ref(), std::make_unique<TestEngine>(script)); }
  EXPECT_EQ(model.pulls, 0u);
}

TEST_F(EngineModelTest, ExceptionInAdmitFailsThatRequestOnly) {
  script.on_admit = [](const Request& r) {
    if (r.id() == 2) throw std::runtime_error("number two");
  };
  const auto all = submit(3);
  start();
  ASSERT_TRUE(wait_finished(all));
  EXPECT_EQ(all[0]->code, SERVAL_OK);
  EXPECT_EQ(all[1]->code, SERVAL_INTERNAL);
  EXPECT_EQ(all[2]->code, SERVAL_OK);
  EXPECT_EQ(made->health().state, SERVAL_HEALTH_OK);
  stop();
  EXPECT_NE(first_error().find("number two"), std::string::npos);
}

TEST_F(EngineModelTest, ExceptionInStepFailsTheModel) {
  script.on_step = []() -> bool { throw std::runtime_error("matrix is singular"); };
  const auto all = submit(3);
  start();
  ASSERT_TRUE(wait_finished(all));
  for (const check::Stream* s : all) {
    EXPECT_EQ(s->code, SERVAL_INTERNAL);
    EXPECT_NE(s->message.find("matrix is singular"), std::string::npos);
  }
  EXPECT_EQ(made->health().state, SERVAL_HEALTH_FAILED);
  EXPECT_NE(made->health().reason.find("matrix is singular"), std::string::npos);
  const auto late = submit(1);
  ASSERT_TRUE(wait_finished(late));
  EXPECT_EQ(late[0]->code, SERVAL_INTERNAL);
  stop();
  EXPECT_EQ(first_violation(), "");
}

TEST_F(EngineModelTest, ExceptionThatIsNoExceptionIsCaughtToo) {
  script.on_step = []() -> bool { throw 42; };
  const auto all = submit(1);
  start();
  ASSERT_TRUE(wait_finished(all));
  EXPECT_EQ(all[0]->code, SERVAL_INTERNAL);
  stop();
}

TEST_F(EngineModelTest, QuiesceWaitsForWhatRuns) {
  std::atomic<bool> go{false};
  script.on_step = [&] { return go.load(); };
  const auto all = submit(2);
  EngineModel& m = start();
  ASSERT_TRUE(kit.wait(30'000, [&] { return all[1]->pulled; }));
  say_no_more();
  std::thread stopper([&] { m.quiesce(0); });
  go = true;
  m.signal(SERVAL_SIGNAL_WRITABLE, 1);
  stopper.join();
  for (const check::Stream* s : all) EXPECT_EQ(s->code, SERVAL_OK);
  made.reset();
  EXPECT_EQ(first_violation(), "");
}

TEST_F(EngineModelTest, QuiesceDeadlineAborts) {
  script.on_step = [] { return false; };
  const auto all = submit(2);
  start();
  ASSERT_TRUE(kit.wait(30'000, [&] { return all[1]->pulled; }));
  stop(host.now_ns() + 1'000'000);
  for (const check::Stream* s : all) EXPECT_EQ(s->code, SERVAL_UNAVAILABLE);
}

TEST_F(EngineModelTest, WhatAbortForgetsIsFinishedAllTheSame) {
  script.on_step = [] { return false; };
  script.abort_forgets = true;
  const auto all = submit(2);
  start();
  ASSERT_TRUE(kit.wait(30'000, [&] { return all[1]->pulled; }));
  say_no_more();
  made->quiesce(host.now_ns());
  for (const check::Stream* s : all) EXPECT_EQ(s->code, SERVAL_UNAVAILABLE);
  made.reset();
}

TEST_F(EngineModelTest, SignalsReachTheEngineWhileItSleeps) {
  script.on_step = [] { return false; };
  const auto all = submit(1);
  EngineModel& m = start();
  ASSERT_TRUE(kit.wait(30'000, [&] { return all[0]->pulled; }));
  m.signal(SERVAL_SIGNAL_MEMORY_PRESSURE, 0);
  m.signal(12345, 1);  // of a newer host
  all[0]->cancel_word = SERVAL_CANCEL_CLIENT;
  m.signal(SERVAL_SIGNAL_CANCEL, all[0]->view.id);
  ASSERT_TRUE(wait_finished(all));
  EXPECT_EQ(all[0]->code, SERVAL_CANCELLED);
  stop();
  EXPECT_EQ(script.pressure, 1);
  EXPECT_EQ(script.cancelled[all[0]->view.id], 1);
}

}  // namespace
}  // namespace serval::sdk
