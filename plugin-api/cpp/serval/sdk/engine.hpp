// What a batching plugin implements; engine_model.hpp runs it.
#pragma once

#include <cstdint>

#include "serval/sdk/request.hpp"

namespace serval::sdk {

// Threads: every function is called on the model's one loop thread, or on a control thread when the
// loop thread does not run.
//
// An exception from admit fails that request; one from any other function fails the whole model:
// its health becomes FAILED and each request is finished with SERVAL_INTERNAL.
class Engine {
 public:
  virtual ~Engine() = default;  // requests still held then are finished by their destructors

  // How many more requests to admit now. 0: they wait in the host's queue.
  virtual uint32_t room() = 0;

  // Takes over a request; only as many come as room() said. Refuse a bad one with finish_error.
  virtual void admit(Request request) = 0;

  // One step over everything that can run. False: nothing can run before another request, a cancel
  // or a writable comes; step is then called again at the latest after a second while running() >
  // 0.
  virtual bool step() = 0;

  // The request's cancel word has changed: finish it soon (finish_cancelled). An engine that asks
  // cancelled() of each request in every step needs nothing here. Unknown ids are ignored.
  virtual void cancelled(uint64_t id) { static_cast<void>(id); }

  // An event of this request that was refused with Emit::full may be emitted again.
  virtual void writable(uint64_t id) = 0;

  // The input of this request, which had nothing to read, has more, or its end (InputStream).
  virtual void readable(uint64_t id) { static_cast<void>(id); }

  // The host is short of memory: give back what can be given back.
  virtual void memory_pressure() {}

  // Requests held now, parked ones included.
  virtual uint64_t running() = 0;

  // Finishes all requests with this error: the model stops and its time is up, or it has failed.
  virtual void abort(const Error& error) = 0;
};

}  // namespace serval::sdk
