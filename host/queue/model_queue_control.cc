// What ends requests early: cancels, deadlines, slow readers, drain.
#include <algorithm>
#include <chrono>

#include "host/queue/model_queue.h"
#include "host/queue/request_table.h"
#include "serval/plugin.h"

namespace serval::host {

Error ModelQueue::cancel_error(CancelReason reason) const {
  switch (reason) {
    case CancelReason::deadline:
      return error(Code::deadline_exceeded, "the deadline passed before the request was done");
    case CancelReason::slow_client:
      return error(Code::cancelled, "the client did not read its output for too long");
    case CancelReason::shutdown:
      return Error{Code::unavailable, "the server is shutting down", {}, 1000};
    case CancelReason::admin:
      return Error{Code::unavailable, "model " + options_.model + " was unloaded", {}, 1000};
    case CancelReason::memory:
      return Error{Code::resource_exhausted, "memory ran out", {}, 1000};
    case CancelReason::none:
    case CancelReason::client:
      break;
  }
  return error(Code::cancelled, "cancelled by the client");
}

Error ModelQueue::timeout_error(const RequestState& request, uint64_t time) const {
  if (request.request.deadline_ns != 0 && request.request.deadline_ns <= time)
    return error(Code::deadline_exceeded, "the deadline passed while the request waited");
  return Error{Code::resource_exhausted,
               "the request waited too long for model " + options_.model,
               {},
               rate_.estimate_ms(waiting_.total().items + 1)};
}

void ModelQueue::cancel(RequestState& request, CancelReason reason) {
  if (reason == CancelReason::none) return;
  Lock lock(mutex_);
  if (request.phase == RequestState::Phase::finished) return;
  uint32_t none = 0;
  if (!request.cancel_word.compare_exchange_strong(none, uint32_t(reason))) return;
  request.cancelled_ns = now();
  if (request.phase == RequestState::Phase::waiting) {
    const State keep = leave(request);
    lock.unlock();
    complete(request, cancel_error(reason), {});
    return;
  }
  disarm(request);
  lock.unlock();
  if (request.stream.unpark()) unparked();
  signal(SERVAL_SIGNAL_CANCEL, request.id);
}

void ModelQueue::cancel_all(CancelReason reason) {
  std::vector<State> all;
  {
    Lock lock(mutex_);
    for (const auto& [id, request] : live_) all.push_back(request);
  }
  for (const State& request : all) cancel(*request, reason);
}

void ModelQueue::fail_waiting(const Error& error) {
  std::vector<Ended> ended;
  {
    Lock lock(mutex_);
    while (WaitItem* next = waiting_.front())
      ended.push_back({leave(static_cast<RequestState&>(*next)), error});
  }
  complete_all(ended);
}

void ModelQueue::abandon_running() {
  std::vector<Ended> ended;
  {
    Lock lock(mutex_);
    std::vector<State> all;
    for (const auto& [id, request] : live_) {
      if (request->phase == RequestState::Phase::running) all.push_back(request);
    }
    for (const State& request : all)
      ended.push_back(
          {leave(*request), error(Code::internal, "the plugin was closed and left it unfinished")});
  }
  for (const Ended& one : ended) {
    RequestTable::instance().take(one.request->id);
    violation("request_leaked");
  }
  complete_all(ended);
}

void ModelQueue::parked(RequestState& request) {
  parked_.fetch_add(1);
  const uint64_t time = now();
  bool sooner = false;
  const uint64_t due = time + options_.stream.slow_client_ns;
  {
    Lock lock(mutex_);
    // An armed timer looks how long it really was when it fires, so it need not be moved each time.
    if (request.phase == RequestState::Phase::running && request.due.park == 0 &&
        request.cancelled() == CancelReason::none) {
      arm(request, Timer::park, due);
      sooner = due < next_due_;
      next_due_ = std::min(next_due_, due);
    }
  }
  options_.observer->parked();
  if (sooner && options_.on_due) options_.on_due(due);
}

void ModelQueue::unparked() {
  parked_.fetch_sub(1);
  alive_ns_.store(now());
  options_.observer->unparked();
}

std::optional<Event> ModelQueue::pop(RequestState& request) {
  bool writable = false;
  auto event = request.stream.pop(writable);
  if (writable) {
    unparked();
    signal(SERVAL_SIGNAL_WRITABLE, request.id);
  }
  return event;
}

void ModelQueue::abandon(RequestState& request) {
  request.stream.on_ready(nullptr);
  cancel(request, CancelReason::client);
  request.stream.discard();
}

void ModelQueue::signal(uint32_t kind, uint64_t id) {
  std::shared_ptr<const SignalSink> sink;
  {
    Lock lock(mutex_);
    sink = signal_sink_;
  }
  if (sink) (*sink)(kind, id);
}

void ModelQueue::set_signal_sink(SignalSink sink) {
  auto made = sink ? std::make_shared<const SignalSink>(std::move(sink)) : nullptr;
  Lock lock(mutex_);
  signal_sink_.swap(made);
}

void ModelQueue::refuse_new() {
  std::vector<State> arriving;  // for as long as their clients like, which nobody waits for
  {
    Lock lock(mutex_);
    refusing_ = true;
    for (const auto& [id, request] : live_)
      if (request->request.arriving && !request->request.upload->view().complete)
        arriving.push_back(request);
  }
  for (const State& request : arriving) cancel(*request, CancelReason::admin);
}

bool ModelQueue::refusing() const {
  Lock lock(mutex_);
  return refusing_;
}

void ModelQueue::close_pull() {
  {
    Lock lock(mutex_);
    pull_closed_ = true;
  }
  arrived_.notify_all();
}

bool ModelQueue::wait_idle(uint64_t until_ns, const std::function<bool()>& stop) {
  Lock lock(mutex_);
  while (!live_.empty()) {
    const uint64_t time = now();
    if (time >= until_ns || (stop && stop())) return false;
    idle_.wait_for(lock,
                   std::chrono::nanoseconds(std::min<uint64_t>(until_ns - time, 100'000'000)));
  }
  return true;
}

uint64_t ModelQueue::tick() {
  std::vector<Ended> ended;
  std::vector<std::pair<State, CancelReason>> cancelled;
  Lock lock(mutex_);
  const uint64_t time = now();
  while (!timers_.empty() && std::get<0>(*timers_.begin()) <= time) {
    const auto [due, id, timer] = *timers_.begin();
    const State request = live_.at(id);
    arm(*request, timer, 0);
    if (timer == Timer::end && request->phase == RequestState::Phase::waiting) {
      ended.push_back({leave(*request), timeout_error(*request, time)});
    } else if (timer == Timer::end) {
      cancelled.emplace_back(request, CancelReason::deadline);
    } else if (const uint64_t since = request->stream.parked_since_ns(); since != 0) {
      const uint64_t limit = since + options_.stream.slow_client_ns;
      if (limit <= time) {
        cancelled.emplace_back(request, CancelReason::slow_client);
      } else {
        arm(*request, Timer::park, limit);
      }
    }
  }
  next_due_ = timers_.empty() ? UINT64_MAX : std::get<0>(*timers_.begin());
  const uint64_t next = next_due_;
  lock.unlock();
  complete_all(ended);
  for (const auto& [request, reason] : cancelled) cancel(*request, reason);
  return next;
}

uint64_t ModelQueue::step_age_ns() const {
  // Requests whose readers are slow give the plugin nothing to do.
  if (running_seen_.load() <= parked_count()) return 0;
  const uint64_t alive = alive_ns_.load();
  const uint64_t time = now();
  return time > alive ? time - alive : 0;
}

}  // namespace serval::host
