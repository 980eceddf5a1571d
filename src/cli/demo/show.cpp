#include "cli/demo/show.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace tributary::cli::demo {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kHistory = 20;
constexpr auto kLagWindow = 10s;

std::vector<double> keep(std::deque<double>& history, double latest) {
  history.push_back(latest);
  if (history.size() > kHistory) history.pop_front();
  return {history.begin(), history.end()};
}

double per_second(std::uint64_t after, std::uint64_t before, Show::Clock::duration time) {
  return static_cast<double>(after - before) / std::chrono::duration<double>(time).count();
}

}  // namespace

Show::Show(Params params) : params_(std::move(params)) {}

std::uint64_t Show::applied_rows(queue::DestinationKind kind) const {
  const auto of_kind = fmt::format("tributary_sync_rows_total{{kind=\"{}\"", queue::to_string(kind));
  double rows = 0;
  for (const auto& sample : params_.service.metrics().samples()) {
    if (sample.name.starts_with(of_kind)) rows += sample.value;
  }
  return static_cast<std::uint64_t>(rows);
}

Snapshot::ClickHouse Show::take_clickhouse(const queue::ClickHouseState& clickhouse, Clock::time_point now) {
  const auto lag =
      params_.service.metrics()
          .histogram("tributary_lag_seconds", {{"kind", std::string(queue::to_string(queue::DestinationKind::clickhouse))}})
          .distribution();
  clickhouse_lag_.emplace_back(now, lag);
  while (now - clickhouse_lag_.front().first > kLagWindow) clickhouse_lag_.pop_front();
  auto latest = lag;
  latest -= clickhouse_lag_.front().second;
  const auto quantile = [&](double q) { return latest.count() > 0 ? Snapshot::Lag(latest.quantile(q)) : std::nullopt; };
  Snapshot::ClickHouse shot{.rows = applied_rows(queue::DestinationKind::clickhouse),
                            .p50 = quantile(0.50),
                            .p99 = quantile(0.99),
                            .waiting = clickhouse.waiting};
  shot.rows_per_second = per_second(shot.rows, last_clickhouse_rows_, now - last_);
  last_clickhouse_rows_ = shot.rows;
  return shot;
}

Snapshot Show::take(const Backlog& backlog, const queue::ClickHouseState& clickhouse) {
  const auto now = Clock::now();
  Snapshot shot;
  shot.elapsed = std::chrono::floor<std::chrono::seconds>(now - started_);
  shot.tenants = params_.tenants;
  shot.changes = params_.service.changes().statements();
  shot.rows = applied_rows(queue::DestinationKind::postgres);
  shot.changes_per_second = keep(changes_per_second_, per_second(shot.changes, last_changes_, now - last_));
  shot.rows_per_second = keep(rows_per_second_, per_second(shot.rows, last_rows_, now - last_));
  shot.p50 = params_.service.probes().quantile(0.50, now - kLagWindow);
  shot.p99 = params_.service.probes().quantile(0.99, now - kLagWindow);
  if (clickhouse.used) shot.clickhouse = take_clickhouse(clickhouse, now);
  shot.backlog = backlog.total();
  shot.behind = backlog.behind();
  largest_backlog_ = std::max(largest_backlog_, *std::ranges::max_element(backlog.rows));
  shot.largest_backlog = largest_backlog_;
  for (std::size_t i = 0; i < params_.customers.size(); ++i) {
    const auto& customer = params_.customers[i];
    shot.places.push_back({customer.database, customer.users, backlog.rows[i], params_.service.probes().lag(i)});
  }
  shot.dashboard = params_.dashboard;
  shot.source_psql = params_.source_psql;
  shot.customer_psql = params_.customer_psql;
  last_ = now;
  last_changes_ = shot.changes;
  last_rows_ = shot.rows;
  return shot;
}

}  // namespace tributary::cli::demo
