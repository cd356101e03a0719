// The output of one request between the plugin that emits and the adapter that pops; bounded.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "host/queue/limits.h"
#include "host/request/request.h"

namespace serval::host {

// Thread-safe. `ready` callbacks run without the lock, one at a time.
class StreamBuffer {
 public:
  enum class Push {
    taken,
    parked,   // refused now: the reader is slow; pop() says when to go on
    refused,  // refused before already and still
    closed,   // finished, or nobody will read it
  };

  explicit StreamBuffer(const StreamLimits& limits) : limits_(limits) {}

  // The plugin's end. The event is moved from only when taken; its emitted_ns is the time. An empty
  // buffer takes any event, so one that is larger than the high mark passes, alone.
  Push push(Event& event);
  // Ends the stream; what waits can still be popped. Returns true if the stream was parked.
  bool finish(Finish finish);
  // Nobody is refused any more, because the request is cancelled. True if the stream was parked.
  bool unpark();
  // Drops what waits and refuses the rest: the reader is gone.
  void discard();

  // The adapter's end. `writable` becomes true when a refused plugin may go on with this.
  std::optional<Event> pop(bool& writable);
  std::optional<Finish> finish() const;
  void on_ready(std::function<void()> ready);

  uint64_t parked_since_ns() const;  // 0: not parked
  uint64_t bytes() const;

  // What an event costs in credit: its bytes and those of its bookkeeping.
  static uint64_t cost(const Event& event) {
    return event.data.size() + event.meta_json.size() + sizeof(Event);
  }

 private:
  using Lock = std::unique_lock<std::mutex>;
  void notify(Lock& lock);

  const StreamLimits limits_;
  mutable std::mutex mutex_;
  std::deque<Event> events_;
  uint64_t bytes_ = 0;
  uint64_t resume_at_ = 0;  // while parked: the level that the refused event fits on top of
  uint64_t parked_since_ns_ = 0;
  bool discarded_ = false;
  std::optional<Finish> finish_;

  std::shared_ptr<const std::function<void()>> ready_;
  bool armed_ = true;     // the reader has seen the end, so the next arrival is news
  bool calling_ = false;  // a callback is running, on thread caller_
  bool again_ = false;    // and must run once more
  std::thread::id caller_;
  std::condition_variable called_;
};

}  // namespace serval::host
