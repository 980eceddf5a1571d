#include "telemetry/metrics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <thread>

namespace tributary::telemetry {
namespace {

using namespace std::chrono_literals;

TEST(Histogram, IsZeroBeforeAnythingIsObserved) {
  const Histogram histogram;
  EXPECT_EQ(histogram.quantile(0.99), 0ns);
  EXPECT_EQ(histogram.count(), 0U);
}

TEST(Histogram, QuantilesAreUpperBoundsWithinNineteenPercent) {
  ASSERT_TRUE(rc::check([] {
    const auto values = *rc::gen::nonEmpty(
        rc::gen::container<std::vector<std::int64_t>>(rc::gen::inRange<std::int64_t>(50'000, 600'000'000'000)));
    Histogram histogram;
    for (const auto value : values) histogram.observe(std::chrono::nanoseconds(value));
    auto sorted = values;
    std::sort(sorted.begin(), sorted.end());
    for (const double q : {0.0, 0.5, 0.9, 0.99, 1.0}) {
      const auto rank = std::max<std::size_t>(1, static_cast<std::size_t>(std::ceil(q * static_cast<double>(sorted.size()))));
      const auto exact = static_cast<double>(sorted[rank - 1]);
      const auto reported = static_cast<double>(histogram.quantile(q).count());
      RC_ASSERT(reported >= exact);
      RC_ASSERT(reported <= exact * 1.1893);
    }
    RC_ASSERT(histogram.count() == values.size());
  }));
}

TEST(Histogram, TakesWhatIsBelowAndAboveItsRange) {
  Histogram histogram;
  histogram.observe(-1ns);
  histogram.observe(0ns);
  histogram.observe(24h);
  EXPECT_EQ(histogram.count(), 3U);
  EXPECT_EQ(histogram.quantile(0.5), 50us);
  EXPECT_GT(histogram.quantile(1), 10min);
  EXPECT_EQ(histogram.sum(), 24h);
}

TEST(Metrics, OneNameAndLabelsAreOneMetric) {
  Metrics metrics;
  metrics.counter("rows_total", {{"mapping", "users"}}).add(2);
  metrics.counter("rows_total", {{"mapping", "users"}}).add(3);
  metrics.counter("rows_total", {{"mapping", "teams"}}).add();
  EXPECT_EQ(metrics.counter("rows_total", {{"mapping", "users"}}).value(), 5U);
  EXPECT_EQ(metrics.counter("rows_total", {{"mapping", "teams"}}).value(), 1U);
}

TEST(Metrics, SamplesCarryPrometheusNames) {
  Metrics metrics;
  metrics.counter("rows_total", {{"b", "say \"hi\"\\\n"}, {"a", "1"}}).add(7);
  metrics.gauge("open").set(-2);
  metrics.histogram("lag_seconds", {{"mapping", "users"}}).observe(50us);
  std::vector<std::string> names;
  for (const auto& sample : metrics.samples()) names.push_back(sample.name);
  EXPECT_THAT(names, testing::ElementsAre(
                         R"(rows_total{a="1",b="say \"hi\"\\\n"})", "open", R"(lag_seconds{mapping="users",quantile="0.5"})",
                         R"(lag_seconds{mapping="users",quantile="0.9"})", R"(lag_seconds{mapping="users",quantile="0.99"})",
                         R"(lag_seconds_sum{mapping="users"})", R"(lag_seconds_count{mapping="users"})"));
  EXPECT_EQ(metrics.samples()[1].value, -2);
  EXPECT_DOUBLE_EQ(metrics.samples()[2].value, 50e-6);
}

TEST(Metrics, LoseNothingWhenThreadsMeet) {
  Metrics metrics;
  constexpr int kThreads = 4;
  constexpr int kRounds = 10'000;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&metrics] {
        for (int round = 0; round < kRounds; ++round) {
          metrics.counter("shared").add();
          metrics.gauge("level").add(round % 2 == 0 ? 1 : -1);
          metrics.histogram("lag").observe(1ms);
          if (round % 1'000 == 0) metrics.samples();
        }
      });
    }
  }
  EXPECT_EQ(metrics.counter("shared").value(), std::uint64_t{kThreads} * kRounds);
  EXPECT_EQ(metrics.gauge("level").value(), 0);
  EXPECT_EQ(metrics.histogram("lag").count(), std::uint64_t{kThreads} * kRounds);
}

}  // namespace
}  // namespace tributary::telemetry
