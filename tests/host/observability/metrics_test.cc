#include "host/observability/metrics.h"

#include <gtest/gtest.h>
#include <thread>

namespace serval::host {
namespace {

bool has(const std::string& page, const std::string& line) {
  return ("\n" + page).find("\n" + line + "\n") != std::string::npos;
}

TEST(Metrics, PageShowsKindsAndLabels) {
  Metrics metrics;
  metrics.counter("c_total", "Counts.", {{"a", "x"}})->add(2);
  metrics.counter("c_total", "Counts.", {{"a", "x"}})->add();
  metrics.gauge("g", "Line one\nand \\ two.")->set(-0.5);
  const double bounds[] = {1, 2};
  const auto h = metrics.histogram("h", "H.", {{"a", "x"}}, bounds);
  for (const double v : {0.5, 1.0, 1.5, 9.0}) h->observe(v);
  EXPECT_EQ(metrics.page(),
            "# HELP c_total Counts.\n# TYPE c_total counter\nc_total{a=\"x\"} 3\n"
            "# HELP g Line one\\nand \\\\ two.\n# TYPE g gauge\ng -0.5\n"
            "# HELP h H.\n# TYPE h histogram\n"
            "h_bucket{a=\"x\",le=\"1\"} 2\nh_bucket{a=\"x\",le=\"2\"} 3\n"
            "h_bucket{a=\"x\",le=\"+Inf\"} 4\nh_sum{a=\"x\"} 12\nh_count{a=\"x\"} 4\n");
}

TEST(Metrics, LabelsAreEscapedAndCut) {
  EXPECT_EQ(render_labels({{"a", "q\"b\\n\nz"}}), "{a=\"q\\\"b\\\\n\\nz\"}");
  EXPECT_LT(render_labels({{"a", std::string(1000, 'x')}}).size(), 200u);
  EXPECT_EQ(render_labels({{"a", "\xff"}}), "{a=\"\xef\xbf\xbd\"}");
}

TEST(Metrics, SeriesAboveTheBoundShareOne) {
  Metrics metrics(3);
  for (int i = 0; i < 10; ++i) metrics.counter("c", "C.", {{"i", std::to_string(i)}})->add();
  const std::string page = metrics.page();
  EXPECT_TRUE(has(page, "c{i=\"2\"} 1"));
  EXPECT_TRUE(has(page, "c{i=\"other\"} 7"));
  EXPECT_FALSE(has(page, "c{i=\"3\"} 1"));
}

TEST(Metrics, LentSeriesLeaveWithTheirOwner) {
  Metrics metrics;
  auto lent = metrics.lent(Metrics::Kind::gauge, "g", "G.", {}, {});
  ASSERT_TRUE(lent);
  EXPECT_TRUE(has(metrics.page(), "g 0"));
  EXPECT_FALSE(metrics.lent(Metrics::Kind::counter, "g", "G.", {}, {}));
  lent = std::shared_ptr<Series>();
  EXPECT_EQ(metrics.page(), "");
  EXPECT_TRUE(metrics.lent(Metrics::Kind::counter, "g", "G.", {}, {}));
}

TEST(Metrics, CountsFromManyThreadsWhilePagesAreRead) {
  Metrics metrics;
  const auto counter = metrics.counter("c", "C.");
  const auto histogram = metrics.histogram("h", "H.");
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 10'000; ++i) {
        counter->add();
        histogram->observe(0.5);
      }
    });
  for (int i = 0; i < 50; ++i) EXPECT_FALSE(metrics.page().empty());
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(counter->value(), 40'000);
  EXPECT_TRUE(has(metrics.page(), "h_count 40000"));
}

TEST(Metrics, CountersNeverFall) {
  Counter counter;
  counter.add(-1);
  counter.add(std::numeric_limits<double>::quiet_NaN());
  counter.add(1);
  EXPECT_EQ(counter.value(), 1);
}

}  // namespace
}  // namespace serval::host
