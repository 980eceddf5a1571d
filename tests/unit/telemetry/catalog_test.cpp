#include "telemetry/catalog.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

#include "telemetry/metrics.hpp"

namespace tributary::telemetry {
namespace {

using namespace std::chrono_literals;

TEST(MetricCatalog, IsSortedAndNamesEachOnce) {
  std::vector<std::string_view> names;
  for (const auto& metric : metric_catalog()) names.push_back(metric.name);
  EXPECT_TRUE(std::ranges::is_sorted(names));
  EXPECT_EQ(std::set(names.begin(), names.end()).size(), names.size());
}

TEST(MetricCatalog, NamesFollowPrometheusConventions) {
  for (const auto& metric : metric_catalog()) {
    EXPECT_TRUE(metric.name.starts_with("tributary_")) << metric.name;
    EXPECT_EQ(metric.name.ends_with("_total"), metric.kind == MetricKind::counter) << metric.name;
    if (metric.kind == MetricKind::histogram) {
      EXPECT_TRUE(metric.name.ends_with("_seconds")) << metric.name;
    }
    EXPECT_FALSE(metric.unit.empty()) << metric.name;
    EXPECT_TRUE(metric.help.ends_with('.')) << metric.name;
  }
}

TEST(MetricCatalog, ThePageIsUpToDate) {
  std::ifstream file(TRIBUTARY_SOURCE_DIR "/docs/metrics.md");
  std::stringstream page;
  page << file.rdbuf();
  EXPECT_TRUE(page.str() == metrics_markdown()) << "run: tributary metrics --markdown > docs/metrics.md";
}

TEST(Exposition, TellsHelpAndTypeOnceForEachFamily) {
  Metrics metrics;
  metrics.counter("tributary_sync_rows_total", {{"mapping", "teams"}}).add(2);
  metrics.counter("tributary_sync_rows_total", {{"mapping", "users"}}).add(3);
  metrics.gauge("tributary_queue_oldest_seconds").set(0.5);
  EXPECT_EQ(metrics.exposition(),
            "# HELP tributary_sync_rows_total Rows and tombstones made durable in a destination.\n"
            "# TYPE tributary_sync_rows_total counter\n"
            "tributary_sync_rows_total{mapping=\"teams\"} 2\n"
            "tributary_sync_rows_total{mapping=\"users\"} 3\n"
            "# HELP tributary_queue_oldest_seconds Age of the oldest request that nobody has claimed.\n"
            "# TYPE tributary_queue_oldest_seconds gauge\n"
            "tributary_queue_oldest_seconds 0.5\n");
}

TEST(Exposition, BucketsOfAHistogramAreCumulative) {
  Metrics metrics;
  auto& lag = metrics.histogram("tributary_lag_seconds", {{"kind", "postgres"}});
  lag.observe(60us);
  lag.observe(150us);
  lag.observe(1h);
  const auto text = metrics.exposition();
  EXPECT_THAT(text, testing::HasSubstr("tributary_lag_seconds_bucket{kind=\"postgres\",le=\"5e-05\"} 0\n"));
  EXPECT_THAT(text, testing::HasSubstr("tributary_lag_seconds_bucket{kind=\"postgres\",le=\"0.0001\"} 1\n"));
  EXPECT_THAT(text, testing::HasSubstr("tributary_lag_seconds_bucket{kind=\"postgres\",le=\"0.0002\"} 2\n"));
  EXPECT_THAT(text, testing::HasSubstr("tributary_lag_seconds_bucket{kind=\"postgres\",le=\"+Inf\"} 3\n"));
  EXPECT_THAT(text, testing::HasSubstr("tributary_lag_seconds_count{kind=\"postgres\"} 3\n"));
}

}  // namespace
}  // namespace tributary::telemetry
