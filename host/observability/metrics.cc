#include "host/observability/metrics.h"

#include <algorithm>

namespace serval::host {
namespace {

constexpr const char* kTypes[] = {"counter", "gauge", "histogram"};

std::shared_ptr<Series> make_series(Metrics::Kind kind, std::span<const double> bounds) {
  if (kind == Metrics::Kind::counter) return std::make_shared<Counter>();
  if (kind == Metrics::Kind::gauge) return std::make_shared<Gauge>();
  return std::make_shared<Histogram>(bounds);
}

}  // namespace

void Counter::print(MetricsPage& page, std::string_view name, const std::string& labels) const {
  page.sample(name, labels, value());
}

void Gauge::print(MetricsPage& page, std::string_view name, const std::string& labels) const {
  page.sample(name, labels, value());
}

Histogram::Histogram(std::span<const double> bounds)
    : bounds_(bounds.begin(), bounds.end()),
      buckets_(std::make_unique<std::atomic<uint64_t>[]>(bounds.size() + 1)) {}

void Histogram::observe(double value) {
  if (value != value) return;
  const auto bound = std::lower_bound(bounds_.begin(), bounds_.end(), value);
  buckets_[std::size_t(bound - bounds_.begin())].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(value, std::memory_order_relaxed);
}

void Histogram::print(MetricsPage& page, std::string_view name, const std::string& labels) const {
  const std::string base(name);
  const std::string head =
      labels.empty() ? "{" : labels.substr(0, labels.size() - 1) + ",";  // without the brace
  uint64_t count = 0;
  for (std::size_t i = 0; i <= bounds_.size(); ++i) {
    count += buckets_[i].load(std::memory_order_relaxed);
    const std::string edge = i < bounds_.size() ? render_number(bounds_[i]) : "+Inf";
    page.sample(base + "_bucket", head + "le=\"" + edge + "\"}", double(count));
  }
  page.sample(base + "_sum", labels, sum_.load(std::memory_order_relaxed));
  page.sample(base + "_count", labels, double(count));
}

std::span<const double> latency_bounds() {
  static constexpr double kBounds[] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                       0.5,   1,      2.5,   5,    10,    30,   60};
  return kBounds;
}

Result<std::shared_ptr<Series>> Metrics::find(Kind kind, std::string_view name,
                                              std::string_view help, const Labels& labels,
                                              std::span<const double> bounds, bool keep) {
  const std::lock_guard lock(mutex_);
  const auto [at, fresh] = families_.try_emplace(std::string(name));
  Family& family = at->second;
  // A name whose lent series all are gone is free again.
  if (!fresh &&
      std::ranges::all_of(family.series, [](const auto& e) { return e.second.expired(); }))
    family.series.clear();
  if (family.series.empty()) family = {kind, std::string(help), {bounds.begin(), bounds.end()}, {}};
  if (family.kind != kind)
    return invalid("the metric " + std::string(name) + " is a " + kTypes[int(family.kind)] +
                   " already");
  if (!std::equal(bounds.begin(), bounds.end(), family.bounds.begin(), family.bounds.end()))
    return invalid("the histogram " + std::string(name) + " has other bounds already");

  const auto get = [&](const Labels& of) {
    std::weak_ptr<Series>& slot = family.series[render_labels(of)];
    std::shared_ptr<Series> series = slot.lock();
    if (series == nullptr) {
      series = make_series(kind, bounds);
      slot = series;
      if (keep) kept_.push_back(series);
    }
    return series;
  };
  if (family.series.size() >= most_series_ && !family.series.contains(render_labels(labels))) {
    std::erase_if(family.series, [](const auto& entry) { return entry.second.expired(); });
    if (family.series.size() >= most_series_) {
      if (!keep)
        return error(Code::resource_exhausted, "the metric " + std::string(name) + " has " +
                                                   std::to_string(most_series_) +
                                                   " sets of labels already");
      Labels other = labels;
      for (auto& [label, value] : other) value = "other";
      return get(other);
    }
  }
  return get(labels);
}

std::shared_ptr<Counter> Metrics::counter(std::string_view name, std::string_view help,
                                          const Labels& labels) {
  auto series = find(Kind::counter, name, help, labels, {}, true);
  return series ? std::static_pointer_cast<Counter>(*series) : std::make_shared<Counter>();
}

std::shared_ptr<Gauge> Metrics::gauge(std::string_view name, std::string_view help,
                                      const Labels& labels) {
  auto series = find(Kind::gauge, name, help, labels, {}, true);
  return series ? std::static_pointer_cast<Gauge>(*series) : std::make_shared<Gauge>();
}

std::shared_ptr<Histogram> Metrics::histogram(std::string_view name, std::string_view help,
                                              const Labels& labels,
                                              std::span<const double> bounds) {
  auto series = find(Kind::histogram, name, help, labels, bounds, true);
  return series ? std::static_pointer_cast<Histogram>(*series)
                : std::make_shared<Histogram>(bounds);
}

Result<std::shared_ptr<Series>> Metrics::lent(Kind kind, std::string_view name,
                                              std::string_view help, const Labels& labels,
                                              std::span<const double> bounds) {
  return find(kind, name, help, labels, bounds, false);
}

void Metrics::on_page(std::function<void(MetricsPage&)> collector) {
  const std::lock_guard lock(mutex_);
  collectors_.push_back(std::move(collector));
}

std::string Metrics::page() const {
  MetricsPage page;
  std::vector<std::function<void(MetricsPage&)>> collectors;
  {
    const std::lock_guard lock(mutex_);
    collectors = collectors_;
    for (const auto& [name, family] : families_) {
      bool begun = false;
      for (const auto& [labels, weak] : family.series) {
        const std::shared_ptr<Series> series = weak.lock();
        if (series == nullptr) continue;
        if (!begun) page.family(name, family.help, kTypes[int(family.kind)]);
        begun = true;
        series->print(page, name, labels);
      }
    }
  }
  for (const auto& collect : collectors) collect(page);
  return page.text();
}

}  // namespace serval::host
