// One request under way, between the protocol adapter that made it and the plugin that serves it.
//
//   adapter --submit--> [queue] --pull--> plugin
//   adapter <--pop----- [stream buffer] <--emit-- plugin
//
// The stream buffer is bounded (limits.stream_buffer): emit refuses above its high mark and the
// plugin is told when the adapter has drained it to the low mark, so a reader that stops costs its
// own buffer only.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "host/request/request.h"

namespace serval::host {

// The adapter's end. All functions may be called from any thread.
class Call {
 public:
  virtual ~Call() = default;

  // The next event, if one waits. Gives its bytes back to the stream's credit.
  virtual std::optional<Event> pop() = 0;

  // Set once the request has ended; there may still be events to pop before it.
  virtual std::optional<Finish> finish() const = 0;

  // Asks the plugin to stop; the finish still comes. The first reason stays.
  virtual void cancel(CancelReason reason) = 0;

  // `ready` runs (on any thread, briefly, without locks held) when an event or the finish has
  // arrived since the last pop() returned nothing; at once if something waits already. Set it once;
  // clear it with nullptr before what it captures dies.
  virtual void on_ready(std::function<void()> ready) = 0;
};

// Where adapters hand requests over. Thread-safe.
class Submitter {
 public:
  virtual ~Submitter() = default;

  // Queues the request on its model. Fails at once with
  //   not_found           no such model, or the model has no such op
  //   resource_exhausted  the queue or the tenant's share is full; retry_after_ms is set
  //   unavailable         the model is loading, failed or draining; retry_after_ms is set when it
  //   may come deadline_exceeded   the deadline has passed already
  // The Call dropped by its last owner before its finish counts as cancelled by the client.
  virtual Result<std::shared_ptr<Call>> submit(Request request) = 0;
};

}  // namespace serval::host
