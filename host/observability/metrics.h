// Numbers of the server, and the page on which Prometheus reads them.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/result.h"
#include "host/observability/metrics_page.h"

namespace serval::host {

// One number of one set of labels. Updates take no lock and never allocate.
class Series {
 public:
  virtual ~Series() = default;
  virtual void print(MetricsPage& page, std::string_view name, const std::string& labels) const = 0;
};

class Counter final : public Series {
 public:
  // Amounts below 0 and not-a-number are ignored.
  void add(double amount = 1) {
    if (amount > 0) value_.fetch_add(amount, std::memory_order_relaxed);
  }
  double value() const { return value_.load(std::memory_order_relaxed); }
  void print(MetricsPage& page, std::string_view name, const std::string& labels) const override;

 private:
  std::atomic<double> value_{0};
};

class Gauge final : public Series {
 public:
  void add(double amount) { value_.fetch_add(amount, std::memory_order_relaxed); }
  void set(double value) { value_.store(value, std::memory_order_relaxed); }
  double value() const { return value_.load(std::memory_order_relaxed); }
  void print(MetricsPage& page, std::string_view name, const std::string& labels) const override;

 private:
  std::atomic<double> value_{0};
};

class Histogram final : public Series {
 public:
  // bounds: upper edges, inclusive, rising; above the last all is one bucket.
  explicit Histogram(std::span<const double> bounds);
  void observe(double value);
  void print(MetricsPage& page, std::string_view name, const std::string& labels) const override;

 private:
  const std::vector<double> bounds_;
  const std::unique_ptr<std::atomic<uint64_t>[]> buckets_;  // [bounds + 1]
  std::atomic<double> sum_{0};
};

// 1 ms to 60 s.
std::span<const double> latency_bounds();

// Thread-safe. Its functions lock; what they return does not.
class Metrics {
 public:
  // most_series: of one metric. What comes above it is counted in one series whose labels all are
  // "other".
  explicit Metrics(std::size_t most_series = 1000) : most_series_(most_series) {}

  // The series of these labels, the same one each time. A name belongs to one kind: asked for as
  // another, a series comes back that no page shows.
  std::shared_ptr<Counter> counter(std::string_view name, std::string_view help,
                                   const Labels& labels = {});
  std::shared_ptr<Gauge> gauge(std::string_view name, std::string_view help,
                               const Labels& labels = {});
  std::shared_ptr<Histogram> histogram(std::string_view name, std::string_view help,
                                       const Labels& labels = {},
                                       std::span<const double> bounds = latency_bounds());

  // A series that leaves the page with its last owner. invalid_argument: the name is of another
  // kind, or of a histogram with other bounds. resource_exhausted: most_series.
  enum class Kind { counter, gauge, histogram };
  Result<std::shared_ptr<Series>> lent(Kind kind, std::string_view name, std::string_view help,
                                       const Labels& labels, std::span<const double> bounds);

  // What is read only when the page is asked for. Runs on the thread that asks, without locks held.
  void on_page(std::function<void(MetricsPage&)> collector);

  std::string page() const;

 private:
  struct Family {
    Kind kind;
    std::string help;
    std::vector<double> bounds;
    std::map<std::string, std::weak_ptr<Series>> series;  // by rendered labels
  };

  Result<std::shared_ptr<Series>> find(Kind kind, std::string_view name, std::string_view help,
                                       const Labels& labels, std::span<const double> bounds,
                                       bool keep);

  const std::size_t most_series_;
  mutable std::mutex mutex_;
  std::map<std::string, Family, std::less<>> families_;
  std::vector<std::shared_ptr<Series>> kept_;
  std::vector<std::function<void(MetricsPage&)>> collectors_;
};

}  // namespace serval::host
