// Carries signals to one model of a plugin.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

namespace serval::host {

// Signals come from threads that hold anything: the plugin's own inside emit, an adapter's, the
// ticker's. A thread of its own means that a plugin is never entered from within one of its calls
// and that one which is slow to take signals holds up nobody else.
class SignalThread {
 public:
  using Deliver = std::function<void(uint32_t kind, uint64_t request_id)>;

  explicit SignalThread(Deliver deliver);
  ~SignalThread() { stop(); }

  void stop();  // delivers nothing any more once it returns; not from within a delivery
  void send(uint32_t kind, uint64_t request_id);

 private:
  void run();

  const Deliver deliver_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::pair<uint32_t, uint64_t>> waiting_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace serval::host
