#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "cli/top/sample.hpp"

namespace tributary::cli::top {
namespace {

using namespace std::chrono_literals;

/// A second of a system with some of everything.
class Top : public testing::Test {
 protected:
  Top() {
    before_.at = std::chrono::steady_clock::time_point(100s);
    before_.last_id = 1'000;
    before_.flagged = {{"teams", 0}, {"users", 0}};
    before_.series = parse_series(
        "tributary_sync_rows_total{kind=\"postgres\",mapping=\"users\"} 500\n"
        "tributary_lag_seconds_bucket{kind=\"postgres\",le=\"0.01\"} 90\n"
        "tributary_lag_seconds_bucket{kind=\"postgres\",le=\"10\"} 100\n"
        "tributary_lag_seconds_count{kind=\"postgres\"} 100\n");
    now_ = before_;
    now_.at += 2s;
    now_.last_id = 3'469;
    now_.flagged["users"] = 100'000;
    now_.queue = {.pending = 3, .in_flight = 2, .quarantined = 1, .oldest = 12ms};
    now_.clickhouse = {.used = true, .waiting = 1, .failing = 2, .error = "no\nspace \033[31mleft"};
    now_.series = parse_series(
        "# HELP tributary_sync_rows_total Rows\n"
        "tributary_sync_rows_total{kind=\"postgres\",mapping=\"users\"} 503\n"
        "tributary_lag_seconds_bucket{kind=\"postgres\",le=\"0.01\"} 188\n"
        "tributary_lag_seconds_bucket{kind=\"postgres\",le=\"10\"} 200\n"
        "tributary_lag_seconds_bucket{kind=\"postgres\",le=\"+Inf\"} 200\n"
        "tributary_lag_seconds_count{kind=\"postgres\"} 200\n"
        "no series\n");
    now_.troubles = {trouble("acme/b", 5min, 2), trouble("acme/a", 3h, 1), trouble("zoo/c", 1s, 9)};
    now_.troubles[1].what.paused = true;
  }
  static Sample::Trouble trouble(std::string destination, std::chrono::milliseconds age, int attempts) {
    return {.destination = std::move(destination),
            .what = {.mapping = "users", .attempts = attempts, .retry_in = 30s, .error = "connection \033[2Jrefused"},
            .age = age};
  }
  Frame frame(Order order = Order::oldest, std::size_t most = 10) const { return frame_of(&before_, now_, order, most); }

  Sample before_;
  Sample now_;
};

TEST_F(Top, AFrameShowsWhatHappenedSinceTheOneBefore) {
  EXPECT_EQ(render(frame(), {.columns = 100, .lines = 40}, "q quit"),
            "fusebox     sequencer on, poller on\n"
            "queue       3 pending, 2 in flight, oldest waits for 12 ms\n"
            "errors      3 mappings parked or paused, 1 row quarantined, 0 tables mended\n"
            "clickhouse  1 request waiting, fails for 2 tenants: no space [31mleft\n"
            "sequencer   1,235 rows/s\n"
            "lag         postgres: p50 10 ms, p99 10 s of 100 batches\n"
            "\n"
            "MAPPING  UNNUMBERED  POSTGRES/S  CLICKHOUSE/S\n"
            "teams             0  -           -\n"
            "users       100,000  1.5         -\n"
            "\n"
            "WORST   MAPPING  STATE    SINCE  TRIES  NEXT  ERROR\n"
            "acme/a  users    paused     3 h      1        connection [2Jrefused\n"
            "acme/b  users    failing  5 min      2  30 s  connection [2Jrefused\n"
            "zoo/c   users    failing  1.0 s      9  30 s  connection [2Jrefused\n"
            "q quit\n");
}

TEST_F(Top, AFrameFitsItsTerminal) {
  now_.troubles[0].destination = "äöü/b";
  for (const auto size : {Size{20, 5}, Size{1, 1}, Size{80, 13}}) {
    const auto text = render(frame(), size, "q quit  p pause");
    EXPECT_EQ(std::ranges::count(text, '\n'), static_cast<std::ptrdiff_t>(size.lines));
    std::size_t width = 0;
    for (const char c : text) {
      width = c == '\n' ? 0 : width + ((static_cast<unsigned char>(c) & 0xC0U) != 0x80U ? 1 : 0);
      EXPECT_LE(width, size.columns);
    }
    EXPECT_THAT(text, testing::EndsWith(std::string("q quit  p pause").substr(0, size.columns) + '\n'));
  }
}

TEST_F(Top, TheWorstComeFirstInTheOrderAskedFor) {
  const auto names = [&](Order order) {
    std::vector<std::string> all;
    for (const auto& each : frame(order, 2).now.troubles) all.push_back(each.destination);
    return all;
  };
  EXPECT_THAT(names(Order::oldest), testing::ElementsAre("acme/a", "acme/b"));
  EXPECT_THAT(names(Order::attempts), testing::ElementsAre("zoo/c", "acme/b"));
  EXPECT_THAT(names(Order::name), testing::ElementsAre("acme/a", "acme/b"));
  EXPECT_EQ(frame(Order::oldest, 2).troubled, 3U);
}

TEST_F(Top, WithoutAFrameBeforeThereAreNoRates) {
  const auto first = frame_of(nullptr, now_, Order::oldest, 10);
  EXPECT_FALSE(first.ids);
  EXPECT_EQ(first.lags.at(0).batches, 200);  // since the processes started
  EXPECT_THAT(render(first, {}, ""), testing::Not(testing::HasSubstr("rows/s")));
}

TEST_F(Top, WhereNothingWasAppliedTheLagIsThatSinceTheStartAndARestartedProcessCountsAnew) {
  before_.series = now_.series;
  EXPECT_EQ(frame().lags.at(0).batches, 200);
  EXPECT_EQ(frame().mappings.at(1).applied.at("postgres"), 0);
  before_.series["tributary_sync_rows_total{kind=\"postgres\",mapping=\"users\"}"] = 1'000'000;
  EXPECT_EQ(frame().mappings.at(1).applied.at("postgres"), 251.5);
}

TEST_F(Top, ASourceThatCannotBeAskedIsSaid) {
  Sample away;
  away.source_error = "cannot connect\n  Check that";
  away.process_errors = {"http://127.0.0.1:1: Connection refused"};
  const auto broken = frame_of(&now_, away, Order::oldest, 10);
  EXPECT_EQ(render(broken, {}, ""),
            "source      cannot connect Check that\nprocess     http://127.0.0.1:1: Connection refused\n");
  EXPECT_EQ(to_json(broken).at("source_error"), "cannot connect\n  Check that");
}

TEST_F(Top, JsonHasTheSame) {
  const auto json = to_json(frame(Order::attempts, 1));
  EXPECT_EQ(json.at("sequenced_rows_per_second"), 1'234.5);
  EXPECT_EQ(json.at("lag"), boost::json::parse(R"([{"kind": "postgres", "batches": 100, "p50_ms": 10, "p99_ms": 10000}])"));
  EXPECT_EQ(json.at("queue"), boost::json::parse(R"({"pending": 3, "in_flight": 2, "stale": 0, "oldest_ms": 12})"));
  EXPECT_EQ(json.at("troubled"), 3);
  EXPECT_EQ(json.at("worst").as_array().size(), 1U);
  EXPECT_EQ(json.at("worst").at(0).at("destination"), "zoo/c");
  EXPECT_EQ(json.at("mappings").at(1).at("applied_rows_per_second").at("postgres"), 1.5);
}

}  // namespace
}  // namespace tributary::cli::top
