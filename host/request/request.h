// What a protocol adapter makes of the bytes it got, and what comes back. Nothing behind this file
// knows the protocol; nothing before it knows the model.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "host/request/input_stream.h"
#include "host/request/upload_buffer.h"

namespace serval::host {

// One operation on one model. docs/requests.md says which parameters and inputs an op has.
struct Request {
  std::string op;     // "chat", "complete", ...
  std::string model;  // the name clients use
  std::string adapter;
  std::string params_json = "{}";
  std::vector<std::string> inputs;
  // At most one of these is set: input 0, and `inputs` has an empty one in its place.
  std::shared_ptr<InputStream> stream;   // of an op that reads it as it comes
  std::shared_ptr<UploadBuffer> upload;  // complete, unless:
  bool arriving = false;                 // of an op that reads an upload as it comes
  // What there is of it when the request is made. REQUIRES: i < inputs.size()
  std::string_view input(std::size_t i) const {
    return i == 0 && upload && !arriving ? upload->view().bytes : std::string_view(inputs[i]);
  }
  uint64_t bytes() const;  // of its parameters and inputs, as far as they have come

  int32_t priority = 0;      // lower runs sooner
  uint64_t deadline_ns = 0;  // on now_ns()'s clock; covers waiting and running; 0: none
  std::string tenant;        // who pays: fairness and cache namespace; "" without keys
  std::string cache_salt;    // divides the tenant's cache namespace further; "" for the whole
  std::string request_id;
  std::string traceparent;
};

// One piece of output.
struct Event {
  uint32_t kind = 0;   // SERVAL_EVENT_*
  uint32_t index = 0;  // which of several outputs
  bool last = false;   // this output is complete
  std::string data;
  std::string meta_json;
  uint64_t emitted_ns = 0;
};

// How a request ended.
struct Finish {
  Error error{Code::ok, {}, {}, 0};  // code ok: all went well
  std::string usage_json;
  uint64_t accepted_ns = 0;
  uint64_t pulled_ns = 0;       // 0: never pulled
  uint64_t first_event_ns = 0;  // 0: none came
  uint64_t finished_ns = 0;
};

// Values of the plugin ABI's SERVAL_CANCEL_*.
enum class CancelReason : uint32_t {
  none = 0,
  client = 1,
  deadline = 2,
  slow_client = 3,
  shutdown = 4,
  admin = 5,
  memory = 6,
};
std::string_view cancel_reason_name(CancelReason reason);

// Monotonic nanoseconds; the clock of every *_ns field and of the plugin ABI's now_ns.
uint64_t now_ns();

}  // namespace serval::host
