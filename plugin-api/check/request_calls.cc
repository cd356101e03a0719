// The calls for one request of the kit's host: where most rules are.
#include <algorithm>
#include <cstring>
#include <utility>

#include "host_table.h"
#include "serval/sdk/json.hpp"

namespace serval::check {
namespace {

std::string name_of(const Stream& s) {
  return "request " + std::to_string(s.view.id) + " (" + s.spec.op + ")";
}

// p may be NULL when n is 0.
std::string text(const char* p, uint64_t n) { return n == 0 ? std::string() : std::string(p, n); }

// Counts the calls inside one request.
class Inside {
 public:
  explicit Inside(Stream& s) : count_(s.inside), alone_(count_.fetch_add(1) == 0) {}
  ~Inside() { count_.fetch_sub(1); }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;
  bool alone() const { return alone_; }

 private:
  std::atomic<int>& count_;
  const bool alone_;
};

// Why the event must not be emitted, as a rule's name and words; both empty when it may.
Violation wrong_event(const Stream& s, const serval_event& e) {
  if (e.size < sizeof(serval_event)) return {"event", "its size is too small"};
  if (e.kind < SERVAL_EVENT_TEXT || e.kind > SERVAL_EVENT_PROGRESS)
    return {"event", "its kind is unknown"};
  if (e.data.mem != SERVAL_MEM_HOST) return {"event", "its data is not in host memory"};
  if (e.data.len > 0 && e.data.data == nullptr) return {"event", "its data is NULL"};
  const std::string_view data(static_cast<const char*>(e.data.data), e.data.len);
  if (e.kind == SERVAL_EVENT_TEXT && !sdk::is_utf8(data))
    return {"utf8_whole", "its text is not UTF-8, or ends inside a character"};
  if (e.kind == SERVAL_EVENT_JSON && !sdk::Json::parse(data))
    return {"event", "its data is not JSON"};
  if (e.meta_json.n > 0) {
    const auto meta = sdk::Json::parse({e.meta_json.p, e.meta_json.n});
    if (!meta || meta->object() == nullptr) return {"event", "its meta_json is not a JSON object"};
  }
  for (const Event& before : s.events)
    if (before.index == e.index && (before.flags & SERVAL_EVENT_FLAG_LAST) != 0)
      return {"event_after_last", "output " + std::to_string(e.index) + " was complete before"};
  return {};
}

// A call for the input of a request. `give` answers it, under the mutex, if the request lives and
// its input arrives in this way.
template <class Give>
serval_status ask(Stream& s, Arrival way, Give&& give) {
  MiniHost& self = *s.host;
  const Inside inside(s);
  if (!inside.alone())
    self.violate("emit_one_thread", name_of(s) + ": input is read while another thread emits");
  const serval_status answer = self.locked([&]() -> serval_status {
    ++s.asked;
    if (s.finished || !s.pulled) return SERVAL_INVALID_ARGUMENT;
    if (s.cancel_word.load(std::memory_order_acquire) != 0) return SERVAL_CANCELLED;
    if (s.arrival() != way) return SERVAL_FAILED_PRECONDITION;
    return give(s);
  });
  if (answer == SERVAL_INVALID_ARGUMENT)
    self.violate("no_use_after_finish", name_of(s) + ": input is read outside its life");
  self.notify();
  return answer;
}

}  // namespace

const serval_request_view* HostTable::view(const serval_request* request) {
  const Stream& s = *Stream::of(request);
  if (s.host->locked([&] { return s.finished; }))
    s.host->violate("no_use_after_finish", name_of(s) + ": view after finish");
  return &s.view;
}

serval_status HostTable::emit(serval_request* request, const serval_event* event) {
  Stream& s = *Stream::of(request);
  MiniHost& self = *s.host;
  const Inside inside(s);
  if (!inside.alone())
    self.violate("emit_one_thread", name_of(s) + ": emit from two threads at the same time");
  const auto [pulled, finished] = self.locked([&] { return std::pair(s.pulled, s.finished); });
  if (finished || !pulled) {
    self.violate(finished ? "no_emit_after_finish" : "emit_before_pull",
                 name_of(s) + (finished ? ": emit after finish" : ": emit before pull"));
    return SERVAL_INVALID_ARGUMENT;
  }
  const Violation wrong = self.locked([&] { return wrong_event(s, *event); });
  if (!wrong.rule.empty()) {
    self.violate(wrong.rule, name_of(s) + ": an event was emitted, but " + wrong.what);
    return SERVAL_INVALID_ARGUMENT;
  }
  if (s.cancel_word.load(std::memory_order_acquire) != 0) return SERVAL_CANCELLED;
  const serval_status answer = self.locked([&]() -> serval_status {
    if (s.credit == 0) {
      s.waits_for_credit = true;
      ++s.refusals;
      return SERVAL_RESOURCE_EXHAUSTED;
    }
    if (s.credit != Stream::kUnlimited) --s.credit;
    s.events.push_back({event->kind, event->index, event->flags,
                        text(static_cast<const char*>(event->data.data), event->data.len),
                        text(event->meta_json.p, event->meta_json.n)});
    return SERVAL_OK;
  });
  self.notify();
  return answer;
}

serval_status HostTable::read(serval_request* request, void* to, uint64_t capacity, uint64_t* n) {
  *n = 0;
  return ask(*Stream::of(request), Arrival::streamed, [&](Stream& s) -> serval_status {
    *n = std::min<uint64_t>(capacity, s.arrived - s.read);
    if (*n > 0) std::memcpy(to, s.spec.inputs[0].data() + s.read, *n);
    s.read += *n;
    if (*n == 0 && s.read == s.arrived && s.ended) return SERVAL_OUT_OF_RANGE;
    s.waits_for_input = *n == 0;
    s.wanted = s.arrived + 1;
    return SERVAL_OK;
  });
}

serval_status HostTable::arrived(serval_request* request, uint64_t wanted, const void** data,
                                 uint64_t* size) {
  *data = nullptr;
  *size = 0;
  return ask(*Stream::of(request), Arrival::uploaded, [&](Stream& s) -> serval_status {
    *data = s.upload.data();
    *size = s.arrived;
    if (s.ended) return SERVAL_OUT_OF_RANGE;
    s.waits_for_input = s.arrived < wanted;
    s.wanted = std::size_t(wanted);
    return SERVAL_OK;
  });
}

void HostTable::finish(serval_request* request, const serval_finish* how) {
  Stream& s = *Stream::of(request);
  MiniHost& self = *s.host;
  const Inside inside(s);
  if (!inside.alone())
    self.violate("emit_one_thread", name_of(s) + ": finish while another thread emits");
  if (how->size < sizeof(serval_finish)) self.violate("finish", "serval_finish has a wrong size");
  if (how->code < SERVAL_OK || how->code > SERVAL_UNAUTHENTICATED)
    self.violate("finish", name_of(s) + ": finished with an unknown code");
  if (how->code != SERVAL_OK && (how->error == nullptr || how->error->message[0] == '\0'))
    self.violate("finish", name_of(s) + ": finished with an error that has no message");
  const std::string usage = text(how->usage_json.p, how->usage_json.n);
  if (!usage.empty() && !sdk::Json::parse(usage))
    self.violate("finish", name_of(s) + ": usage_json is not JSON");
  const bool again = self.locked([&] {
    if (std::exchange(s.finished, true)) return true;
    std::fill(s.upload.begin(), s.upload.end(), Stream::kNoByte);
    s.finished_ns = now_ns();
    s.code = how->code;
    s.usage = usage;
    if (how->error != nullptr) {
      const serval_error& e = *how->error;
      s.message.assign(e.message, strnlen(e.message, sizeof(e.message)));
      s.param.assign(e.param, strnlen(e.param, sizeof(e.param)));
    }
    return false;
  });
  if (again) self.violate("finish_once", name_of(s) + ": finished twice");
  self.notify();
}

}  // namespace serval::check
