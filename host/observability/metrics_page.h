// Writes Prometheus' text format, version 0.0.4.
// source: prometheus.io, "Exposition formats"
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace serval::host {

using Labels = std::vector<std::pair<std::string, std::string>>;

// {model="a",plugin="b"} with values escaped and cut to 128 bytes; "" without labels.
std::string render_labels(const Labels& labels);

// 1, 0.25, 1e+20, +Inf, NaN.
std::string render_number(double value);

class MetricsPage {
 public:
  // Begins a metric; its samples follow. type: "counter", "gauge", "histogram".
  void family(std::string_view name, std::string_view help, std::string_view type);
  // labels: rendered.
  void sample(std::string_view name, std::string_view labels, double value);
  void sample(std::string_view name, const Labels& labels, double value) {
    sample(name, std::string_view(render_labels(labels)), value);
  }

  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

}  // namespace serval::host
