#include "clickhouse/embedded/query_times.hpp"

#include <gtest/gtest.h>

namespace tributary::clickhouse::embedded {
namespace {

using namespace std::chrono_literals;

std::chrono::nanoseconds now{0};
std::chrono::nanoseconds fake_time() { return now; }

TEST(CpuShares, AStatementAloneGetsAllOfIt) {
  now = 5s;
  CpuShares shares(fake_time);
  now = 7s;
  const auto begun = shares.begin();
  now = 10s;
  EXPECT_EQ(shares.end(begun), 3s);
}

TEST(CpuShares, ThoseWhoRunAtTheSameTimeGetTheSame) {
  now = 0s;
  CpuShares shares(fake_time);
  const auto first = shares.begin();
  now = 2s;
  const auto second = shares.begin();
  now = 6s;
  EXPECT_EQ(shares.end(first), 4s);
  now = 7s;
  EXPECT_EQ(shares.end(second), 3s);
}

TEST(QueryTimes, TheOldestIsForgotten) {
  QueryTimes times(2);
  for (const auto* id : {"a", "b", "b", "c"}) times.add(id, {.cpu = 1us, .wall = 2us});
  EXPECT_FALSE(times.find("a"));
  ASSERT_TRUE(times.find("b"));
  EXPECT_EQ(times.find("c")->wall, 2us);
}

}  // namespace
}  // namespace tributary::clickhouse::embedded
