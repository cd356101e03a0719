#include "host/queue/ticker.h"

#include <algorithm>
#include <chrono>

#include "host/queue/model_queue.h"
#include "host/request/request.h"

namespace serval::host {
namespace {

constexpr uint64_t kNever = UINT64_MAX;
constexpr uint64_t kLongestSleep = 1'000'000'000;

}  // namespace

Ticker::Ticker() : thread_([this] { run(); }) {}

Ticker::~Ticker() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Ticker::add(std::weak_ptr<ModelQueue> queue) {
  std::lock_guard lock(mutex_);
  queues_.push_back(std::move(queue));
  wake_at_ = 0;
  changed_.notify_all();
}

void Ticker::poke(uint64_t due_ns) {
  std::lock_guard lock(mutex_);
  if (due_ns >= wake_at_) return;
  wake_at_ = due_ns;
  changed_.notify_all();
}

void Ticker::run() {
  std::unique_lock lock(mutex_);
  while (!stop_) {
    const uint64_t now = now_ns();
    if (now < wake_at_) {
      const uint64_t sleep = std::min(wake_at_ - now, kLongestSleep);
      changed_.wait_for(lock, std::chrono::nanoseconds(sleep));
      continue;
    }
    std::erase_if(queues_, [](const auto& queue) { return queue.expired(); });
    const auto queues = queues_;
    wake_at_ = kNever;  // poke() lowers it while the queues are looked at
    lock.unlock();
    uint64_t next = kNever;
    for (const auto& weak : queues) {
      if (const auto queue = weak.lock()) next = std::min(next, queue->tick());
    }
    lock.lock();
    wake_at_ = std::min(wake_at_, next);
  }
}

}  // namespace serval::host
