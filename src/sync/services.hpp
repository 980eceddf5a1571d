#pragma once
#include <atomic>
#include <map>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "base/fair_turnstile.hpp"
#include "sync/destinations.hpp"
#include "sync/engine.hpp"
#include "sync/examined.hpp"
#include "sync/late_writes.hpp"
#include "sync/reader.hpp"
#include "sync/slots.hpp"

namespace tributary::sync {

/// What the syncs of one event loop share. Owned by the engine, touched on its loop only.
struct Services {
  Services(asio::any_io_executor loop, postgres::Pool& pool, source::Installation from, std::vector<mapping::Mapping> mappings,
           Params settings, telemetry::Metrics& counted, std::shared_ptr<destination::clickhouse_target::Writer> clickhouse)
      : kind(clickhouse ? queue::DestinationKind::clickhouse : queue::DestinationKind::postgres),
        executor(loop),
        source(pool),
        installation(from),
        params(settings),
        reader(std::move(mappings), kind),
        destinations(loop, from.id, settings.destination, settings.secrets, std::move(clickhouse)),
        loads(settings.parallel_loads),
        loads_alone(settings.parallel_loads),
        first_answers(loop, settings.connects, settings.connects_of_tenancy),
        first_answers_alone(loop, settings.connects, settings.connects_of_tenancy),
        metrics(counted),
        late_writes(std::make_shared<LateWrites>(std::move(loop), pool)) {}

  using DestinationKey = std::pair<Uuid, std::string>;  ///< tenancy, destination
  using MappingKey = std::tuple<Uuid, std::string, std::string>;  ///< and mapping

  const queue::DestinationKind kind;  ///< of every claim and destination here
  asio::any_io_executor executor;
  postgres::Pool& source;
  const source::Installation installation;
  const Params params;
  Reader reader;
  Destinations destinations;
  Slots loads;
  Slots loads_alone;  ///< of destinations that were slow or failed: they may hold a slot for as long as their deadlines allow
  FairTurnstile first_answers;        ///< of destinations that have not answered yet, by tenancy
  FairTurnstile first_answers_alone;  ///< the same of those that failed: they keep no new one waiting
  telemetry::Metrics& metrics;
  std::mt19937_64 random{std::random_device{}()};

  /// Destinations that outlived their request's patience, or are being tried after a failure: nobody else touches them meanwhile.
  std::set<DestinationKey> busy;
  /// A load met a row that is refused: up to this sequence id, small batches that spare such rows.
  std::map<MappingKey, std::int64_t> sparing_until;
  /// First loads that were begun whole and not read to their end: in order and in batches they come through, however slowly. Tenancy and mapping.
  std::set<std::pair<Uuid, std::string>> not_whole;
  /// How many changes a destination is given at once, where that is not simply Params::load_rows: see sync::rows_at_once().
  std::map<MappingKey, std::int64_t> rows_at_once;
  /// How often in a row nothing was applied as the watermark had been moved by somebody else; mapping "": several at once. See sync::kMostOvertaken.
  std::map<MappingKey, int> overtaken;
  Examined examined;
  const std::shared_ptr<LateWrites> late_writes;
  bool keeping = false;  ///< a coroutine keeps what is in `busy` from being tried by others
  std::atomic<int> left_behind{0};  ///< coroutines that go on without their request. Read from any thread
  bool stopping = false;  ///< no new load begins

  /// Whether destinations refuse what was read before somebody else wrote there.
  bool fences() const { return kind == queue::DestinationKind::postgres; }
  /// Whether a destination can keep others of its tenancy waiting. The shared ClickHouse is the only one of its kind: its requests are for nothing else.
  bool has_company() const { return kind == queue::DestinationKind::postgres; }
  telemetry::Metrics::Labels labels() const { return {{"kind", std::string(queue::to_string(kind))}}; }
  /// "": of several mappings.
  telemetry::Metrics::Labels labels(const std::string& mapping) const {
    auto all = labels();
    all.emplace("mapping", mapping);
    return all;
  }
  /// What a stage took; named as in the metric's help.
  void observe_stage(const char* stage, const std::string& mapping, std::chrono::steady_clock::time_point began) {
    auto all = labels(mapping);
    all.emplace("stage", stage);
    metrics.histogram("tributary_sync_stage_seconds", all).observe(std::chrono::steady_clock::now() - began);
  }
  /// Each series from the start, at zero: Prometheus cannot tell the increase of a counter that it first sees at 1.
  void make_series(std::span<const mapping::Mapping> mappings) {
    metrics.histogram("tributary_lag_seconds", labels());
    for (const auto* stage : {"fetch", "apply"}) {
      auto all = labels("");
      all.emplace("stage", stage);
      metrics.histogram("tributary_sync_stage_seconds", all);
    }
    metrics.counter("tributary_destination_failures_total", labels(""));
    for (const auto& mapping : mappings) {
      if (mapping.columns_for(kind).empty()) continue;
      for (const auto* name : {"tributary_destination_failures_total", "tributary_sync_rows_total",
                               "tributary_sync_batches_total", "tributary_sync_bytes_total"})
        metrics.counter(name, labels(mapping.name));
    }
  }
  /// When its turn comes, however much longer than Params::source_timeout that takes: that is for an answer, and to wait for others is no failure of the source. Of many
  /// that wait for a slow one, each would otherwise give up in the end and begin again, and none get through. Only claims wait, and destinations that are apart from theirs; who
  /// waits may hold one connection, that of a load (Engine::connections_for()), and nothing that others wait for.
  asio::awaitable<postgres::PooledConnection> connect_to_source() { return source.acquire(Deadline::never()); }
  double uniform() { return std::uniform_real_distribution<double>(0, 1)(random); }
};

}  // namespace tributary::sync
