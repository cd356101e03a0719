// The host's side of the ABI, called as a plugin would call it, rightly and wrongly.
#include "host/models/host_table.h"

#include <cmath>
#include <gtest/gtest.h>
#include <map>

#include "host/models/model_ref.h"
#include "serval/ext/draft/input_stream.h"
#include "serval/ext/progress.h"

namespace serval::host {
namespace {

class Recorder : public PluginMetric {
 public:
  void add(double amount) override { value += amount; }
  void set(double now) override { value = now; }
  void observe(double one) override { value = one; }
  double value = 0;
};

class Observers : public ObserverFactory {
 public:
  std::shared_ptr<ModelObserver> model(const ModelLabels&) override { return nullptr; }
  Result<std::shared_ptr<PluginMetric>> plugin_metric(const ModelLabels&,
                                                      const MetricSpec& spec) override {
    auto& metric = metrics[std::string(spec.name)];
    if (metric) return error(Code::already_exists, "twice");
    metric = std::make_shared<Recorder>();
    return std::shared_ptr<PluginMetric>(metric);
  }
  std::map<std::string, std::shared_ptr<Recorder>> metrics;
};

class HostTableTest : public testing::Test {
 protected:
  HostTableTest() {
    ModelQueueOptions options;
    options.model = "m";
    queue = ModelQueue::make(options);
    ref = serval_model_ref::make(queue, &observers, {"m", "p", 1});
  }

  serval_request* pull() {
    serval_request* handle = nullptr;
    const serval_budget budget{sizeof budget, 1, 0, 0};
    EXPECT_EQ(host->pull(ref, &budget, &handle, 1), 1);
    return handle;
  }
  int32_t define(uint32_t kind, std::string_view name, std::vector<double> bounds = {}) {
    return metrics->define(ref, kind, {name.data(), name.size()}, {nullptr, 0},
                           bounds.empty() ? nullptr : bounds.data(), uint32_t(bounds.size()));
  }

  std::vector<std::string> lines;
  HostTable table{"org.test", [this](uint32_t, std::string_view message,
                                     std::span<const LogField>) { lines.emplace_back(message); }};
  const serval_host* host = table.table();
  Observers observers;
  std::shared_ptr<ModelQueue> queue;
  serval_model_ref* ref = nullptr;
  const serval_ext_metrics* metrics =
      static_cast<const serval_ext_metrics*>(host->get_ext(host, SERVAL_EXT_METRICS));
};

TEST_F(HostTableTest, UseAfterFinishIsCountedAndHarmless) {
  const auto call = *queue->submit(Request{});
  serval_request* const handle = pull();
  const serval_finish done{sizeof done, SERVAL_OK, nullptr, {nullptr, 0}};
  serval_event event{};
  event.size = sizeof event;
  event.kind = SERVAL_EVENT_TEXT;
  ASSERT_NE(host->view(handle), nullptr);
  host->finish(handle, &done);
  EXPECT_EQ(call->finish()->error.code, Code::ok);
  EXPECT_EQ(queue->violations(), 0u);
  host->finish(handle, &done);
  EXPECT_EQ(queue->violations(), 1u);
  EXPECT_EQ(host->emit(handle, &event), SERVAL_INVALID_ARGUMENT);
  EXPECT_EQ(host->view(handle), nullptr);
  EXPECT_EQ(queue->violations(), 3u);
  host->finish(nullptr, nullptr);
  EXPECT_EQ(host->emit(nullptr, nullptr), SERVAL_INVALID_ARGUMENT);
}

TEST_F(HostTableTest, CallsForAClosedModelLeadNowhere) {
  const int32_t counter = define(SERVAL_METRIC_COUNTER, "late");
  ASSERT_EQ(counter, 0);
  ref->close();
  serval_request* handle = nullptr;
  const serval_budget budget{sizeof budget, 1, 0, 0};
  EXPECT_EQ(host->pull(ref, &budget, &handle, 1), -SERVAL_FAILED_PRECONDITION);
  host->wake(ref);
  host->beat(ref, 1, 1);
  metrics->add(ref, counter, 1);
  EXPECT_EQ(define(SERVAL_METRIC_COUNTER, "later"), -SERVAL_FAILED_PRECONDITION);
  EXPECT_EQ(observers.metrics["late"]->value, 0);
}

TEST_F(HostTableTest, MetricsKeepTheirRules) {
  EXPECT_EQ(define(SERVAL_METRIC_COUNTER, "tokens_total"), 0);
  EXPECT_EQ(define(SERVAL_METRIC_GAUGE, "kv_used"), 1);
  EXPECT_EQ(define(SERVAL_METRIC_HISTOGRAM, "batch", {1, 2, 4}), 2);
  EXPECT_EQ(define(SERVAL_METRIC_COUNTER, "tokens_total"), -SERVAL_ALREADY_EXISTS);
  EXPECT_EQ(define(SERVAL_METRIC_COUNTER, "Bad-Name"), -SERVAL_INVALID_ARGUMENT);
  EXPECT_EQ(define(9, "kind"), -SERVAL_INVALID_ARGUMENT);
  EXPECT_EQ(define(SERVAL_METRIC_HISTOGRAM, "empty"), -SERVAL_INVALID_ARGUMENT);
  EXPECT_EQ(define(SERVAL_METRIC_HISTOGRAM, "falls", {2, 1}), -SERVAL_INVALID_ARGUMENT);
  EXPECT_EQ(define(SERVAL_METRIC_GAUGE, "bounded", {1}), -SERVAL_INVALID_ARGUMENT);
  metrics->add(ref, 0, 2);
  metrics->set(ref, 1, 7);
  metrics->observe(ref, 2, 3);
  EXPECT_EQ(observers.metrics["tokens_total"]->value, 2);
  EXPECT_EQ(observers.metrics["kv_used"]->value, 7);
  EXPECT_EQ(observers.metrics["batch"]->value, 3);
  EXPECT_EQ(queue->violations(), 0u);
  metrics->add(ref, 0, -1);
  metrics->set(ref, 0, 1);
  metrics->observe(ref, 1, 1);
  metrics->add(ref, 99, 1);
  metrics->add(ref, -1, 1);
  metrics->observe(ref, 2, std::nan(""));
  EXPECT_EQ(queue->violations(), 6u);
  for (int i = 3; i < 256; ++i) EXPECT_EQ(define(SERVAL_METRIC_GAUGE, "g" + std::to_string(i)), i);
  EXPECT_EQ(define(SERVAL_METRIC_GAUGE, "one_more"), -SERVAL_RESOURCE_EXHAUSTED);
}

TEST_F(HostTableTest, ProgressTellsOfCancellation) {
  const auto* const progress =
      static_cast<const serval_ext_progress*>(host->get_ext(host, SERVAL_EXT_PROGRESS));
  EXPECT_EQ(progress->report(ref, 5000, {"x\xff", 2}), SERVAL_OK);
  EXPECT_EQ(ref->per_mille(), 1000u);
  EXPECT_EQ(ref->stage(), "x\xef\xbf\xbd");
  ref->cancel_load();
  EXPECT_EQ(progress->report(ref, 1, {nullptr, 0}), SERVAL_CANCELLED);
}

TEST_F(HostTableTest, UnknownExtensionsAreNull) {
  EXPECT_EQ(host->get_ext(host, "serval.metrics/1x"), nullptr);
  EXPECT_EQ(host->get_ext(host, "serval.metrics"), nullptr);
  EXPECT_EQ(host->get_ext(host, ""), nullptr);
  EXPECT_EQ(host->get_ext(host, nullptr), nullptr);
}

TEST_F(HostTableTest, FloodOfLogLinesIsCut) {
  for (int i = 0; i < 10'000; ++i)
    host->log(host, SERVAL_LOG_INFO, {"line", 4}, nullptr, 0, nullptr);
  EXPECT_GE(lines.size(), 200u);
  EXPECT_LT(lines.size(), 5000u);
}

TEST(LogBudget, RefillsAndCountsWhatItDropped) {
  LogBudget budget;
  uint64_t dropped = 0;
  int passed = 0;
  for (int i = 0; i < 300; ++i) passed += budget.take(1, dropped);
  EXPECT_EQ(passed, 200);
  EXPECT_TRUE(budget.take(1'000'000'001, dropped));
  EXPECT_EQ(dropped, 100u);
}

TEST_F(HostTableTest, StreamedInputIsReadAsItComes) {
  const auto* input =
      static_cast<const serval_ext_input_stream*>(host->get_ext(host, SERVAL_EXT_INPUT_STREAM));
  ASSERT_NE(input, nullptr);
  std::vector<std::pair<uint32_t, uint64_t>> signals;
  queue->set_signal_sink([&](uint32_t kind, uint64_t id) { signals.emplace_back(kind, id); });
  Request request;
  request.inputs = {""};
  request.stream = std::make_shared<InputStream>();
  const auto stream = request.stream;
  auto call = queue->submit(std::move(request));
  ASSERT_TRUE(call);
  serval_request* handle = pull();
  EXPECT_EQ(host->view(handle)->n_inputs, 1u);
  EXPECT_EQ(host->view(handle)->inputs[0].len, 0u);

  char to[8] = {};
  uint64_t n = 9;
  EXPECT_EQ(input->read(handle, to, sizeof to, &n), SERVAL_OK);
  EXPECT_EQ(n, 0u);
  EXPECT_TRUE(signals.empty());
  stream->write("0123456789");
  ASSERT_EQ(signals.size(), 1u);
  EXPECT_EQ(signals[0], std::pair(SERVAL_SIGNAL_READABLE, host->view(handle)->id));
  EXPECT_EQ(input->read(handle, to, sizeof to, &n), SERVAL_OK);
  EXPECT_EQ(std::string(to, n), "01234567");
  stream->end();
  EXPECT_EQ(input->read(handle, to, sizeof to, &n), SERVAL_OK);
  EXPECT_EQ(n, 2u);
  EXPECT_EQ(input->read(handle, to, sizeof to, &n), SERVAL_OUT_OF_RANGE);
  EXPECT_EQ(n, 0u);
  EXPECT_EQ(input->read(handle, nullptr, sizeof to, &n), SERVAL_INVALID_ARGUMENT);
  EXPECT_EQ(input->read(handle, to, sizeof to, nullptr), SERVAL_INVALID_ARGUMENT);
  EXPECT_EQ(queue->violations(), 2u);
  (*call)->cancel(CancelReason::client);
  EXPECT_EQ(input->read(handle, to, sizeof to, &n), SERVAL_CANCELLED);
  const serval_finish done{sizeof done, SERVAL_CANCELLED, nullptr, {nullptr, 0}};
  host->finish(handle, &done);
  EXPECT_EQ(input->read(handle, to, sizeof to, &n), SERVAL_INVALID_ARGUMENT);
  EXPECT_EQ(queue->violations(), 3u);
  EXPECT_EQ(stream->write("x"), 0u) << "nobody will read it";
}

TEST_F(HostTableTest, AnUploadIsSeenAsItComes) {
  const auto* input =
      static_cast<const serval_ext_input_stream*>(host->get_ext(host, SERVAL_EXT_INPUT_STREAM));
  std::vector<std::pair<uint32_t, uint64_t>> signals;
  queue->set_signal_sink([&](uint32_t kind, uint64_t id) { signals.emplace_back(kind, id); });
  Request request;
  request.inputs = {""};
  request.upload = *UploadBuffer::reserve(10);
  request.arriving = true;
  const std::weak_ptr<UploadBuffer> upload = request.upload;
  auto call = queue->submit(std::move(request));
  ASSERT_TRUE(call);
  serval_request* handle = pull();
  EXPECT_EQ(host->view(handle)->n_inputs, 1u);
  EXPECT_EQ(host->view(handle)->inputs[0].len, 0u);

  const void* data = nullptr;
  uint64_t size = 9;
  EXPECT_EQ(input->arrived(handle, 5, &data, &size), SERVAL_OK);
  EXPECT_EQ(size, 0u);
  ASSERT_TRUE(upload.lock()->append("0123"));
  EXPECT_TRUE(signals.empty()) << "it wants five";
  ASSERT_TRUE(upload.lock()->append("456"));
  ASSERT_EQ(signals.size(), 1u);
  EXPECT_EQ(signals[0], std::pair(SERVAL_SIGNAL_READABLE, host->view(handle)->id));
  EXPECT_EQ(input->arrived(handle, 0, &data, &size), SERVAL_OK);
  EXPECT_EQ(std::string_view(static_cast<const char*>(data), size), "0123456");
  const void* const before = data;
  EXPECT_EQ(input->arrived(handle, 100, &data, &size), SERVAL_OK);
  upload.lock()->complete();
  EXPECT_EQ(signals.size(), 2u);
  EXPECT_EQ(input->arrived(handle, 100, &data, &size), SERVAL_OUT_OF_RANGE);
  EXPECT_EQ(data, before);
  EXPECT_EQ(size, 7u);
  char to[8];
  EXPECT_EQ(input->read(handle, to, sizeof to, &size), SERVAL_FAILED_PRECONDITION);
  EXPECT_EQ(input->arrived(handle, 0, nullptr, &size), SERVAL_INVALID_ARGUMENT);
  EXPECT_EQ(input->arrived(handle, 0, &data, nullptr), SERVAL_INVALID_ARGUMENT);
  EXPECT_EQ(queue->violations(), 2u);
  (*call)->cancel(CancelReason::client);
  EXPECT_EQ(input->arrived(handle, 0, &data, &size), SERVAL_CANCELLED);
  EXPECT_EQ(size, 0u);
  const serval_finish done{sizeof done, SERVAL_CANCELLED, nullptr, {nullptr, 0}};
  host->finish(handle, &done);
  EXPECT_EQ(input->arrived(handle, 0, &data, &size), SERVAL_INVALID_ARGUMENT);
  EXPECT_EQ(queue->violations(), 3u);
  EXPECT_TRUE(upload.expired()) << "a slow reader does not keep it";
}

// A model that is replaced does not wait for clients that send as slowly as they like.
TEST_F(HostTableTest, AModelThatGoesWaitsForNoUpload) {
  std::vector<serval_request*> handles;
  std::vector<std::shared_ptr<Call>> calls;
  for (const bool complete : {false, true}) {
    Request request;
    request.inputs = {""};
    request.upload = *UploadBuffer::reserve(10);
    request.arriving = true;
    if (complete) request.upload->complete();
    calls.push_back(*queue->submit(std::move(request)));
    handles.push_back(pull());
  }
  queue->refuse_new();
  EXPECT_EQ(*host->view(handles[0])->cancel_word, SERVAL_CANCEL_ADMIN);
  EXPECT_EQ(*host->view(handles[1])->cancel_word, SERVAL_CANCEL_NONE);
  for (serval_request* handle : handles) {
    const serval_finish done{sizeof done, SERVAL_CANCELLED, nullptr, {nullptr, 0}};
    host->finish(handle, &done);
  }
  EXPECT_EQ(calls[0]->finish()->error.code, Code::unavailable);
}

TEST_F(HostTableTest, AnInputThatIsWholeDoesNotStream) {
  const auto* input =
      static_cast<const serval_ext_input_stream*>(host->get_ext(host, SERVAL_EXT_INPUT_STREAM));
  Request request;
  request.inputs = {"whole"};
  auto call = queue->submit(std::move(request));
  ASSERT_TRUE(call);
  serval_request* handle = pull();
  char to[8];
  uint64_t n = 0;
  EXPECT_EQ(input->read(handle, to, sizeof to, &n), SERVAL_FAILED_PRECONDITION);
  const void* data = nullptr;
  EXPECT_EQ(input->arrived(handle, 0, &data, &n), SERVAL_FAILED_PRECONDITION);
  const serval_finish done{sizeof done, SERVAL_OK, nullptr, {nullptr, 0}};
  host->finish(handle, &done);
}

}  // namespace
}  // namespace serval::host
