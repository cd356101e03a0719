#include "host/observability/observers.h"

#include <algorithm>
#include <cctype>
#include <map>

#include "host/observability/code_name.h"
#include "serval/ext/metrics.h"

namespace serval::host {
namespace {

double seconds(uint64_t nanoseconds) { return double(nanoseconds) * 1e-9; }

// Series found by their last labels, so that the request path asks the registry only once for each.
class CounterCache {
 public:
  CounterCache(std::shared_ptr<Metrics> metrics, std::string name, std::string help, Labels labels)
      : metrics_(std::move(metrics)),
        name_(std::move(name)),
        help_(std::move(help)),
        labels_(std::move(labels)) {}

  void add(Labels more, double amount = 1) {
    std::string key;
    for (const auto& [label, value] : more) (key += value) += '\0';
    const std::lock_guard lock(mutex_);
    std::shared_ptr<Counter>& counter = counters_[key];
    if (counter == nullptr) {
      Labels all = labels_;
      all.insert(all.end(), more.begin(), more.end());
      counter = metrics_->counter(name_, help_, all);
    }
    counter->add(amount);
  }

 private:
  const std::shared_ptr<Metrics> metrics_;
  const std::string name_, help_;
  const Labels labels_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Counter>> counters_;
};

class Observer final : public ModelObserver {
 public:
  Observer(const std::shared_ptr<Metrics>& m, const Labels& labels)
      : requests_(m, "serval_requests_total", "Requests that ended, by status.", labels),
        rejected_(m, "serval_rejected_total", "Requests refused before they waited, by limit.",
                  labels),
        cancelled_(m, "serval_cancelled_total", "Requests cancelled, by reason.", labels),
        violations_(m, "serval_contract_violations_total",
                    "Rules of the plugin ABI that the plugin broke.", labels),
        queue_(
            m->histogram("serval_queue_seconds", "From accepted to taken by the plugin.", labels)),
        first_(m->histogram("serval_first_output_seconds", "From accepted to the first output.",
                            labels)),
        inter_(m->histogram("serval_inter_output_seconds", "Between two outputs of a request.",
                            labels)),
        total_(m->histogram("serval_request_seconds", "From accepted to finished.", labels)),
        cancel_latency_(m->histogram("serval_cancel_latency_seconds",
                                     "From a cancel to the plugin's finish.", labels)),
        accepted_(m->counter("serval_accepted_total", "Requests put into the queue.", labels)),
        expired_(m->counter("serval_expired_total", "Requests whose deadline passed.", labels)),
        parked_(m->counter("serval_parked_total", "Times an output waited for a slow reader.",
                           labels)) {}

  void accepted() override { accepted_->add(); }
  void rejected(std::string_view limit) override { rejected_.add({{"limit", std::string(limit)}}); }
  void pulled(uint64_t waited_ns) override { queue_->observe(seconds(waited_ns)); }
  void first_event(uint64_t since_ns) override { first_->observe(seconds(since_ns)); }
  void next_event(uint64_t since_ns) override { inter_->observe(seconds(since_ns)); }
  void parked() override { parked_->add(); }
  void finished(const RequestOutcome& o) override {
    requests_.add({{"op", std::string(o.op)}, {"code", std::string(code_name(o.code))}});
    total_->observe(seconds(o.total_ns));
    if (o.code == Code::deadline_exceeded) expired_->add();
    if (o.cancel == CancelReason::none) return;
    cancelled_.add({{"reason", std::string(cancel_reason_name(o.cancel))}});
    if (o.cancel_latency_ns != 0) cancel_latency_->observe(seconds(o.cancel_latency_ns));
  }
  void violation(std::string_view rule) override { violations_.add({{"rule", std::string(rule)}}); }

 private:
  CounterCache requests_, rejected_, cancelled_, violations_;
  const std::shared_ptr<Histogram> queue_, first_, inter_, total_, cancel_latency_;
  const std::shared_ptr<Counter> accepted_, expired_, parked_;
};

class DefinedMetric final : public PluginMetric {
 public:
  DefinedMetric(uint32_t kind, std::shared_ptr<Series> series,
                std::shared_ptr<MetricsObservers> owner, std::string key)
      : kind_(kind), series_(std::move(series)), owner_(std::move(owner)), key_(std::move(key)) {}
  ~DefinedMetric() override { owner_->forget(key_); }

  void add(double amount) override {
    if (kind_ == SERVAL_METRIC_COUNTER) static_cast<Counter&>(*series_).add(amount);
    if (kind_ == SERVAL_METRIC_GAUGE) static_cast<Gauge&>(*series_).add(amount);
  }
  void set(double value) override {
    if (kind_ == SERVAL_METRIC_GAUGE) static_cast<Gauge&>(*series_).set(value);
  }
  void observe(double value) override {
    if (kind_ == SERVAL_METRIC_HISTOGRAM) static_cast<Histogram&>(*series_).observe(value);
  }

 private:
  const uint32_t kind_;
  const std::shared_ptr<Series> series_;
  const std::shared_ptr<MetricsObservers> owner_;
  const std::string key_;
};

}  // namespace

std::shared_ptr<ModelObserver> MetricsObservers::model(const ModelLabels& labels) {
  return std::make_shared<Observer>(metrics_,
                                    Labels{{"model", labels.model}, {"plugin", labels.plugin}});
}

Result<std::shared_ptr<PluginMetric>> MetricsObservers::plugin_metric(const ModelLabels& labels,
                                                                      const MetricSpec& spec) {
  Metrics::Kind kind = Metrics::Kind::counter;
  if (spec.kind == SERVAL_METRIC_GAUGE)
    kind = Metrics::Kind::gauge;
  else if (spec.kind == SERVAL_METRIC_HISTOGRAM)
    kind = Metrics::Kind::histogram;
  else if (spec.kind != SERVAL_METRIC_COUNTER)
    return invalid("there is no metric kind " + std::to_string(spec.kind));
  const std::string name(spec.name);
  const std::string key = labels.model + '\n' + std::to_string(labels.version) + '\n' + name;
  {
    const std::lock_guard lock(mutex_);
    if (!defined_.insert(key).second)
      return error(Code::already_exists, "the metric " + name + " is defined already");
  }
  Result<std::shared_ptr<Series>> series =
      metrics_->lent(kind, "serval_plugin_" + name, spec.help,
                     {{"model", labels.model}, {"plugin", labels.plugin}}, spec.bounds);
  if (!series) {
    forget(key);
    return series.error();
  }
  return std::shared_ptr<PluginMetric>(
      std::make_shared<DefinedMetric>(spec.kind, *series, shared_from_this(), key));
}

void MetricsObservers::forget(const std::string& key) {
  const std::lock_guard lock(mutex_);
  defined_.erase(key);
}

}  // namespace serval::host
