// The queue of one loaded version of a model, and the requests it runs.
//
//   submit -> waiting -> pull -> running -> finish
//               |                   |
//               cancel, deadline    cancel word + signal, then the plugin's finish
//
// Adapters hold Calls, the plugin holds handles (RequestTable); both lead here.
#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "common/result.h"
#include "host/queue/limits.h"
#include "host/queue/log_sink.h"
#include "host/queue/observer.h"
#include "host/queue/request_state.h"
#include "host/queue/service_rate.h"
#include "host/queue/wait_list.h"
#include "host/request/call.h"
#include "serval/host.h"

namespace serval::host {

struct ModelQueueOptions {
  std::string model;  // for messages
  QueueLimits queue;
  StreamLimits stream;
  std::shared_ptr<ModelObserver> observer;      // may be null
  LogSink log;                                  // may be empty
  std::function<uint64_t()> clock;              // empty: now_ns
  std::function<void(uint64_t due_ns)> on_due;  // something falls due earlier than tick() knew
};

// Thread-safe. No lock is held while an adapter, an observer or the signal sink is called.
class ModelQueue : public std::enable_shared_from_this<ModelQueue> {
 public:
  // Tells the plugin; gets SERVAL_SIGNAL_* and a request's id. Must not call the plugin on this
  // thread.
  using SignalSink = std::function<void(uint32_t kind, uint64_t id)>;
  struct Counts {
    uint64_t waiting = 0, running = 0, parked = 0;
  };

  static std::shared_ptr<ModelQueue> make(ModelQueueOptions options);
  ~ModelQueue();

  // --- adapters ---
  // As Submitter::submit. The request is moved from only on success.
  Result<std::shared_ptr<Call>> submit(Request&& request);

  // --- the plugin, through the ABI's host table ---
  // An item whose cost alone is over max_cost waits for a larger budget; when the plugin holds
  // nothing there will be none, and the request fails as out_of_range.
  int32_t pull(const serval_budget& budget, serval_request** out, uint32_t capacity);
  void wake();
  void beat();
  serval_status emit(RequestState& request, const serval_event& event);
  void finish(RequestState& request, const serval_finish& finish);
  // As serval.input_stream/1 has it.
  serval_status read(RequestState& request, char* to, uint64_t capacity, uint64_t& n);
  serval_status arrived(RequestState& request, uint64_t wanted, std::string_view& bytes);
  void violation(std::string_view rule);

  // --- control ---
  void set_signal_sink(SignalSink sink);
  // submit fails as unavailable from now on; so do requests whose upload is still arriving.
  void refuse_new();
  bool refusing() const;
  void close_pull();  // pull says FAILED_PRECONDITION from now on
  void cancel(RequestState& request, CancelReason reason);
  void cancel_all(CancelReason reason);
  void fail_waiting(const Error& error);
  // After model_close: what the plugin has not finished ends as internal and counts as a violation.
  void abandon_running();
  // Waits until nothing waits or runs; false when until_ns has passed first or `stop` says so,
  // which is asked every 100 ms, with the queue's lock held.
  bool wait_idle(uint64_t until_ns, const std::function<bool()>& stop = {});
  // Ends what has run out of time; when to be called next, or UINT64_MAX.
  uint64_t tick();

  Counts counts() const;
  uint64_t violations() const { return violations_.load(); }
  uint64_t step_age_ns() const;  // since the last sign of life while something runs; else 0
  const std::string& model() const { return options_.model; }

 private:
  friend class QueueCall;
  using State = std::shared_ptr<RequestState>;
  using Lock = std::unique_lock<std::mutex>;
  enum class Timer { end, park };
  struct Ended {  // to be completed without the lock
    State request;
    Error error;
  };

  explicit ModelQueue(ModelQueueOptions options);
  Status admit(const Request& request, uint64_t cost, std::string_view& limit) const;
  void take_ready(const serval_budget& budget, uint32_t capacity, std::vector<State>& taken,
                  std::vector<Ended>& ended);
  void arm(RequestState& request, Timer timer, uint64_t due);
  void disarm(RequestState& request);
  State leave(RequestState& request);  // waiting or running -> finished, off all lists
  void complete(RequestState& request, Error error, std::string usage_json);
  void complete_all(std::vector<Ended>& ended);
  template <class Look>
  serval_status look(RequestState& request, Look&& look);
  serval_status emit_alone(RequestState& request, const serval_event& event);
  Error cancel_error(CancelReason reason) const;
  Error timeout_error(const RequestState& request, uint64_t time) const;
  void parked(RequestState& request);
  void unparked();
  void abandon(RequestState& request);  // its Call is dropped
  std::optional<Event> pop(RequestState& request);
  void signal(uint32_t kind, uint64_t id);
  uint64_t now() const { return options_.clock(); }
  uint64_t parked_count() const { return uint64_t(std::max<int64_t>(parked_.load(), 0)); }

  const ModelQueueOptions options_;
  uint64_t first_id_ = 0;

  mutable std::mutex mutex_;
  std::condition_variable arrived_;  // for pull
  std::condition_variable idle_;     // for wait_idle
  WaitList waiting_;
  std::unordered_map<uint64_t, State> live_;                // waiting and running
  std::set<std::tuple<uint64_t, uint64_t, Timer>> timers_;  // due, id
  uint64_t next_due_ = UINT64_MAX;                          // what tick() has said last
  uint64_t next_id_ = 0;
  uint64_t running_ = 0;
  ServiceRate rate_;
  bool refusing_ = false;
  bool pull_closed_ = false;
  bool pulling_ = false;
  bool woken_ = false;
  std::shared_ptr<const SignalSink> signal_sink_;

  std::atomic<int64_t> parked_{
      0};  // an unpark may be counted before its park: below 0 for a moment
  std::atomic<uint64_t> running_seen_{0};  // running_, without the lock
  std::atomic<uint64_t> alive_ns_{0};      // last beat, or when something began to run
  std::atomic<uint64_t> violations_{0};
};

}  // namespace serval::host
