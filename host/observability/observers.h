// Metrics of each model: what the core reports, and what plugins define.
#pragma once

#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "host/observability/metrics.h"
#include "host/queue/observer.h"

namespace serval::host {

// Thread-safe. The versions of one model share their series, so that a swap is no gap.
class MetricsObservers final : public ObserverFactory,
                               public std::enable_shared_from_this<MetricsObservers> {
 public:
  explicit MetricsObservers(std::shared_ptr<Metrics> metrics) : metrics_(std::move(metrics)) {}

  std::shared_ptr<ModelObserver> model(const ModelLabels& labels) override;
  Result<std::shared_ptr<PluginMetric>> plugin_metric(const ModelLabels& labels,
                                                      const MetricSpec& spec) override;

  // A plugin's metric is gone; its version of the model may define the name again.
  void forget(const std::string& key);

 private:
  const std::shared_ptr<Metrics> metrics_;
  std::mutex mutex_;
  std::set<std::string> defined_;  // "model version name"
};

}  // namespace serval::host
