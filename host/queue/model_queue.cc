#include "host/queue/model_queue.h"

#include <algorithm>

#include "host/queue/queue_call.h"
#include "host/queue/request_table.h"
#include "serval/ext/draft/input_stream.h"

namespace serval::host {

std::shared_ptr<ModelQueue> ModelQueue::make(ModelQueueOptions options) {
  if (!options.clock) options.clock = now_ns;
  // An observer that looks away saves a question at every call.
  if (!options.observer) options.observer = std::make_shared<ModelObserver>();
  std::shared_ptr<ModelQueue> queue(new ModelQueue(std::move(options)));
  queue->first_id_ = RequestTable::instance().add_queue(queue);
  queue->next_id_ = queue->first_id_;
  return queue;
}

ModelQueue::ModelQueue(ModelQueueOptions options) : options_(std::move(options)) {}

ModelQueue::~ModelQueue() { RequestTable::instance().remove_queue(first_id_); }

// A tenant may hold the whole queue only while it is the only one: an eighth is kept for others
// when tenants have names, and as soon as others wait each is held to its share.
Status ModelQueue::admit(const Request& request, uint64_t cost, std::string_view& limit) const {
  const QueueLimits& limits = options_.queue;
  const auto full = [&](std::string_view which, uint64_t ahead, std::string message) {
    limit = which;
    Error error{Code::resource_exhausted, std::move(message), {}, rate_.estimate_ms(ahead)};
    return error;
  };
  const WaitList::Use total = waiting_.total();
  const WaitList::Use mine = waiting_.of_tenant(request.tenant);
  if (total.items + 1 > limits.items)
    return full("items", total.items / 8 + 1,
                "the queue of model " + options_.model + " is full (" +
                    std::to_string(limits.items) + " requests wait)");
  // A request that is large alone waits when nothing else does: its protocol has bounded it.
  if (total.items != 0 && total.bytes + cost > limits.bytes)
    return full("bytes", total.items / 8 + 1,
                "the queue of model " + options_.model + " is full (" +
                    std::to_string(limits.bytes) + " bytes at most)");
  if (limits.items_per_tenant != 0 && mine.items + 1 > limits.items_per_tenant)
    return full("tenant", 1,
                "too many requests of yours wait for model " + options_.model + " (" +
                    std::to_string(limits.items_per_tenant) + " at most)");
  const bool others_wait = waiting_.tenants() > (mine.items != 0 ? 1u : 0u);
  if (!others_wait && request.tenant.empty()) return {};
  const auto share = [&](uint64_t all) {
    const uint64_t tenants = waiting_.tenants() + (mine.items != 0 ? 0 : 1);
    return others_wait ? all / tenants : all - all / 8;
  };
  if (mine.items != 0 &&
      (mine.items + 1 > share(limits.items) || mine.bytes + cost > share(limits.bytes)))
    return full("tenant", mine.items / 8 + 1,
                "your share of the queue of model " + options_.model + " is full");
  return {};
}

Result<std::shared_ptr<Call>> ModelQueue::submit(Request&& request) {
  const uint64_t start = now();
  if (request.deadline_ns != 0 && request.deadline_ns <= start) {
    options_.observer->rejected("deadline");
    return error(Code::deadline_exceeded, "the deadline has passed already");
  }
  const uint64_t cost = request.bytes();

  Lock lock(mutex_);
  Status admitted;
  std::string_view limit;
  if (refusing_) {
    limit = "draining";
    admitted = Error{Code::unavailable, "model " + options_.model + " is being unloaded", {}, 1000};
  } else {
    admitted = admit(request, cost, limit);
  }
  if (!admitted) {
    lock.unlock();
    options_.observer->rejected(limit);
    return admitted.error();
  }
  const auto state = std::make_shared<RequestState>(next_id_++, std::move(request),
                                                    shared_from_this(), options_.stream, start);
  const auto readable = [queue = weak_from_this(), id = state->id] {
    if (const auto alive = queue.lock()) alive->signal(SERVAL_SIGNAL_READABLE, id);
  };
  if (const auto& stream = state->request.stream) stream->on_readable(readable);
  if (state->request.arriving) state->request.upload->on_arrived(readable);
  live_.emplace(state->id, state);
  waiting_.push(*state);
  uint64_t end = state->request.deadline_ns;
  if (options_.queue.max_wait_ns != 0) {
    const uint64_t longest = start + options_.queue.max_wait_ns;
    end = end == 0 ? longest : std::min(end, longest);
  }
  bool sooner = false;
  if (end != 0) {
    arm(*state, Timer::end, end);
    sooner = end < next_due_;
    next_due_ = std::min(next_due_, end);
  }
  lock.unlock();
  arrived_.notify_one();
  if (sooner && options_.on_due) options_.on_due(end);
  options_.observer->accepted();
  return std::shared_ptr<Call>(std::make_shared<QueueCall>(state));
}

void ModelQueue::arm(RequestState& request, Timer timer, uint64_t due) {
  uint64_t& armed = timer == Timer::end ? request.due.end : request.due.park;
  if (armed != 0) timers_.erase({armed, request.id, timer});
  armed = due;
  if (due != 0) timers_.emplace(due, request.id, timer);
}

void ModelQueue::disarm(RequestState& request) {
  arm(request, Timer::end, 0);
  arm(request, Timer::park, 0);
}

ModelQueue::State ModelQueue::leave(RequestState& request) {
  disarm(request);
  const bool ran = request.phase == RequestState::Phase::running;
  if (ran) {
    rate_.ended(now(), !waiting_.empty());
    running_seen_.store(--running_);
  } else {
    waiting_.remove(request);
  }
  request.phase = RequestState::Phase::finished;
  const auto it = live_.find(request.id);
  State state = std::move(it->second);
  live_.erase(it);
  if (live_.empty()) idle_.notify_all();
  return state;
}

void ModelQueue::complete(RequestState& request, Error error, std::string usage_json) {
  Finish finish;
  RequestOutcome outcome;
  outcome.code = error.code;
  outcome.cancel = request.cancelled();
  finish.error = std::move(error);
  finish.usage_json = std::move(usage_json);
  finish.accepted_ns = request.accepted_ns;
  finish.pulled_ns = request.pulled_ns;
  finish.first_event_ns = request.first_event_ns.load();
  finish.finished_ns = now();
  outcome.op = request.request.op;
  outcome.tenant = request.request.tenant;
  outcome.total_ns = finish.finished_ns - finish.accepted_ns;
  outcome.pulled = request.pulled_ns != 0;
  if (request.cancelled_ns != 0 && outcome.pulled)
    outcome.cancel_latency_ns = finish.finished_ns - request.cancelled_ns;
  // A reader that is slow costs its buffer, not its inputs as well.
  std::vector<std::string>().swap(request.request.inputs);
  std::string().swap(request.request.params_json);
  if (request.request.stream) request.request.stream->end();
  // Nobody reads any more, but for a plugin that breaks the rule.
  if (!request.reading.exchange(true, std::memory_order_acquire)) request.request.upload.reset();
  if (request.stream.finish(std::move(finish))) unparked();
  options_.observer->finished(outcome);
}

void ModelQueue::complete_all(std::vector<Ended>& ended) {
  for (Ended& one : ended) complete(*one.request, std::move(one.error), {});
  ended.clear();
}

ModelQueue::Counts ModelQueue::counts() const {
  Lock lock(mutex_);
  return {waiting_.total().items, running_, parked_count()};
}

}  // namespace serval::host
