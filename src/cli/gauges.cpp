#include "cli/gauges.hpp"

#include "queue/health.hpp"
#include "queue/queue.hpp"
#include "sequencer/flagged.hpp"
#include "source/presence.hpp"

namespace tributary::cli {
namespace {

constexpr std::string_view kStatesSql = R"sql(
SELECT k.kind,
       count(*) FILTER (WHERE s.error <> '' AND NOT s.paused),
       count(*) FILTER (WHERE s.paused),
       coalesce(extract(epoch FROM clock_timestamp() - min(s.failed_since) FILTER (WHERE s.error <> '' AND NOT s.paused)), 0)::float8
FROM (VALUES ('postgres'), ('clickhouse')) AS k (kind)
LEFT JOIN tributary.destination_state AS s ON (s.destination_id = '@clickhouse') = (k.kind = 'clickhouse')
GROUP BY k.kind)sql";

constexpr std::int64_t kMostWorst = 10;

// As many rows as are asked for, whatever there is. The shared ClickHouse is one destination, however many tenancies wait for it.
constexpr std::string_view kWorstSql = R"sql(
SELECT coalesce(extract(epoch FROM clock_timestamp() - w.since), 0)::float8
FROM generate_series(1, $1) AS r (rank)
LEFT JOIN (
  SELECT min(failed_since) AS since, row_number() OVER (ORDER BY min(failed_since)) AS rank
  FROM tributary.destination_state
  WHERE error <> '' AND NOT paused
  GROUP BY CASE destination_id WHEN '@clickhouse' THEN NULL ELSE tenancy_id END, destination_id
) AS w ON w.rank = r.rank
ORDER BY r.rank)sql";

asio::awaitable<void> read_worst(postgres::Connection& source, telemetry::Metrics& metrics, Deadline deadline) {
  postgres::Params params;
  params.add(kMostWorst);
  const auto result = co_await source.execute_prepared(kWorstSql, std::move(params), deadline);
  for (std::size_t row = 0; row < result.rows(); ++row)
    metrics.gauge("tributary_worst_destination_seconds", {{"rank", std::to_string(row + 1)}}).set(result.get<double>(row, 0));
}

asio::awaitable<void> read_behind(postgres::Connection& source, telemetry::Metrics& metrics, Deadline deadline) {
  const auto behind = co_await queue::read_behind(source, std::nullopt, kMostWorst, deadline);
  for (std::size_t i = 0; i < static_cast<std::size_t>(kMostWorst); ++i) {
    const auto age = i < behind.size() ? behind[i].age : std::chrono::milliseconds(0);
    metrics.gauge("tributary_behind_seconds", {{"rank", std::to_string(i + 1)}}).set(std::chrono::duration<double>(age).count());
  }
}

asio::awaitable<void> read_states(postgres::Connection& source, telemetry::Metrics& metrics, Deadline deadline) {
  const auto result = co_await source.execute_prepared(kStatesSql, {}, deadline);
  for (std::size_t row = 0; row < result.rows(); ++row) {
    const telemetry::Metrics::Labels labels{{"kind", result.get<std::string>(row, 0)}};
    metrics.gauge("tributary_destinations_parked", labels).set(static_cast<double>(result.get<std::int64_t>(row, 1)));
    metrics.gauge("tributary_destinations_paused", labels).set(static_cast<double>(result.get<std::int64_t>(row, 2)));
    metrics.gauge("tributary_oldest_failure_seconds", labels).set(result.get<double>(row, 3));
  }
}

asio::awaitable<void> read_queue(postgres::Connection& source, telemetry::Metrics& metrics, Deadline deadline) {
  const auto counts = co_await queue::counts(source, deadline);
  const auto requests = [&](const char* state, std::int64_t count) {
    metrics.gauge("tributary_queue_requests", {{"state", state}}).set(static_cast<double>(count));
  };
  requests("pending", counts.pending);
  requests("in_flight", counts.in_flight - counts.stale);
  requests("stale", counts.stale);
  metrics.gauge("tributary_queue_oldest_seconds").set(counts.oldest ? std::chrono::duration<double>(*counts.oldest).count() : 0);
  metrics.gauge("tributary_quarantined_rows").set(static_cast<double>(counts.quarantined));
}

}  // namespace

asio::awaitable<void> read_gauges(postgres::Connection& source, std::span<const mapping::Mapping> mappings,
                                  telemetry::Metrics& metrics, Deadline deadline) {
  // First what costs nothing: of what counts rows, a large backlog may leave the rest as it was.
  const auto processes = co_await source::read_presence(source, deadline);
  metrics.gauge("tributary_processes", {{"role", "sequencer"}}).set(static_cast<double>(processes.sequencer));
  metrics.gauge("tributary_processes", {{"role", "sync"}}).set(static_cast<double>(processes.sync));
  const auto fusebox = co_await queue::read_fusebox(source, deadline);
  metrics.gauge("tributary_fusebox_on", {{"switch", "sequencer"}}).set(fusebox.sequencer ? 1 : 0);
  metrics.gauge("tributary_fusebox_on", {{"switch", "poller"}}).set(fusebox.poller ? 1 : 0);
  metrics.gauge("tributary_last_sequence_id").set(static_cast<double>(co_await sequencer::last_id(source, deadline)));
  for (const auto& [table, flagged] : co_await sequencer::count_flagged(source, mappings, std::nullopt, deadline))
    metrics.gauge("tributary_flagged_rows", {{"table", table}}).set(static_cast<double>(flagged));
  co_await read_behind(source, metrics, deadline);
  co_await read_states(source, metrics, deadline);
  co_await read_worst(source, metrics, deadline);
  co_await read_queue(source, metrics, deadline);
}

}  // namespace tributary::cli
