// All that the host keeps of one request.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "host/queue/stream_buffer.h"
#include "host/queue/wait_list.h"
#include "host/request/request.h"
#include "serval/request.h"

namespace serval::host {

class ModelQueue;

// The parts below a comment that names a lock are guarded by it; the rest does not change.
struct RequestState : WaitItem {
  RequestState(uint64_t id, Request taken, std::shared_ptr<ModelQueue> owner,
               const StreamLimits& limits, uint64_t now);

  enum class Phase { waiting, running, finished };
  struct Due {
    uint64_t end = 0;   // the deadline, or the longest wait; 0: none
    uint64_t park = 0;  // when to look whether the reader is too slow; 0: not armed
  };

  const uint64_t id;
  const std::shared_ptr<ModelQueue> queue;
  Request request;  // params and inputs are given back when it has finished
  std::vector<serval_slice> slices;
  const std::string cache_namespace;
  serval_request_view view{};
  const uint64_t accepted_ns;

  std::atomic<uint32_t> cancel_word{0};  // changed under the queue's lock
  StreamBuffer stream;
  std::atomic<uint64_t> first_event_ns{0};
  std::atomic<uint64_t> last_event_ns{0};
  std::atomic<bool> emitting{false}, reading{false};
  std::vector<uint32_t> complete;  // outputs that have ended; of the thread that set `emitting`

  // the queue's lock
  Phase phase = Phase::waiting;
  Due due;
  uint64_t pulled_ns = 0;
  uint64_t cancelled_ns = 0;

  CancelReason cancelled() const {
    return CancelReason(cancel_word.load(std::memory_order_acquire));
  }
};

}  // namespace serval::host
