// What the core tells the metrics registry. The core calls, observability implements.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "common/result.h"
#include "host/request/request.h"

namespace serval::host {

// How one request ended, for counters and histograms. Durations in nanoseconds.
struct RequestOutcome {
  Code code = Code::ok;
  std::string_view op;
  std::string_view tenant;
  CancelReason cancel = CancelReason::none;
  uint64_t total_ns = 0;           // accepted to finished
  uint64_t cancel_latency_ns = 0;  // cancel word set to finish; 0 if not cancelled while running
  bool pulled = false;             // false: ended while it waited
};

// Events of one loaded version of one model. All functions are called from any thread, on the
// request path, without locks held: they must be cheap and never block.
class ModelObserver {
 public:
  virtual ~ModelObserver() = default;
  virtual void accepted() {}
  // limit: "items", "bytes", "tenant", "draining", "deadline"
  virtual void rejected(std::string_view limit) { (void)limit; }
  virtual void pulled(uint64_t waited_ns) { (void)waited_ns; }
  virtual void first_event(uint64_t since_accepted_ns) { (void)since_accepted_ns; }
  virtual void next_event(uint64_t since_last_ns) { (void)since_last_ns; }
  virtual void parked() {}    // emit refused: the reader is slow
  virtual void unparked() {}  // writable again, or ended
  virtual void finished(const RequestOutcome& outcome) { (void)outcome; }
  // The plugin broke a rule of the ABI: "finish_twice", "emit_after_finish", "event_utf8", ...
  virtual void violation(std::string_view rule) { (void)rule; }
};

// One metric that a plugin has defined (serval.metrics/1). Called from any thread; no lock, no
// allocation. Only the functions of its kind are called.
class PluginMetric {
 public:
  virtual ~PluginMetric() = default;
  virtual void add(double amount) = 0;
  virtual void set(double value) = 0;
  virtual void observe(double value) = 0;
};

struct MetricSpec {
  uint32_t kind = 0;      // SERVAL_METRIC_*
  std::string_view name;  // as the plugin gave it, without "serval_plugin_"; already validated
  std::string_view help;
  std::span<const double> bounds;  // upper edges, rising; histograms only
};

struct ModelLabels {
  std::string model;
  std::string plugin;
  uint64_t version = 0;  // counts the loads of this name
};

// Makes the observers. Lives longer than the registry. Thread-safe.
class ObserverFactory {
 public:
  virtual ~ObserverFactory() = default;

  // May return nullptr: nobody looks.
  virtual std::shared_ptr<ModelObserver> model(const ModelLabels& labels) = 0;

  // already_exists when the model has that name already; the metric goes with its last owner.
  virtual Result<std::shared_ptr<PluginMetric>> plugin_metric(const ModelLabels& labels,
                                                              const MetricSpec& spec) = 0;
};

}  // namespace serval::host
