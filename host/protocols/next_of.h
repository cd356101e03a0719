// One look at a call: what a reader of events takes next.
#pragma once

#include <optional>

#include "host/request/call.h"

namespace serval::host {

// Neither: nothing is there, and the call's `ready` will run when there is.
struct Next {
  std::optional<Event> event;
  std::optional<Finish> finish;  // all events before it have been taken
};

inline Next next_of(Call& call) {
  for (;;) {
    Next next;
    next.finish = call.finish();  // before pop: all its events are then there
    next.event = call.pop();
    if (next.event) {
      next.finish.reset();
      return next;
    }
    if (next.finish) return next;
    // It may have come since: only what arrives after a pop() in vain wakes this reader.
    if (!call.finish()) return next;
  }
}

}  // namespace serval::host
