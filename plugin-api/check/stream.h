// One request as the kit's host sees it: what was asked, what came, what is allowed to come.
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <serval/request.h>
#include <string>
#include <vector>

namespace serval::check {

// How a plugin gets input 0: in the view, or from serval.input_stream/1 as a stream or an upload.
enum class Arrival { whole, streamed, uploaded };

// A request to make.
struct Spec {
  std::string op;
  std::string params = "{}";
  std::vector<std::string> inputs = {};
  uint64_t deadline_ns = 0;
  Arrival arrival = Arrival::whole;
};

struct Event {
  uint32_t kind = 0;
  uint32_t index = 0;
  uint32_t flags = 0;
  std::string data;
  std::string meta;
};

// Everything but the atomics is guarded by the host's mutex. Never freed before the host, so that a
// plugin that goes on using a finished request is found out and does not crash.
struct Stream {
  static constexpr int64_t kUnlimited = std::numeric_limits<int64_t>::max();

  Stream(class MiniHost* host, uint64_t id, Spec spec);
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  serval_request* handle() { return reinterpret_cast<serval_request*>(this); }
  static Stream* of(serval_request* handle) { return reinterpret_cast<Stream*>(handle); }
  static const Stream* of(const serval_request* handle) {
    return reinterpret_cast<const Stream*>(handle);
  }

  // The payload of output `index`, all events joined.
  std::string output(uint32_t index = 0) const;

  Arrival arrival() const { return spec.inputs.empty() ? Arrival::whole : spec.arrival; }

  // So many more bytes of an arriving input 0 come; end: and none behind them. True: the plugin
  // waits for what is there now and is to be told with SERVAL_SIGNAL_READABLE.
  bool feed(std::size_t bytes, bool end);

  class MiniHost* const host;
  const Spec spec;
  std::vector<serval_slice> slices;
  serval_request_view view{};
  std::atomic<uint32_t> cancel_word{0};
  std::atomic<int> inside{0};  // calls of emit and finish that run now

  int64_t credit = kUnlimited;  // events that emit will still take
  uint32_t cancel_on_pull = 0;  // becomes the cancel word while pull hands it out
  bool pulled = false;
  bool waits_for_credit = false;  // emit has refused; the next grant signals WRITABLE
  uint64_t refusals = 0;

  // Of an input 0 that arrives, in bytes; `read` of a stream only.
  std::size_t arrived = 0, read = 0;
  bool ended = false;
  bool waits_for_input = false;  // until so many bytes in all as `wanted` have arrived, or the end
  std::size_t wanted = 0;
  uint64_t asked = 0;  // calls for input
  // What the plugin sees of an upload. Bytes that have not arrived are kNoByte, and so are all
  // after finish: who reads them has another answer.
  static constexpr char kNoByte = '\xee';
  std::vector<char> upload;
  std::vector<Event> events;

  bool finished = false;
  uint64_t finished_ns = 0;
  serval_status code = SERVAL_OK;
  std::string message;
  std::string param;
  std::string usage;
};

}  // namespace serval::check
