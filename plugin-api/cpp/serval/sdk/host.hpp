// What the host offers: log, clock, metrics, progress of a load. A Host is a pointer; copy it
// freely.
#pragma once

#include <initializer_list>
#include <serval/ext/metrics.h>
#include <serval/ext/progress.h>
#include <serval/host.h>
#include <span>
#include <string_view>
#include <vector>

#include "serval/sdk/result.hpp"

namespace serval::sdk {

using ModelRef = serval_model_ref*;  // the host's name for one open model

enum class Level : uint32_t {
  debug = SERVAL_LOG_DEBUG,
  info = SERVAL_LOG_INFO,
  warn = SERVAL_LOG_WARN,
  error = SERVAL_LOG_ERROR,
};

struct Field {
  std::string_view key;
  std::string_view value;
};

namespace detail {

// One metric of one model. All calls do nothing when the host has no metrics or refused this one.
struct Metric {
  const serval_ext_metrics* table = nullptr;
  ModelRef model = nullptr;
  int32_t handle = -1;
};

}  // namespace detail

// Handles are values; use them from any thread, no lock is taken.
class Counter {
 public:
  Counter() = default;
  explicit Counter(detail::Metric metric) : m_(metric) {}
  void add(double amount = 1) const {
    if (m_.handle >= 0) m_.table->add(m_.model, m_.handle, amount);
  }

 private:
  detail::Metric m_;
};

class Gauge {
 public:
  Gauge() = default;
  explicit Gauge(detail::Metric metric) : m_(metric) {}
  void set(double value) const {
    if (m_.handle >= 0) m_.table->set(m_.model, m_.handle, value);
  }
  void add(double amount) const {
    if (m_.handle >= 0) m_.table->add(m_.model, m_.handle, amount);
  }

 private:
  detail::Metric m_;
};

class Histogram {
 public:
  Histogram() = default;
  explicit Histogram(detail::Metric metric) : m_(metric) {}
  void observe(double value) const {
    if (m_.handle >= 0) m_.table->observe(m_.model, m_.handle, value);
  }

 private:
  detail::Metric m_;
};

// Defines a model's metrics. Only inside Plugin::open; keep the handles, not this.
class Metrics {
 public:
  Metrics(const serval_ext_metrics* table, ModelRef model) : table_(table), model_(model) {}

  Counter counter(std::string_view name, std::string_view help) const {
    return Counter{define(SERVAL_METRIC_COUNTER, name, help, {})};
  }
  Gauge gauge(std::string_view name, std::string_view help) const {
    return Gauge{define(SERVAL_METRIC_GAUGE, name, help, {})};
  }
  // bounds: upper edges of the buckets, rising.
  Histogram histogram(std::string_view name, std::string_view help,
                      std::span<const double> bounds) const {
    return Histogram{define(SERVAL_METRIC_HISTOGRAM, name, help, bounds)};
  }

 private:
  detail::Metric define(uint32_t kind, std::string_view name, std::string_view help,
                        std::span<const double> bounds) const {
    if (table_ == nullptr) return {};
    const int32_t handle =
        table_->define(model_, kind, to_abi(name), to_abi(help),
                       bounds.empty() ? nullptr : bounds.data(), uint32_t(bounds.size()));
    return {table_, model_, handle};
  }

  const serval_ext_metrics* table_;
  ModelRef model_;
};

// How far Plugin::open is. Call report at least every 100 ms of loading.
class LoadProgress {
 public:
  LoadProgress(const serval_ext_progress* table, ModelRef model) : table_(table), model_(model) {}

  // done: 0 to 1. Not ok (SERVAL_CANCELLED): the load is not wanted any more; undo everything and
  // return that error from open.
  Status report(double done, std::string_view stage) const {
    if (table_ == nullptr) return {};
    const double clamped = done < 0 ? 0 : done > 1 ? 1 : done;
    if (table_->report(model_, uint32_t(clamped * 1000), to_abi(stage)) == SERVAL_OK) return {};
    return Error{SERVAL_CANCELLED, "the load was cancelled", {}};
  }

 private:
  const serval_ext_progress* table_;
  ModelRef model_;
};

class Host {
 public:
  explicit Host(const serval_host* host) : host_(host) {}

  // Bounded: lines that come too fast are dropped and counted. Never log inputs or outputs.
  void log(Level level, std::string_view message, std::initializer_list<Field> fields = {}) const {
    std::vector<serval_kv> list;
    list.reserve(fields.size());
    for (const Field& f : fields) list.push_back({to_abi(f.key), to_abi(f.value)});
    host_->log(host_, uint32_t(level), to_abi(message), list.data(), uint32_t(list.size()),
               nullptr);
  }

  // Monotonic; the clock of every *_ns field.
  uint64_t now_ns() const { return host_->now_ns(host_); }

  Metrics metrics(ModelRef model) const {
    return {extension<serval_ext_metrics>(SERVAL_EXT_METRICS), model};
  }
  LoadProgress progress(ModelRef model) const {
    return {extension<serval_ext_progress>(SERVAL_EXT_PROGRESS), model};
  }

  // The host extension of that id, or nullptr when the host lacks it or its table is shorter than
  // the one this plugin was compiled with. For a table that has grown, ask with the raw get_ext.
  template <class Table>
  const Table* extension(const char* id) const {
    const auto* table = static_cast<const Table*>(host_->get_ext(host_, id));
    return table != nullptr && table->size >= sizeof(Table) ? table : nullptr;
  }

  std::string_view name() const { return host_->name; }
  std::string_view version() const { return host_->version; }
  uint16_t abi_minor() const { return host_->abi_minor; }
  const serval_host* table() const { return host_; }

 private:
  const serval_host* host_;
};

}  // namespace serval::sdk
