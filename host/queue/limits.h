// Bounds of a model's queue and of each output stream. All have defaults; 0 means what its line
// says.
#pragma once

#include <cstdint>

namespace serval::host {

struct QueueLimits {
  uint64_t items = 1024;          // most requests that wait
  uint64_t bytes = 64ull << 20;   // most bytes of params and inputs that wait
  uint64_t items_per_tenant = 0;  // most that wait of one tenant; 0: only the fair share limits it
  uint64_t max_wait_ns = 0;       // longest wait in the queue, then resource_exhausted; 0: no limit
};

struct StreamLimits {
  uint64_t high_bytes = 256u << 10;  // emit refuses above it
  uint64_t low_bytes = 64u << 10;    // a refused request may go on once the reader is down to it
  uint64_t slow_client_ns = 30ull * 1'000'000'000;  // parked for longer: cancelled as slow_client
  uint64_t max_event_bytes = 64ull << 20;           // a larger event is a contract violation
  uint32_t max_index = 4096;                        // an event's index must be below it
};

}  // namespace serval::host
