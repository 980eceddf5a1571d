#include "dashboard/rates.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace tributary::dashboard {
namespace {

using namespace std::chrono_literals;

class RatesTest : public testing::Test {
 protected:
  void sample(std::chrono::seconds at) { rates_.sample(Rates::Time(at), Rates::Wall(at)); }
  void lag(std::chrono::nanoseconds time) { metrics_.histogram("tributary_lag_seconds", {{"kind", "postgres"}}).observe(time); }

  telemetry::Metrics metrics_;
  telemetry::Counter& sequenced_ = metrics_.counter("tributary_sequenced_rows_total", {{"table", "DeletedRow"}});
  Rates rates_{metrics_, {}};
};

TEST_F(RatesTest, AreAveragedOverTheLastSecondsOnly) {
  EXPECT_TRUE(rates_.throughput().is_null());
  sample(0s);
  sequenced_.add(1'000'000);
  for (auto second = 1s; second <= 7s; ++second) {
    sequenced_.add(10);
    sample(second);
  }
  EXPECT_DOUBLE_EQ(rates_.throughput().at("sequenced_rows_per_second").as_double(), 10);
}

TEST_F(RatesTest, LagIsThatOfTheLastMinute) {
  sample(0s);
  lag(10s);
  for (auto second = 1s; second <= 61s; ++second) sample(second);
  EXPECT_EQ(rates_.lag().at("count").to_number<int>(), 0);
  EXPECT_TRUE(rates_.lag().at("p99_ms").is_null());
  lag(1ms);
  lag(100ms);
  sample(62s);
  EXPECT_EQ(rates_.lag().at("count").to_number<int>(), 2);
  EXPECT_NEAR(rates_.lag().at("p50_ms").as_double(), 1, 0.2);
  EXPECT_NEAR(rates_.lag().at("p99_ms").as_double(), 100, 19);
  EXPECT_EQ(rates_.lag_since_start().at("count").to_number<int>(), 3);
}

TEST_F(RatesTest, HistoryHasAPointForEachSecondAndABound) {
  for (auto second = 0s; second <= 700s; ++second) {
    sequenced_.add(5);
    if (second == 700s) lag(1s);
    sample(second);
  }
  const auto history = rates_.history();
  const auto& at = history.at("at_millis").as_array();
  EXPECT_EQ(at.size(), 601U);
  EXPECT_EQ(at.back().to_number<std::int64_t>(), 700'000);
  for (const auto& [name, column] : history) EXPECT_EQ(column.as_array().size(), at.size()) << name;
  EXPECT_DOUBLE_EQ(history.at("sequenced_rows_per_second").as_array().back().as_double(), 5);
  EXPECT_TRUE(history.at("lag_p50_ms").as_array().front().is_null());
  EXPECT_EQ(rates_.last_point().at("lag_p50_ms"), history.at("lag_p50_ms").as_array().back());
}

TEST_F(RatesTest, HistoryHasItsBoundAlsoWhereTheClockIsSetBack) {
  sample(100'000s);
  for (auto second = 0s; second <= 700s; ++second) rates_.sample(Rates::Time(100'001s + second), Rates::Wall(second));
  EXPECT_EQ(rates_.history().at("at_millis").as_array().size(), 601U);
}

}  // namespace
}  // namespace tributary::dashboard
