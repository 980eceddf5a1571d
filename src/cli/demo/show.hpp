#pragma once
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <utility>

#include "cli/demo/backlog.hpp"
#include "cli/demo/screen.hpp"
#include "cli/demo/service.hpp"
#include "queue/health.hpp"
#include "queue/queue.hpp"
#include "telemetry/metrics.hpp"

namespace tributary::cli::demo {

/// Makes a Snapshot of everything about once a second. Threads: the demo's loop. Lifetime: what it is given outlives it.
class Show {
 public:
  using Clock = std::chrono::steady_clock;
  struct Params {
    std::size_t tenants;
    std::span<const Customer> customers;
    Service& service;
    std::string dashboard;      ///< address; empty: there is none
    std::string source_psql;    ///< how to look for oneself
    std::string customer_psql;
  };
  explicit Show(Params params);

  /// REQUIRES: time has passed since the last one.
  Snapshot take(const Backlog& backlog, const queue::ClickHouseState& clickhouse);
  /// Rows that the service says it has applied to destinations of this kind.
  std::uint64_t applied_rows(queue::DestinationKind kind) const;

 private:
  Snapshot::ClickHouse take_clickhouse(const queue::ClickHouseState& clickhouse, Clock::time_point now);

  Params params_;
  const Clock::time_point started_ = Clock::now();
  Clock::time_point last_ = started_;
  std::uint64_t last_changes_ = 0;
  std::uint64_t last_rows_ = 0;
  std::uint64_t last_clickhouse_rows_ = 0;
  std::deque<std::pair<Clock::time_point, telemetry::Distribution>> clickhouse_lag_;  ///< as it was at each of the last seconds
  std::int64_t largest_backlog_ = 0;
  std::deque<double> changes_per_second_;
  std::deque<double> rows_per_second_;
};

}  // namespace tributary::cli::demo
