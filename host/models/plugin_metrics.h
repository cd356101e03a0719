// The metrics one model of a plugin has defined (serval.metrics/1).
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>

#include "host/queue/observer.h"
#include "serval/ext/metrics.h"

namespace serval::host {

// define() and freeze() on the control thread; the others from any thread, without a lock.
class PluginMetricSet {
 public:
  static constexpr uint32_t kMost = 256;

  // observers may be null: then metrics are checked and lead nowhere.
  PluginMetricSet(ObserverFactory* observers, ModelLabels labels)
      : observers_(observers), labels_(std::move(labels)) {}

  // As serval_ext_metrics::define.
  int32_t define(const MetricSpec& spec);
  void freeze() { frozen_.store(true); }
  void clear();  // REQUIRES: the plugin calls no more

  // False when the handle or the number is wrong for this.
  bool add(int32_t handle, double amount);
  bool set(int32_t handle, double value);
  bool observe(int32_t handle, double value);

 private:
  struct Slot {
    uint32_t kind = 0;
    std::shared_ptr<PluginMetric> metric;
  };
  const Slot* slot(int32_t handle) const;

  ObserverFactory* const observers_;
  const ModelLabels labels_;
  std::atomic<bool> frozen_{false};
  std::atomic<uint32_t> count_{0};
  std::unique_ptr<std::array<Slot, kMost>> slots_;
};

// REQUIRES: nothing; any name is safe. Prometheus' rule without capitals: [a-z_][a-z0-9_]*, to 64
// bytes.
bool is_metric_name(std::string_view name);

}  // namespace serval::host
