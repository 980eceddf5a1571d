#include "telemetry/catalog.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

namespace tributary::telemetry {
namespace {

using enum MetricKind;

constexpr auto kCatalog = std::to_array<MetricDescription>({
    {"tributary_behind_seconds", gauge, "seconds", "rank",
     "For how long those have not been up to date whose changes have been on their way for longest, 1 to 10; 0: so many are not "
     "on "
     "their way. Each is a tenancy and a kind of destination, or a destination that was left behind as slow; those that fail are "
     "in "
     "tributary_worst_destination_seconds. `tributary status` names them."},
    {"tributary_clickhouse_engine_starts_total", counter, "starts", "",
     "Starts of the embedded ClickHouse engine; more than one means that it died, or hung and was killed."},
    {"tributary_clickhouse_engine_up", gauge, "0 or 1", "",
     "Whether the embedded ClickHouse engine answers; absent where a server is used."},
    {"tributary_destination_failures_total", counter, "failures", "kind,mapping",
     "Times that a destination (mapping is empty), or one of its mappings, failed and was parked to be tried again."},
    {"tributary_destinations_parked", gauge, "destinations", "kind",
     "Destinations, or mappings of them, that failed and wait for their next try."},
    {"tributary_destinations_paused", gauge, "destinations", "kind",
     "Destinations, or mappings of them, that an operator has paused."},
    {"tributary_flagged_rows", gauge, "rows", "table", "Changed rows that have no new sequence id yet, counted up to 100,000."},
    {"tributary_fusebox_on", gauge, "0 or 1", "switch", "Whether sequencer and poller may work."},
    {"tributary_http_connections", gauge, "connections", "", "Open connections of HTTP clients."},
    {"tributary_http_request_seconds", histogram, "seconds", "method,path", "From a request's head to the end of its answer."},
    {"tributary_http_requests_total", counter, "requests", "method,path,status", "HTTP requests answered, by class of status."},
    {"tributary_lag_seconds", histogram, "seconds", "kind",
     "From the commit that gave a tenancy's changes their ids to their commit in a destination."},
    {"tributary_last_sequence_id", gauge, "id", "", "The sequence id that was given last, by any process."},
    {"tributary_loop_delay_seconds", histogram, "seconds", "",
     "How late a timer of an event loop fires: what every other wake-up waits, too."},
    {"tributary_oldest_failure_seconds", gauge, "seconds", "kind",
     "Since when the destination that failed first has not recovered; 0: none has failed."},
    {"tributary_pool_connections", gauge, "connections", "pool,state,loop",
     "Connections to the source, and those who wait for one."},
    {"tributary_processes", gauge, "processes", "role",
     "Processes with the role sequencer or sync, on whatever machine, as the source knows them by a session of each."},
    {"tributary_quarantined_rows", gauge, "rows", "", "Rows that a destination refused, parked one by one."},
    {"tributary_queue_claims_total", counter, "requests", "", "Requests claimed by this process."},
    {"tributary_queue_errors_total", counter, "errors", "",
     "Times that claiming, renewing or reviving requests failed at the source."},
    {"tributary_queue_looks_total", counter, "statements", "", "Times that the queue was looked at."},
    {"tributary_queue_oldest_seconds", gauge, "seconds", "", "Age of the oldest request that nobody has claimed."},
    {"tributary_queue_requests", gauge, "requests", "state",
     "Requests of all processes: pending, in_flight, or stale (their lease has run out)."},
    {"tributary_queue_revived_total", counter, "requests", "",
     "Requests enqueued anew: their lease had run out, or a retry was due."},
    {"tributary_sequenced_rows_total", counter, "rows", "table", "Rows and tombstones that were given sequence ids."},
    {"tributary_sequenced_tenancies_total", counter, "tenancies", "table", "Tenancies touched, added up over the batches."},
    {"tributary_sequencer_batch_seconds", histogram, "seconds", "table",
     "Duration of a sequencing transaction that touched the table."},
    {"tributary_sequencer_enqueued_total", counter, "requests", "", "Tenancies put into the queue."},
    {"tributary_sequencer_failures_total", counter, "failures", "",
     "Looks and batches of the sequencer that failed at the source."},
    {"tributary_sequencer_looks_total", counter, "statements", "", "Times that the sequencer looked for flagged rows."},
    {"tributary_sequencer_waits_total", counter, "waits", "",
     "Times that the sequencer waited for rows that a transaction kept locked."},
    {"tributary_sequencing_lag_seconds", histogram, "seconds", "",
     "From the application's commit until the change has its id and is queued, where tributary_lag_seconds goes on; of at most "
     "four "
     "rows of each batch and table. Nothing is observed unless the source has track_commit_timestamp = on."},
    {"tributary_spans_dropped_total", counter, "spans", "reason",
     "Spans of traces that are lost: full (too many waited while the collector was slow or away), refused (by it)."},
    {"tributary_spans_exported_total", counter, "spans", "", "Spans of traces that the collector has taken."},
    {"tributary_sync_batches_total", counter, "batches", "kind,mapping", "Batches made durable in a destination."},
    {"tributary_sync_bytes_total", counter, "bytes", "kind,mapping",
     "Size of what was made durable, as read from the source in binary."},
    {"tributary_sync_defects_total", counter, "defects", "", "Exceptions that nothing in the sync engine expects."},
    {"tributary_sync_rows_total", counter, "rows", "kind,mapping", "Rows and tombstones made durable in a destination."},
    {"tributary_sync_seconds", histogram, "seconds", "kind", "From the claim of a request to its end."},
    {"tributary_sync_source_errors_total", counter, "errors", "kind", "Requests left to their lease since the source failed."},
    {"tributary_sync_stage_seconds", histogram, "seconds", "kind,mapping,stage",
     "Duration of a stage: fetch (small batches of all mappings), apply (small batches to a destination), load (commit of a "
     "large "
     "batch). mapping is empty where several went together."},
    {"tributary_worst_destination_seconds", gauge, "seconds", "rank",
     "For how long the destinations have failed that fail for longest, 1 to 10; 0: so many do not fail. `tributary status` names "
     "them."},
});

}  // namespace

std::string_view to_string(MetricKind kind) {
  switch (kind) {
    case counter:
      return "counter";
    case gauge:
      return "gauge";
    case histogram:
      return "histogram";
  }
  return "untyped";
}

std::span<const MetricDescription> metric_catalog() { return kCatalog; }

const MetricDescription* describe(std::string_view name) {
  const auto found = std::ranges::lower_bound(kCatalog, name, {}, &MetricDescription::name);
  return found != kCatalog.end() && found->name == name ? &*found : nullptr;
}

std::string metrics_markdown() {
  std::string text =
      "# Metrics\n\n"
      "`GET /metrics` of a process with the role `api` gives them in Prometheus' text format. Counters and histograms are of "
      "that process, since it started; gauges about "
      "queue,\nfailures, pauses, quarantine, processes and flagged rows are read from the source at each scrape and are the same "
      "in every "
      "process. No label names a tenant or a "
      "destination: who is\nbehind is asked with `tributary status`.\n\n"
      "(Written by `tributary metrics --markdown`; change src/telemetry/catalog.cpp.)\n\n"
      "| metric | kind | unit | labels | what it is |\n| --- | --- | --- | --- | --- |\n";
  for (const auto& metric : kCatalog) {
    fmt::format_to(std::back_inserter(text), "| `{}` | {} | {} | {} | {} |\n", metric.name, to_string(metric.kind), metric.unit,
                   metric.labels, metric.help);
  }
  return text;
}

}  // namespace tributary::telemetry
