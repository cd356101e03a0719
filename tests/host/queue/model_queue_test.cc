// Rules that the random schedules do not touch: contract violations, budgets, waiting, the ticker.
#include "host/queue/model_queue.h"

#include <gtest/gtest.h>
#include <map>
#include <set>
#include <thread>

#include "host/queue/request_table.h"
#include "host/queue/ticker.h"

namespace serval::host {
namespace {

class Counter : public ModelObserver {
 public:
  void violation(std::string_view rule) override { ++rules[std::string(rule)]; }
  void rejected(std::string_view limit) override { ++limits[std::string(limit)]; }
  std::map<std::string, int> rules, limits;
};

class ModelQueueTest : public testing::Test {
 protected:
  ModelQueueTest() {
    options.model = "m";
    options.observer = counter;
  }

  void make() { queue = ModelQueue::make(options); }

  std::shared_ptr<Call> submit(std::size_t bytes = 2, std::string tenant = {}) {
    Request request;
    request.tenant = std::move(tenant);
    request.params_json.assign(bytes, ' ');
    auto call = queue->submit(std::move(request));
    return call ? *call : nullptr;
  }

  std::shared_ptr<RequestState> pull_one(uint64_t max_cost = 0, uint64_t wait_ns = 0) {
    serval_request* handle = nullptr;
    const serval_budget budget{sizeof budget, 1, max_cost, wait_ns};
    last = queue->pull(budget, &handle, 1);
    return last == 1 ? RequestTable::instance().find(RequestTable::id(handle)) : nullptr;
  }

  serval_status emit(RequestState& request, std::string_view text,
                     uint32_t kind = SERVAL_EVENT_TEXT, std::string_view meta = {},
                     uint32_t flags = 0, uint32_t index = 0) {
    serval_event event{};
    event.size = sizeof event;
    event.kind = kind;
    event.index = index;
    event.flags = flags;
    event.data = {text.data(), text.size(), SERVAL_MEM_HOST, 0};
    event.meta_json = {meta.data(), meta.size()};
    return queue->emit(request, event);
  }

  void finish(RequestState& request, serval_status code = SERVAL_OK) {
    const serval_finish done{sizeof done, code, nullptr, {nullptr, 0}};
    RequestTable::instance().take(request.id);
    queue->finish(request, done);
  }

  std::shared_ptr<Counter> counter = std::make_shared<Counter>();
  ModelQueueOptions options;
  std::shared_ptr<ModelQueue> queue;
  int32_t last = 0;
};

TEST_F(ModelQueueTest, TenantAndSaltMakeTheCacheNamespace) {
  make();
  const auto space = [&](std::string tenant, std::string salt) {
    Request request;
    request.tenant = std::move(tenant);
    request.cache_salt = std::move(salt);
    const auto call = queue->submit(std::move(request));
    const auto pulled = pull_one();
    if (!pulled) return std::string("not pulled");
    std::string got(pulled->view.cache_namespace.p, pulled->view.cache_namespace.n);
    finish(*pulled);
    return got;
  };
  EXPECT_EQ(space("", ""), "");
  EXPECT_EQ(space("ann", ""), "ann");
  // No salt makes one tenant's namespace another one's.
  std::set<std::string> all;
  for (const char* tenant : {"", "a", "ab", "b"})
    for (const char* salt : {"", "a", "b", "ab", "\n", "\na"}) all.insert(space(tenant, salt));
  EXPECT_EQ(all.size(), 24u);
}

TEST_F(ModelQueueTest, BadEventsAreRefusedAndCounted) {
  make();
  const auto call = submit();
  const auto request = pull_one();
  ASSERT_TRUE(request);
  EXPECT_EQ(emit(*request, "\xff"), SERVAL_INVALID_ARGUMENT);
  EXPECT_EQ(emit(*request, "a\xe2\x82"), SERVAL_INVALID_ARGUMENT);
  EXPECT_EQ(emit(*request, "a", 99), SERVAL_INVALID_ARGUMENT);
  EXPECT_EQ(emit(*request, "a", SERVAL_EVENT_TOKENS), SERVAL_INVALID_ARGUMENT);
  EXPECT_EQ(emit(*request, "{", SERVAL_EVENT_JSON), SERVAL_INVALID_ARGUMENT);
  EXPECT_EQ(emit(*request, "a", SERVAL_EVENT_PROGRESS), SERVAL_INVALID_ARGUMENT);
  EXPECT_EQ(emit(*request, "a", SERVAL_EVENT_TEXT, "[]"), SERVAL_INVALID_ARGUMENT);
  EXPECT_EQ(emit(*request, "a", SERVAL_EVENT_TEXT, "{}x"), SERVAL_INVALID_ARGUMENT);
  EXPECT_EQ(emit(*request, "a", SERVAL_EVENT_TEXT, {}, 8), SERVAL_INVALID_ARGUMENT);
  EXPECT_EQ(emit(*request, "a", SERVAL_EVENT_TEXT, {}, 0, 1 << 30), SERVAL_INVALID_ARGUMENT);
  EXPECT_EQ(counter->rules["event_utf8"], 2);
  EXPECT_EQ(counter->rules["event_kind"], 1);
  EXPECT_EQ(counter->rules["event_data"], 2);
  EXPECT_EQ(counter->rules["event_json"], 1);
  EXPECT_EQ(counter->rules["event_meta"], 2);
  EXPECT_EQ(counter->rules["event_flags"], 1);
  EXPECT_EQ(counter->rules["event_index"], 1);
  EXPECT_EQ(queue->violations(), 10u);
  EXPECT_FALSE(call->pop());
  finish(*request);
}

TEST_F(ModelQueueTest, GoodEventsOfEveryKindPass) {
  make();
  const auto call = submit();
  const auto request = pull_one();
  EXPECT_EQ(emit(*request, "\xe2\x82\xac", SERVAL_EVENT_TEXT, " {\"a\":[1]} "), SERVAL_OK);
  EXPECT_EQ(emit(*request, "12345678", SERVAL_EVENT_TOKENS), SERVAL_OK);
  EXPECT_EQ(emit(*request, "\x01\xff", SERVAL_EVENT_AUDIO, "{}"), SERVAL_OK);
  EXPECT_EQ(emit(*request, "\x01\xff", SERVAL_EVENT_TENSOR, "{}"), SERVAL_OK);
  EXPECT_EQ(emit(*request, "17", SERVAL_EVENT_JSON), SERVAL_OK);
  EXPECT_EQ(emit(*request, "", SERVAL_EVENT_PROGRESS, "{}"), SERVAL_OK);
  EXPECT_EQ(queue->violations(), 0u);
  finish(*request);
}

TEST_F(ModelQueueTest, OutputThatIsCompleteTakesNothingMore) {
  make();
  const auto call = submit();
  const auto request = pull_one();
  EXPECT_EQ(emit(*request, "a", SERVAL_EVENT_TEXT, {}, SERVAL_EVENT_FLAG_LAST, 0), SERVAL_OK);
  EXPECT_EQ(emit(*request, "b", SERVAL_EVENT_TEXT, {}, 0, 1), SERVAL_OK);
  EXPECT_EQ(emit(*request, "c", SERVAL_EVENT_TEXT, {}, 0, 0), SERVAL_INVALID_ARGUMENT);
  EXPECT_EQ(counter->rules["event_after_last"], 1);
  finish(*request);
}

TEST_F(ModelQueueTest, WrongFinishIsInternal) {
  make();
  const auto call = submit();
  const auto request = pull_one();
  finish(*request, 99);
  EXPECT_EQ(call->finish()->error.code, Code::internal);
  EXPECT_EQ(counter->rules["finish_arguments"], 1);
}

TEST_F(ModelQueueTest, LeakedRequestsEndWhenTheModelIsClosed) {
  make();
  const auto call = submit();
  const auto request = pull_one();
  queue->abandon_running();
  EXPECT_EQ(call->finish()->error.code, Code::internal);
  EXPECT_EQ(counter->rules["request_leaked"], 1);
  EXPECT_FALSE(RequestTable::instance().find(request->id));
}

TEST_F(ModelQueueTest, BudgetHoldsBackWhatDoesNotFitButNotForEver) {
  make();
  const auto small = submit(100);
  const auto large = submit(1000);
  const auto first = pull_one(500);
  ASSERT_TRUE(first);
  EXPECT_FALSE(pull_one(500)) << "more room may come when the first is done";
  EXPECT_FALSE(large->finish());
  finish(*first);
  EXPECT_FALSE(pull_one(500));
  ASSERT_TRUE(large->finish());
  EXPECT_EQ(large->finish()->error.code, Code::out_of_range);
}

TEST_F(ModelQueueTest, BoundsAreByItemsBytesAndTenant) {
  options.queue.items = 8;
  options.queue.bytes = 1000;
  options.queue.items_per_tenant = 5;
  make();
  std::vector<std::shared_ptr<Call>> calls;
  for (int i = 0; i < 5; ++i) calls.push_back(submit(10, "a"));
  EXPECT_FALSE(submit(10, "a"));
  EXPECT_EQ(counter->limits["tenant"], 1);
  EXPECT_FALSE(submit(951, "b"));
  EXPECT_EQ(counter->limits["bytes"], 1);
  for (int i = 0; i < 3; ++i) {
    calls.push_back(submit(10, "b"));
    EXPECT_TRUE(calls.back());
  }
  EXPECT_FALSE(submit(10, "c"));
  EXPECT_EQ(counter->limits["items"], 1);
}

TEST_F(ModelQueueTest, OneThatIsLargerThanTheQueueWaitsAlone) {
  options.queue.bytes = 1000;
  make();
  const auto large = submit(5000);
  EXPECT_TRUE(large);
  EXPECT_FALSE(submit(10));
  EXPECT_EQ(counter->limits["bytes"], 1);
}

TEST_F(ModelQueueTest, AnUploadIsInputZero) {
  make();
  Request request;
  request.model = "m";
  request.inputs = {"", "whole"};
  request.upload = *UploadBuffer::reserve(9);
  EXPECT_TRUE(request.upload->append("the audio"));
  request.upload->complete();
  EXPECT_EQ(request.bytes(), 2u + 9 + 5);
  const auto call = queue->submit(std::move(request));
  ASSERT_TRUE(call);
  const auto state = pull_one();
  ASSERT_TRUE(state);
  const serval_slice* inputs = state->view.inputs;
  EXPECT_EQ(std::string_view(static_cast<const char*>(inputs[0].data), inputs[0].len), "the audio");
  EXPECT_EQ(std::string_view(static_cast<const char*>(inputs[1].data), inputs[1].len), "whole");
  finish(*state);
}

TEST_F(ModelQueueTest, AnEighthIsKeptForOthers) {
  options.queue.items = 16;
  make();
  std::vector<std::shared_ptr<Call>> calls;
  while (auto call = submit(2, "a")) calls.push_back(call);
  EXPECT_EQ(calls.size(), 14u);
  EXPECT_TRUE((calls.push_back(submit(2, "b")), calls.back()));
  EXPECT_FALSE(submit(2, "a"));
}

TEST_F(ModelQueueTest, LongestWaitIsRetryable) {
  uint64_t now = 1;
  options.clock = [&] { return now; };
  options.queue.max_wait_ns = 100;
  make();
  const auto call = submit();
  now = 101;
  EXPECT_EQ(queue->tick(), UINT64_MAX);
  ASSERT_TRUE(call->finish());
  EXPECT_EQ(call->finish()->error.code, Code::resource_exhausted);
  EXPECT_GT(call->finish()->error.retry_after_ms, 0u);
  const auto running = submit();
  const auto request = pull_one();
  now = 1000;
  EXPECT_EQ(queue->tick(), UINT64_MAX) << "the longest wait does not bound the run";
  finish(*request);
}

TEST_F(ModelQueueTest, WakeAndCloseEndAPull) {
  make();
  queue->wake();
  EXPECT_FALSE(pull_one(0, UINT64_MAX));
  EXPECT_EQ(last, 0);
  std::thread closer([&] { queue->close_pull(); });
  EXPECT_FALSE(pull_one(0, UINT64_MAX));
  EXPECT_EQ(last, -SERVAL_FAILED_PRECONDITION);
  closer.join();
}

TEST_F(ModelQueueTest, ArrivalEndsAPull) {
  make();
  std::shared_ptr<Call> call;
  std::thread client([&] { call = submit(); });
  const auto request = pull_one(0, UINT64_MAX);
  client.join();
  ASSERT_TRUE(request);
  finish(*request);
}

TEST_F(ModelQueueTest, TickerEndsWhatNobodyPulls) {
  const auto ticker = std::make_shared<Ticker>();
  options.on_due = [&](uint64_t due) { ticker->poke(due); };
  make();
  ticker->add(queue);
  Request request;
  request.deadline_ns = now_ns() + 10'000'000;
  const uint64_t deadline = request.deadline_ns;
  const auto call = *queue->submit(std::move(request));
  while (!call->finish()) std::this_thread::yield();
  EXPECT_EQ(call->finish()->error.code, Code::deadline_exceeded);
  EXPECT_GE(call->finish()->finished_ns, deadline);
}

TEST_F(ModelQueueTest, StaleHandlesLeadToTheirQueueOnly) {
  make();
  const auto call = submit();
  const auto request = pull_one();
  const uint64_t id = request->id;
  finish(*request);
  EXPECT_FALSE(RequestTable::instance().find(id));
  EXPECT_EQ(RequestTable::instance().queue_of(id), queue);
  EXPECT_FALSE(RequestTable::instance().queue_of(0));
  EXPECT_FALSE(RequestTable::instance().queue_of(UINT64_MAX));
}

}  // namespace
}  // namespace serval::host
