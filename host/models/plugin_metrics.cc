#include "host/models/plugin_metrics.h"

#include <algorithm>
#include <cmath>

namespace serval::host {
namespace {

// Stands in where nobody collects.
class Nowhere : public PluginMetric {
 public:
  void add(double) override {}
  void set(double) override {}
  void observe(double) override {}
};

bool bounds_fit(const MetricSpec& spec) {
  if (spec.kind != SERVAL_METRIC_HISTOGRAM) return spec.bounds.empty();
  if (spec.bounds.empty() || spec.bounds.size() > 64) return false;
  for (std::size_t i = 0; i < spec.bounds.size(); ++i) {
    if (!std::isfinite(spec.bounds[i])) return false;
    if (i > 0 && spec.bounds[i] <= spec.bounds[i - 1]) return false;
  }
  return true;
}

}  // namespace

bool is_metric_name(std::string_view name) {
  if (name.empty() || name.size() > 64 || (name[0] >= '0' && name[0] <= '9')) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

int32_t PluginMetricSet::define(const MetricSpec& spec) {
  if (frozen_.load()) return -SERVAL_FAILED_PRECONDITION;
  if (spec.kind < SERVAL_METRIC_COUNTER || spec.kind > SERVAL_METRIC_HISTOGRAM ||
      !is_metric_name(spec.name) || !bounds_fit(spec))
    return -SERVAL_INVALID_ARGUMENT;
  const uint32_t count = count_.load();
  if (count == kMost) return -SERVAL_RESOURCE_EXHAUSTED;
  std::shared_ptr<PluginMetric> metric;
  if (observers_ == nullptr) {
    metric = std::make_shared<Nowhere>();
  } else {
    auto made = observers_->plugin_metric(labels_, spec);
    if (!made) return -int32_t(made.error().code);
    metric = std::move(*made);
  }
  if (!slots_) slots_ = std::make_unique<std::array<Slot, kMost>>();
  (*slots_)[count] = {spec.kind, std::move(metric)};
  count_.store(count + 1, std::memory_order_release);
  return int32_t(count);
}

void PluginMetricSet::clear() {
  frozen_.store(true);
  count_.store(0);
  slots_ = nullptr;
}

const PluginMetricSet::Slot* PluginMetricSet::slot(int32_t handle) const {
  if (handle < 0 || uint32_t(handle) >= count_.load(std::memory_order_acquire)) return nullptr;
  return &(*slots_)[std::size_t(handle)];
}

bool PluginMetricSet::add(int32_t handle, double amount) {
  const Slot* const found = slot(handle);
  if (found == nullptr || found->kind == SERVAL_METRIC_HISTOGRAM || !std::isfinite(amount))
    return false;
  if (found->kind == SERVAL_METRIC_COUNTER && amount < 0) return false;
  found->metric->add(amount);
  return true;
}

bool PluginMetricSet::set(int32_t handle, double value) {
  const Slot* const found = slot(handle);
  if (found == nullptr || found->kind != SERVAL_METRIC_GAUGE) return false;
  found->metric->set(value);
  return true;
}

bool PluginMetricSet::observe(int32_t handle, double value) {
  const Slot* const found = slot(handle);
  if (found == nullptr || found->kind != SERVAL_METRIC_HISTOGRAM || std::isnan(value)) return false;
  found->metric->observe(value);
  return true;
}

}  // namespace serval::host
