#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <set>

#include "cli/demo/lag.hpp"
#include "cli/demo/screen.hpp"
#include "cli/demo/sql.hpp"
#include "cli/demo/summary.hpp"
#include "cli/demo/tenants.hpp"

namespace tributary::cli::demo {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

TEST(Tenants, HaveAllUsersBetweenThem) {
  for (const int tenants : {1, 2, 7, 50, 500}) {
    for (const std::int64_t users : {1, 100, 100'000}) {
      const auto plan = plan_tenants(tenants, users, 1);
      ASSERT_EQ(plan.size(), static_cast<std::size_t>(tenants));
      const auto sum =
          std::accumulate(plan.begin(), plan.end(), std::int64_t{0}, [](auto total, const Tenant& t) { return total + t.users; });
      EXPECT_EQ(sum, users) << tenants << " tenants";
      for (const auto& tenant : plan) EXPECT_GE(tenant.users, 0);
    }
  }
}

TEST(Tenants, AreAFewLargeOnesAndManySmallOnes) {
  const auto plan = plan_tenants(50, 100'000, 1);
  EXPECT_GT(plan[0].users, 20'000);
  EXPECT_LT(plan[25].users, 1'000);
  EXPECT_GT(plan[25].users, 100);
}

TEST(Tenants, AreTheSameForTheSameSeed) {
  EXPECT_EQ(plan_tenants(5, 100, 7)[3].tenancy, plan_tenants(5, 100, 7)[3].tenancy);
  EXPECT_NE(plan_tenants(5, 100, 7)[3].tenancy, plan_tenants(5, 100, 8)[3].tenancy);
}

TEST(Tenants, ShareNoDatabaseAndTheFirstHasTwo) {
  std::set<std::string> databases;
  const auto plan = plan_tenants(50, 1'000, 1);
  for (const auto& tenant : plan) databases.insert(tenant.databases.begin(), tenant.databases.end());
  EXPECT_EQ(databases.size(), 51U);
  EXPECT_EQ(plan[0].databases.size(), 2U);
}

TEST(Sql, IsReadBySections) {
  const auto kinds = sql_sections("changes.sql");
  EXPECT_GT(kinds.size(), 10U);
  EXPECT_EQ(kinds.front().name, "30 user seen");
  EXPECT_THAT(std::string(kinds.front().text), HasSubstr("UPDATE \"ProjectUser\""));
  EXPECT_THAT(std::string(kinds.front().text), Not(HasSubstr("--; ")));
  EXPECT_THROW(sql_section("changes.sql", "no such change"), std::logic_error);
}

TEST(LagWindow, GivesExactQuantilesOfWhatWasSeenSince) {
  LagWindow window;
  const LagWindow::Clock::time_point begin{};
  for (int i = 1; i <= 100; ++i) window.add(begin + std::chrono::seconds(i), std::chrono::milliseconds(i));
  EXPECT_EQ(window.quantile(0.50, begin), 50ms);
  EXPECT_EQ(window.quantile(0.99, begin), 99ms);
  EXPECT_EQ(window.quantile(1.00, begin), 100ms);
  EXPECT_EQ(window.quantile(0.50, begin + 91s), 95ms);
  EXPECT_EQ(window.count(begin + 91s), 10U);
  EXPECT_EQ(window.quantile(0.50, begin + 101s), std::nullopt);
}

TEST(LagWindow, ForgetsTheOldestWhenFull) {
  LagWindow window;
  const LagWindow::Clock::time_point begin{};
  for (std::size_t i = 0; i <= LagWindow::kMost; ++i) window.add(begin, i == 0 ? 1h : 1ms);
  EXPECT_EQ(window.count(begin), LagWindow::kMost);
  EXPECT_EQ(window.quantile(1.0, begin), 1ms);
}

Snapshot sample(int places) {
  Snapshot now;
  now.elapsed = 75s;
  now.tenants = 20;
  now.changes_per_second = {0, 200};
  now.rows_per_second = {10, 1'234};
  now.p50 = 4'100us;
  now.backlog = 900;
  now.behind = 2;
  now.largest_backlog = 1'000;
  for (int i = 1; i <= places; ++i) now.places.push_back({"customer_" + std::to_string(i), 100 - i, 0, 5ms});
  now.places[places / 2].backlog = 500;
  now.places.back().backlog = -1;
  return now;
}

TEST(Screen, PutsWhatIsFurthestBehindFirstAndFits) {
  const auto screen = draw_screen(sample(50), 24, false);
  EXPECT_LT(std::ranges::count(screen, '\n'), 24);
  EXPECT_THAT(screen, HasSubstr("unreachable"));
  EXPECT_LT(screen.find("customer_50"), screen.find("customer_26 "));
  EXPECT_LT(screen.find("customer_26 "), screen.find("customer_1 "));
  EXPECT_THAT(screen, HasSubstr("1,234/s"));
  EXPECT_THAT(screen, HasSubstr("4.1 ms"));
  EXPECT_THAT(screen, HasSubstr("01:15"));
}

TEST(Screen, ShowsClickHouseAsItDoesTheDatabases) {
  auto now = sample(3);
  EXPECT_THAT(draw_screen(now, 24, false) + draw_line(now), Not(HasSubstr("ClickHouse")));
  now.clickhouse = {.rows_per_second = 1'234.4, .rows = 56'789, .p50 = 12ms, .p99 = std::nullopt, .waiting = 1};
  EXPECT_THAT(draw_screen(now, 24, false),
              HasSubstr("  ClickHouse  1,234/s  56,789 rows applied, lag p50 12.0 ms p99 -, rows of 1 tenant on their way\n"));
  EXPECT_THAT(draw_line(now), HasSubstr("  ClickHouse 1,234/s, lag p50 12.0 ms p99 -, 1 tenant on their way\n"));
  EXPECT_LT(std::ranges::count(draw_screen(now, 24, true), '\n'), 24);
}

TEST(Screen, HasEscapesOnlyWhereColoursAreWanted) {
  EXPECT_THAT(draw_screen(sample(3), 24, false), Not(HasSubstr("\x1b")));
  EXPECT_THAT(draw_screen(sample(3), 24, true), HasSubstr("\x1b[1m"));
  EXPECT_THAT(draw_line(sample(3)), Not(HasSubstr("\x1b")));
}

TEST(Screen, WritesLagsInTheirUnit) {
  EXPECT_EQ(lag_text(std::nullopt), "-");
  EXPECT_EQ(lag_text(840us), "840 µs");
  EXPECT_EQ(lag_text(4'120us), "4.1 ms");
  EXPECT_EQ(lag_text(2'300ms), "2.3 s");
}

TEST(Summary, IsGoodOnlyWhenEverythingArrived) {
  Summary summary;
  EXPECT_TRUE(summary.good());
  EXPECT_THAT(to_text(summary), HasSubstr("every database equals its source"));

  auto differs = summary;
  differs.verification.add_unreadable("customer_3", "it is gone");
  EXPECT_FALSE(differs.good());
  EXPECT_THAT(to_text(differs), HasSubstr("customer_3 cannot be compared: it is gone"));
  EXPECT_THAT(to_json(differs), HasSubstr("\"equal\":false"));

  auto stuck = summary;
  stuck.drained = false;
  EXPECT_FALSE(stuck.good());

  auto troubled = summary;
  troubled.problems = "customer_1: wrong password\n";
  EXPECT_FALSE(troubled.good());
}

}  // namespace
}  // namespace tributary::cli::demo
