// What a plugin's `serval_model_ref*` points at.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "host/models/plugin_metrics.h"
#include "host/queue/model_queue.h"
#include "serval/host.h"

// Made when a model is opened and never freed: after model_close it is an empty shell, so a plugin
// that calls late is told off instead of followed into freed memory. Thread-safe.
struct serval_model_ref {
  static serval_model_ref* make(std::shared_ptr<serval::host::ModelQueue> queue,
                                serval::host::ObserverFactory* observers,
                                serval::host::ModelLabels labels);

  std::shared_ptr<serval::host::ModelQueue> queue() const;  // nullptr once closed
  void close();

  // The load: what the plugin reports, and whether it is still wanted.
  serval_status report(uint32_t per_mille, std::string_view stage);
  void cancel_load() { cancelled_.store(true); }
  bool load_cancelled() const { return cancelled_.load(); }
  uint32_t per_mille() const { return per_mille_.load(); }
  std::string stage() const;

  // define() works until the model is open.
  serval::host::PluginMetricSet& metrics() { return metrics_; }

 private:
  serval_model_ref(std::shared_ptr<serval::host::ModelQueue> queue,
                   serval::host::ObserverFactory* observers, serval::host::ModelLabels labels);

  mutable std::mutex mutex_;
  std::shared_ptr<serval::host::ModelQueue> queue_;
  std::string stage_;
  std::atomic<uint32_t> per_mille_{0};
  std::atomic<bool> cancelled_{false};
  serval::host::PluginMetricSet metrics_;
};
