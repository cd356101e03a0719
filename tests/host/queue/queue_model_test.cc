// Random schedules of everything that can happen to requests, on a ModelQueue and on a reference
// that is too simple to be wrong, side by side. No threads and a clock of its own: each schedule is
// a number.
#include <deque>
#include <gtest/gtest.h>
#include <map>
#include <random>

#include "host/queue/model_queue.h"
#include "host/queue/request_table.h"
#include "serval/plugin.h"

namespace serval::host {
namespace {

constexpr uint64_t kHigh = 1000, kLow = 300, kSlow = 50, kItems = 6, kPerTenant = 4;

struct Ref {
  enum { waiting, running, finished } phase = waiting;
  int32_t priority = 0;
  std::string tenant;
  uint64_t deadline = 0;
  uint32_t cancel = 0;
  uint64_t parked_since = 0, resume_at = 0, bytes = 0;
  std::deque<std::string> events;
  Code code = Code::ok;
  std::shared_ptr<Call> call;
  serval_request* handle = nullptr;
};

class Schedule {
 public:
  explicit Schedule(uint64_t seed) : random_(seed) {
    ModelQueueOptions options;
    options.model = "m";
    options.queue.items = kItems;
    options.queue.items_per_tenant = kPerTenant;
    options.stream = {kHigh, kLow, kSlow, 4096, 8};
    options.clock = [this] { return now_; };
    queue_ = ModelQueue::make(options);
    queue_->set_signal_sink(
        [this](uint32_t kind, uint64_t id) { signals_.emplace_back(kind, id); });
    next_id_ = next_id();
  }

  void run(int steps) {
    for (int i = 0; i < steps && !testing::Test::HasFailure(); ++i) {
      switch (random_() % 10) {
        case 0:
        case 1:
        case 2:
          submit();
          break;
        case 3:
          pull();
          break;
        case 4:
        case 5:
          emit();
          break;
        case 6:
          pop();
          break;
        case 7:
          finish();
          break;
        case 8:
          random_() % 3 == 0 ? cancel() : pop();
          break;
        case 9:
          tick();
          break;
      }
      check();
    }
    for (auto& [id, ref] : refs_) {
      if (ref.phase == Ref::running) finish(ref);
    }
    queue_->cancel_all(CancelReason::shutdown);
    for (auto& [id, ref] : refs_) {
      if (ref.phase == Ref::waiting) end(ref, Code::unavailable);
    }
    check();
    EXPECT_EQ(queue_->counts().running + queue_->counts().waiting, 0u);
    EXPECT_EQ(queue_->violations(), 0u);
    EXPECT_TRUE(signals_.empty());
  }

 private:
  void submit() {
    Request request;
    request.op = "x";
    request.tenant = std::string(1, char('a' + random_() % 3));
    request.priority = int32_t(random_() % 2);
    request.params_json = "{}";
    if (random_() % 3 == 0) request.deadline_ns = now_ + 1 + random_() % 100;
    uint64_t all = 0, mine = 0;
    std::map<std::string, int> tenants{{request.tenant, 0}};
    for (const auto& [id, ref] : refs_) {
      if (ref.phase != Ref::waiting) continue;
      ++all;
      if (ref.tenant == request.tenant) ++mine;
      ++tenants[ref.tenant];
    }
    const uint64_t share = tenants.size() > 1 ? kItems / tenants.size() : kItems - kItems / 8;
    const bool fits = all < kItems && mine < kPerTenant && (mine == 0 || mine < share);
    Ref ref;
    ref.priority = request.priority;
    ref.tenant = request.tenant;
    ref.deadline = request.deadline_ns;
    auto call = queue_->submit(std::move(request));
    ASSERT_EQ(call.ok(), fits);
    if (!fits) {
      EXPECT_EQ(call.error().code, Code::resource_exhausted);
      EXPECT_GT(call.error().retry_after_ms, 0u);
      return;
    }
    ref.call = std::move(*call);
    refs_.emplace(next_id_++, std::move(ref));
  }

  // Ids count up, so one request that is let through shows those of all others.
  uint64_t next_id() {
    auto call = *queue_->submit(Request{});
    serval_request* handle = nullptr;
    const serval_budget budget{sizeof budget, 1, 0, 0};
    EXPECT_EQ(queue_->pull(budget, &handle, 1), 1);
    const uint64_t id = RequestTable::id(handle);
    const serval_finish done{sizeof done, SERVAL_OK, nullptr, {nullptr, 0}};
    queue_->finish(*RequestTable::instance().take(id), done);
    return id + 1;
  }

  void pull() {
    serval_request* handles[3];
    const uint32_t most = uint32_t(random_() % 4);
    const serval_budget budget{sizeof budget, most, 0, 0};
    expire();
    uint64_t could = 0;
    for (const auto& [id, ref] : refs_) could += ref.phase == Ref::waiting;
    const int32_t n = queue_->pull(budget, handles, 3);
    ASSERT_EQ(uint64_t(n), std::min<uint64_t>({could, most, 3}));
    for (int32_t i = 0; i < n; ++i) {
      const uint64_t id = RequestTable::id(handles[i]);
      Ref& ref = refs_.at(id);
      ASSERT_EQ(ref.phase, Ref::waiting);
      for (const auto& [other_id, other] : refs_) {
        if (other.phase != Ref::waiting) continue;
        ASSERT_GE(other.priority, ref.priority) << "a better priority waits";
        if (other.priority == ref.priority && other.tenant == ref.tenant) {
          ASSERT_GE(other_id, id) << "an older one waits";
        }
      }
      ref.phase = Ref::running;
      ref.handle = handles[i];
    }
  }

  void emit() {
    Ref* const ref = pick(Ref::running);
    if (ref == nullptr) return;
    const std::string text(random_() % 700, char('a' + random_() % 26));
    serval_event event{};
    event.size = sizeof event;
    event.kind = SERVAL_EVENT_TEXT;
    event.data = {text.data(), text.size(), SERVAL_MEM_HOST, 0};
    const auto request = RequestTable::instance().find(RequestTable::id(ref->handle));
    ASSERT_TRUE(request);
    const serval_status status = queue_->emit(*request, event);
    const uint64_t cost = text.size() + sizeof(Event);
    if (ref->cancel != 0) {
      EXPECT_EQ(status, SERVAL_CANCELLED);
    } else if (!ref->events.empty() && ref->bytes + cost > kHigh) {
      EXPECT_EQ(status, SERVAL_RESOURCE_EXHAUSTED);
      if (ref->parked_since == 0) ref->parked_since = now_;
      ref->resume_at = std::min(kLow, kHigh - std::min(kHigh, cost));
    } else {
      EXPECT_EQ(status, SERVAL_OK);
      ref->events.push_back(text);
      ref->bytes += cost;
    }
  }

  void pop() {
    if (refs_.empty()) return;
    auto it = refs_.begin();
    std::advance(it, random_() % refs_.size());
    Ref& ref = it->second;
    if (!ref.call) return;
    const auto event = ref.call->pop();
    ASSERT_EQ(event.has_value(), !ref.events.empty());
    if (!event) return;
    EXPECT_EQ(event->data, ref.events.front());
    ref.bytes -= event->data.size() + sizeof(Event);
    ref.events.pop_front();
    if (ref.parked_since != 0 && ref.bytes <= ref.resume_at) {
      ref.parked_since = 0;
      expect_signal(SERVAL_SIGNAL_WRITABLE, it->first);
    }
  }

  void finish() {
    if (Ref* const ref = pick(Ref::running)) finish(*ref);
  }

  void finish(Ref& ref) {
    const serval_status code = random_() % 2 == 0 ? SERVAL_OK : SERVAL_ABORTED;
    const serval_finish done{sizeof done, code, nullptr, {nullptr, 0}};
    const auto request = RequestTable::instance().take(RequestTable::id(ref.handle));
    ASSERT_TRUE(request);
    queue_->finish(*request, done);
    Code want = Code(code);
    if (code != SERVAL_OK && ref.cancel == SERVAL_CANCEL_DEADLINE) want = Code::deadline_exceeded;
    if (code != SERVAL_OK &&
        (ref.cancel == SERVAL_CANCEL_CLIENT || ref.cancel == SERVAL_CANCEL_SLOW_CLIENT))
      want = Code::cancelled;
    end(ref, want);
  }

  void cancel() {
    if (refs_.empty()) return;
    auto it = refs_.begin();
    std::advance(it, random_() % refs_.size());
    Ref& ref = it->second;
    const bool drop = random_() % 2 == 0;
    if (drop) {
      ref.call = nullptr;
      ref.events.clear();
      ref.bytes = 0;
    } else if (ref.call) {
      ref.call->cancel(CancelReason::client);
    } else {
      return;
    }
    stop(it->first, ref, SERVAL_CANCEL_CLIENT, Code::cancelled);
  }

  void stop(uint64_t id, Ref& ref, uint32_t reason, Code code) {
    if (ref.phase == Ref::finished || ref.cancel != 0) return;
    ref.cancel = reason;
    if (ref.phase == Ref::waiting) return end(ref, code);
    ref.parked_since = 0;
    expect_signal(SERVAL_SIGNAL_CANCEL, id);
  }

  void expire() {
    for (auto& [id, ref] : refs_) {
      if (ref.phase == Ref::waiting && ref.deadline != 0 && ref.deadline <= now_)
        end(ref, Code::deadline_exceeded);
    }
  }

  void tick() {
    now_ += random_() % 40;
    const uint64_t next = queue_->tick();
    EXPECT_GT(next, now_);
    expire();
    for (auto& [id, ref] : refs_) {
      if (ref.phase != Ref::running) continue;
      if (ref.deadline != 0 && ref.deadline <= now_)
        stop(id, ref, SERVAL_CANCEL_DEADLINE, Code::deadline_exceeded);
      if (ref.parked_since != 0 && ref.parked_since + kSlow <= now_) {
        // Both at once: whichever fell due first is the reason. The queue goes by time.
        stop(id, ref, SERVAL_CANCEL_SLOW_CLIENT, Code::cancelled);
      }
    }
  }

  static void end(Ref& ref, Code code) {
    ref.phase = Ref::finished;
    ref.code = code;
    ref.parked_since = 0;
  }

  void expect_signal(uint32_t kind, uint64_t id) {
    const auto it = std::find(signals_.begin(), signals_.end(), std::pair(kind, id));
    ASSERT_NE(it, signals_.end()) << "kind " << kind;
    signals_.erase(it);
  }

  Ref* pick(int phase) {
    std::vector<Ref*> found;
    for (auto& [id, ref] : refs_) {
      if (ref.phase == phase) found.push_back(&ref);
    }
    return found.empty() ? nullptr : found[random_() % found.size()];
  }

  void check() {
    EXPECT_TRUE(signals_.empty()) << "a signal that nothing explains";
    ModelQueue::Counts want;
    for (const auto& [id, ref] : refs_) {
      want.waiting += ref.phase == Ref::waiting;
      want.running += ref.phase == Ref::running;
      want.parked += ref.parked_since != 0;
      if (!ref.call) continue;
      const auto finish = ref.call->finish();
      EXPECT_EQ(finish.has_value(), ref.phase == Ref::finished);
      if (finish && ref.cancel != SERVAL_CANCEL_DEADLINE &&
          ref.cancel != SERVAL_CANCEL_SLOW_CLIENT) {
        EXPECT_EQ(finish->error.code, ref.code);
      }
    }
    const ModelQueue::Counts counts = queue_->counts();
    EXPECT_EQ(counts.waiting, want.waiting);
    EXPECT_EQ(counts.running, want.running);
    EXPECT_EQ(counts.parked, want.parked);
  }

  std::mt19937_64 random_;
  uint64_t now_ = 1000;
  std::vector<std::pair<uint32_t, uint64_t>> signals_;
  std::shared_ptr<ModelQueue> queue_;
  std::map<uint64_t, Ref> refs_;
  uint64_t next_id_ = 0;
};

constexpr uint64_t kBlock = 10'000;

class QueueModel : public testing::TestWithParam<uint64_t> {};

TEST_P(QueueModel, RandomSchedulesEqualTheReference) {
  for (uint64_t seed = GetParam() * kBlock; seed < (GetParam() + 1) * kBlock; ++seed) {
    Schedule(seed).run(30);
    ASSERT_FALSE(HasFailure()) << "seed " << seed;
  }
}

INSTANTIATE_TEST_SUITE_P(Blocks, QueueModel, testing::Range<uint64_t>(0, 10));

}  // namespace
}  // namespace serval::host
