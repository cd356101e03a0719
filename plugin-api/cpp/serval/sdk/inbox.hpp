// Signals on their way from the host's I/O threads to the model's loop thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <serval/plugin.h>
#include <vector>

namespace serval::sdk::detail {

struct Signal {
  uint32_t kind;
  uint64_t request_id;
};

// Threads: push and interrupt from any; take and wait from one.
class Inbox {
 public:
  void push(Signal signal) {
    const std::lock_guard lock(mutex_);
    signals_.push_back(signal);
    changed_.notify_one();
  }

  // Ends the wait that runs now, or else the next one.
  void interrupt() {
    const std::lock_guard lock(mutex_);
    interrupted_ = true;
    changed_.notify_one();
  }

  // Replaces out's content; out's memory is reused by the next push.
  void take(std::vector<Signal>& out) {
    out.clear();
    const std::lock_guard lock(mutex_);
    out.swap(signals_);
  }

  // Until there is a signal, an interrupt or the time is over.
  void wait(std::chrono::nanoseconds at_most) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, at_most, [this] { return interrupted_ || !signals_.empty(); });
    interrupted_ = false;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Signal> signals_;
  bool interrupted_ = false;
};

}  // namespace serval::sdk::detail
