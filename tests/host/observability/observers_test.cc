#include "host/observability/observers.h"

#include <gtest/gtest.h>

#include "host/observability/server_metrics.h"
#include "serval/ext/metrics.h"

namespace serval::host {
namespace {

bool has(const std::string& page, const std::string& line) {
  return ("\n" + page).find("\n" + line + "\n") != std::string::npos;
}

TEST(Observers, CountWhatTheCoreReports) {
  const auto metrics = std::make_shared<Metrics>();
  const auto observers = std::make_shared<MetricsObservers>(metrics);
  const auto model = observers->model({"m", "p", 1});
  model->accepted();
  model->rejected("items");
  model->pulled(2'000'000);
  model->first_event(3'000'000);
  model->next_event(1'000'000);
  RequestOutcome outcome;
  outcome.op = "chat";
  outcome.code = Code::deadline_exceeded;
  outcome.cancel = CancelReason::deadline;
  outcome.cancel_latency_ns = 1'000'000;
  model->finished(outcome);
  model->violation("finish_twice");
  const std::string page = metrics->page();
  for (const char* line :
       {R"(serval_accepted_total{model="m",plugin="p"} 1)",
        R"(serval_rejected_total{model="m",plugin="p",limit="items"} 1)",
        R"(serval_requests_total{model="m",plugin="p",op="chat",code="deadline_exceeded"} 1)",
        R"(serval_cancelled_total{model="m",plugin="p",reason="deadline"} 1)",
        R"(serval_expired_total{model="m",plugin="p"} 1)",
        R"(serval_contract_violations_total{model="m",plugin="p",rule="finish_twice"} 1)",
        R"(serval_queue_seconds_count{model="m",plugin="p"} 1)",
        R"(serval_first_output_seconds_count{model="m",plugin="p"} 1)",
        R"(serval_inter_output_seconds_count{model="m",plugin="p"} 1)",
        R"(serval_cancel_latency_seconds_count{model="m",plugin="p"} 1)"})
    EXPECT_TRUE(has(page, line)) << line;
}

TEST(Observers, PluginMetricsLiveAsLongAsTheirModel) {
  const auto metrics = std::make_shared<Metrics>();
  const auto observers = std::make_shared<MetricsObservers>(metrics);
  const MetricSpec spec{SERVAL_METRIC_COUNTER, "tokens_total", "Tokens.", {}};
  auto metric = observers->plugin_metric({"m", "p", 1}, spec);
  ASSERT_TRUE(metric);
  (*metric)->add(5);
  EXPECT_TRUE(has(metrics->page(), R"(serval_plugin_tokens_total{model="m",plugin="p"} 5)"));
  EXPECT_EQ(observers->plugin_metric({"m", "p", 1}, spec).error().code, Code::already_exists);
  auto next = observers->plugin_metric({"m", "p", 2}, spec);  // a swap: the count goes on
  ASSERT_TRUE(next);
  (*next)->add(1);
  EXPECT_TRUE(has(metrics->page(), R"(serval_plugin_tokens_total{model="m",plugin="p"} 6)"));
  metric = std::shared_ptr<PluginMetric>();
  next = std::shared_ptr<PluginMetric>();
  EXPECT_EQ(metrics->page(), "");
  EXPECT_TRUE(observers->plugin_metric({"m", "p", 1}, spec));
}

TEST(ServerMetrics, ShowModelsAndProcess) {
  ModelInfo info;
  info.name = "m";
  info.plugin_id = "p";
  info.state = ModelState::ready;
  info.running = 2;
  MetricsPage page;
  print_models(page, {info});
  print_process(page);
  EXPECT_TRUE(has(page.text(), R"(serval_model_state{model="m",plugin="p",state="ready"} 1)"));
  EXPECT_TRUE(has(page.text(), R"(serval_model_state{model="m",plugin="p",state="failed"} 0)"));
  EXPECT_TRUE(has(page.text(), R"(serval_running{model="m",plugin="p"} 2)"));
  EXPECT_NE(page.text().find("process_resident_memory_bytes"), std::string::npos);
}

}  // namespace
}  // namespace serval::host
