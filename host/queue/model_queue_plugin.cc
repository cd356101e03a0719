// What the plugin does with its queue: pull, emit, finish.
#include <algorithm>
#include <chrono>

#include "host/queue/abi_error.h"
#include "host/queue/event_check.h"
#include "host/queue/model_queue.h"
#include "host/queue/request_table.h"

namespace serval::host {
int32_t ModelQueue::pull(const serval_budget& budget, serval_request** out, uint32_t capacity) {
  if (!SERVAL_HAS(&budget, wait_ns) || (out == nullptr && capacity != 0)) {
    violation("pull_arguments");
    return 0;
  }
  std::vector<State> taken;
  std::vector<Ended> ended;
  Lock lock(mutex_);
  if (pulling_) {
    lock.unlock();
    violation("pull_threads");
    return 0;
  }
  pulling_ = true;
  // A wait without end and one of a day are the same here: a wake or an arrival ends both.
  const auto until = std::chrono::steady_clock::now() + std::chrono::nanoseconds(std::min<uint64_t>(
                                                            budget.wait_ns, 86'400'000'000'000u));
  bool in_time = budget.wait_ns != 0;
  while (!pull_closed_) {
    take_ready(budget, capacity, taken, ended);
    if (!ended.empty()) {
      lock.unlock();
      complete_all(ended);
      lock.lock();
      if (taken.empty()) continue;
    }
    if (!taken.empty() || woken_ || !in_time) break;
    in_time = arrived_.wait_until(lock, until) == std::cv_status::no_timeout;
  }
  woken_ = false;
  pulling_ = false;
  const bool closed = pull_closed_ && taken.empty();
  lock.unlock();

  int32_t n = 0;
  for (const State& request : taken) {
    RequestTable::instance().insert(request);
    out[n++] = RequestTable::handle(request->id);
    options_.observer->pulled(request->pulled_ns - request->accepted_ns);
  }
  return closed ? -SERVAL_FAILED_PRECONDITION : n;
}

void ModelQueue::take_ready(const serval_budget& budget, uint32_t capacity,
                            std::vector<State>& taken, std::vector<Ended>& ended) {
  const uint64_t time = now();
  const std::size_t most = std::min(capacity, budget.max_requests);
  uint64_t room = budget.max_cost;
  while (taken.size() < most) {
    auto* const next = static_cast<RequestState*>(waiting_.front());
    if (next == nullptr) return;
    if (next->due.end != 0 && next->due.end <= time) {
      ended.push_back({leave(*next), timeout_error(*next, time)});
      continue;
    }
    if (budget.max_cost != 0 && next->cost > room) {
      if (!taken.empty() || running_ != 0) return;  // more room will come
      ended.push_back(
          {leave(*next),
           error(Code::out_of_range, "the request has " + std::to_string(next->cost) +
                                         " bytes, model " + options_.model + " takes at most " +
                                         std::to_string(budget.max_cost))});
      continue;
    }
    room -= budget.max_cost != 0 ? next->cost : 0;
    waiting_.take(*next);
    next->phase = RequestState::Phase::running;
    next->pulled_ns = time;
    arm(*next, Timer::end, next->request.deadline_ns);  // from now on only the deadline counts
    if (running_ == 0) alive_ns_.store(time);
    running_seen_.store(++running_);
    taken.push_back(live_.at(next->id));
  }
}

void ModelQueue::wake() {
  {
    Lock lock(mutex_);
    woken_ = true;
  }
  arrived_.notify_one();
}

void ModelQueue::beat() { alive_ns_.store(now()); }

serval_status ModelQueue::emit(RequestState& request, const serval_event& event) {
  if (request.emitting.exchange(true, std::memory_order_acquire)) {
    violation("emit_threads");
    return SERVAL_INVALID_ARGUMENT;
  }
  const serval_status status = emit_alone(request, event);
  request.emitting.store(false, std::memory_order_release);
  return status;
}

serval_status ModelQueue::emit_alone(RequestState& request, const serval_event& event) {
  std::string_view rule = check_event(event, options_.stream);
  if (rule.empty() && std::find(request.complete.begin(), request.complete.end(), event.index) !=
                          request.complete.end())
    rule = "event_after_last";
  if (!rule.empty()) {
    violation(rule);
    return SERVAL_INVALID_ARGUMENT;
  }
  if (request.cancelled() != CancelReason::none) return SERVAL_CANCELLED;

  Event copy;
  copy.kind = event.kind;
  copy.index = event.index;
  copy.last = (event.flags & SERVAL_EVENT_FLAG_LAST) != 0;
  copy.data.assign(static_cast<const char*>(event.data.data), event.data.len);
  copy.meta_json.assign(view_of(event.meta_json));
  const uint64_t time = now();
  copy.emitted_ns = time;
  switch (request.stream.push(copy)) {
    case StreamBuffer::Push::parked:
      parked(request);
      return SERVAL_RESOURCE_EXHAUSTED;
    case StreamBuffer::Push::refused:
      return SERVAL_RESOURCE_EXHAUSTED;
    case StreamBuffer::Push::closed:
      if (request.cancelled() != CancelReason::none) return SERVAL_CANCELLED;
      violation("emit_after_finish");
      return SERVAL_INVALID_ARGUMENT;
    case StreamBuffer::Push::taken:
      break;
  }
  if ((event.flags & SERVAL_EVENT_FLAG_LAST) != 0) request.complete.push_back(event.index);
  const uint64_t before = request.last_event_ns.exchange(time);
  if (before == 0) {
    request.first_event_ns.store(time);
    options_.observer->first_event(time - request.accepted_ns);
  } else {
    options_.observer->next_event(time - before);
  }
  return SERVAL_OK;
}

void ModelQueue::finish(RequestState& request, const serval_finish& given) {
  Error error;
  std::string usage;
  if (!SERVAL_HAS(&given, usage_json) || given.code < SERVAL_OK ||
      given.code > SERVAL_UNAUTHENTICATED) {
    violation("finish_arguments");
    error.message = "the plugin ended the request in a wrong way";
  } else {
    error = error_from_abi(given.code, given.error);
    usage = view_of(given.usage_json);
    if (!usage.empty() && !is_json_object(usage)) {
      violation("finish_usage");
      usage.clear();
    }
  }
  Lock lock(mutex_);
  if (request.phase != RequestState::Phase::running) return;
  const State keep = leave(request);
  lock.unlock();
  // A cancelled request that got done all the same is done; else the reason is the better answer.
  const CancelReason reason = request.cancelled();
  if (reason != CancelReason::none && error.code != Code::ok) error = cancel_error(reason);
  complete(request, std::move(error), std::move(usage));
}

// One look at the input, by one thread at a time.
template <class Look>
serval_status ModelQueue::look(RequestState& request, Look&& look) {
  if (request.reading.exchange(true, std::memory_order_acquire)) {
    violation("read_threads");
    return SERVAL_INVALID_ARGUMENT;
  }
  const bool live = request.cancelled() == CancelReason::none;
  const serval_status status = live ? look(request.request) : SERVAL_CANCELLED;
  request.reading.store(false, std::memory_order_release);
  return status;
}

serval_status ModelQueue::read(RequestState& request, char* to, uint64_t capacity, uint64_t& n) {
  n = 0;
  return look(request, [&](Request& of) {
    if (!of.stream) return SERVAL_FAILED_PRECONDITION;
    std::size_t moved = 0;
    const bool over = of.stream->read(to, capacity, moved) == InputStream::Read::end;
    n = moved;
    return over ? SERVAL_OUT_OF_RANGE : SERVAL_OK;
  });
}

serval_status ModelQueue::arrived(RequestState& request, uint64_t wanted, std::string_view& bytes) {
  bytes = {};
  return look(request, [&](Request& of) {
    if (!of.arriving) return SERVAL_FAILED_PRECONDITION;
    const UploadBuffer::View seen = of.upload->view(wanted);
    bytes = seen.bytes;
    return seen.complete ? SERVAL_OUT_OF_RANGE : SERVAL_OK;
  });
}

void ModelQueue::violation(std::string_view rule) {
  const uint64_t count = violations_.fetch_add(1) + 1;
  options_.observer->violation(rule);
  const bool power_of_two = (count & (count - 1)) == 0;
  if (!options_.log || (count > 8 && !power_of_two)) return;  // a bad loop must not flood the log
  const LogField fields[] = {{"model", options_.model},
                             {"rule", std::string(rule)},
                             {"violations", std::to_string(count)}};
  options_.log(SERVAL_LOG_WARN, "the plugin broke a rule of the ABI", fields);
}

}  // namespace serval::host
