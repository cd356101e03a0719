// A Model that runs an Engine: owns the loop thread that pulls, steps and beats. An idle model
// costs nothing, its thread sleeps in pull.
#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "serval/sdk/engine.hpp"
#include "serval/sdk/inbox.hpp"
#include "serval/sdk/plugin.hpp"
#include "serval/sdk/trampolines.hpp"

namespace serval::sdk {

class EngineModel : public Model {
 public:
  EngineModel(Host host, ModelRef ref, std::unique_ptr<Engine> engine)
      : host_(host), ref_(ref), engine_(std::move(engine)) {}

  ~EngineModel() override { stop(host_.now_ns()); }

  EngineModel(const EngineModel&) = delete;
  EngineModel& operator=(const EngineModel&) = delete;

  Status start() override {
    loop_ = std::thread([this] { run(); });
    return {};
  }

  void quiesce(uint64_t deadline_ns) override { stop(deadline_ns == 0 ? UINT64_MAX : deadline_ns); }

  void signal(uint32_t kind, uint64_t request_id) override {
    inbox_.push({kind, request_id});
    host_.table()->wake(ref_);
  }

  Health health() override {
    const std::lock_guard lock(health_mutex_);
    return health_;
  }

  // Any thread: what health() answers from now on, as SERVAL_HEALTH_DEGRADED and why.
  void set_health(Health health) {
    const std::lock_guard lock(health_mutex_);
    health_ = std::move(health);
  }

 private:
  static constexpr uint64_t kSecond = 1'000'000'000;
  static constexpr uint64_t kIdleWait = 3600 * kSecond;
  static constexpr uint64_t kParkedWait = kSecond;  // beats go on while requests are parked
  static constexpr uint32_t kPullMost = 64;

  void stop(uint64_t deadline_ns) {
    deadline_ns_.store(deadline_ns, std::memory_order_relaxed);
    stopping_.store(true, std::memory_order_release);
    inbox_.interrupt();
    if (!loop_.joinable()) return;
    host_.table()->wake(ref_);
    loop_.join();
  }

  void run() {
    bool open = true;  // pull has not said that no request will ever come again
    bool idle = true;  // the last step found nothing to do
    while (true) {
      const bool stopping = stopping_.load(std::memory_order_acquire);
      const Status ok = detail::caught([&]() -> Status {
        deliver_signals();
        const uint64_t held = engine_->running();
        if (!stopping && open) {
          open = pull(idle || held == 0 ? (held == 0 ? kIdleWait : kParkedWait) : 0);
          deliver_signals();
        } else if (idle && !(stopping && held == 0)) {  // then no signal is to come
          wait_for_signals();
          deliver_signals();
        }
        // Before the step: should it hang, the host knows that requests wait for it.
        host_.table()->beat(ref_, ++steps_, engine_->running());
        idle = !engine_->step();
        if (engine_->running() == 0) host_.table()->beat(ref_, ++steps_, 0);
        return {};
      });
      if (!ok.ok()) return fail(ok.error());
      if (stopping && wind_up()) return;
    }
  }

  // The last part of the loop. True: nothing runs any more.
  bool wind_up() {
    bool done = false;
    const Status ok = detail::caught([&]() -> Status {
      if (engine_->running() > 0 && late()) {
        engine_->abort({SERVAL_UNAVAILABLE, "the model is stopping", {}, 0, true});
        if (engine_->running() > 0) engine_.reset();  // what it still holds is finished as well
      }
      done = engine_ == nullptr || engine_->running() == 0;
      return {};
    });
    if (!ok.ok()) fail(ok.error());
    return done || !ok.ok();
  }

  bool late() const { return host_.now_ns() >= deadline_ns_.load(std::memory_order_relaxed); }

  void deliver_signals() {
    inbox_.take(signals_);
    for (const detail::Signal& s : signals_) {
      if (s.kind == SERVAL_SIGNAL_CANCEL) engine_->cancelled(s.request_id);
      if (s.kind == SERVAL_SIGNAL_WRITABLE) engine_->writable(s.request_id);
      if (s.kind == SERVAL_SIGNAL_READABLE) engine_->readable(s.request_id);
      if (s.kind == SERVAL_SIGNAL_MEMORY_PRESSURE) engine_->memory_pressure();
    }
  }

  // Waits up to wait_ns for requests and admits them. False: no request will ever come again.
  bool pull(uint64_t wait_ns) {
    const uint32_t room = std::min(engine_->room(), kPullMost);
    if (room == 0 && wait_ns == 0) return true;
    const serval_budget budget{sizeof(serval_budget), room, 0, wait_ns};
    std::array<serval_request*, kPullMost> pulled;
    const int32_t n = host_.table()->pull(ref_, &budget, pulled.data(), room);
    for (int32_t i = 0; i < n; ++i) admit(Request{host_.table(), pulled[i], &stopping_});
    return n >= 0;
  }

  void admit(Request request) {
    const Status ok = detail::caught([&]() -> Status {
      engine_->admit(std::move(request));
      return {};
    });
    if (!ok.ok()) host_.log(Level::error, ok.error().message, {{"while", "admitting a request"}});
  }

  void wait_for_signals() {
    const uint64_t now = host_.now_ns();
    const uint64_t deadline = deadline_ns_.load(std::memory_order_relaxed);
    const uint64_t left = deadline > now ? deadline - now : 0;
    inbox_.wait(std::chrono::nanoseconds(std::min({left, kParkedWait})));
  }

  // The engine cannot be trusted any more: ends what it holds and refuses what still comes.
  void fail(const Error& why) {
    set_health({SERVAL_HEALTH_FAILED, why.message});
    host_.log(Level::error, why.message, {{"effect", "the model has failed"}});
    static_cast<void>(detail::caught([&]() -> Status {
      engine_->abort(why);
      return {};
    }));
    engine_.reset();
    const serval_budget budget{sizeof(serval_budget), 1, 0, kIdleWait};
    serval_request* next = nullptr;
    while (!stopping_.load(std::memory_order_acquire)) {
      const int32_t n = host_.table()->pull(ref_, &budget, &next, 1);
      if (n < 0) return;
      if (n == 1) Request{host_.table(), next, &stopping_}.finish_error(why);
    }
  }

  const Host host_;
  const ModelRef ref_;
  std::atomic<bool> stopping_{false};  // outlives the requests in engine_
  std::atomic<uint64_t> deadline_ns_{UINT64_MAX};
  std::unique_ptr<Engine> engine_;
  detail::Inbox inbox_;
  std::vector<detail::Signal> signals_;  // loop thread's
  uint64_t steps_ = 0;
  std::mutex health_mutex_;
  Health health_;
  std::thread loop_;
};

}  // namespace serval::sdk
