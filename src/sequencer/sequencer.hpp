#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "mapping/mapping.hpp"
#include "postgres/pool.hpp"
#include "source/migrate.hpp"
#include "telemetry/metrics.hpp"
#include "telemetry/trace.hpp"

namespace tributary::sequencer {

namespace asio = boost::asio;

struct Params {
  int rows_per_batch =
      2'000;  ///< rows of one table numbered in one transaction, at least 1. More of them make others of the shard wait longer
  int rows_per_tenancy = 1'000;  ///< of these, at most so many of one tenancy while others wait, at least 1
  int parallel_shards = 2;  ///< sequencing transactions at once in this process, at least 1
  std::chrono::milliseconds longest_pause{250};  ///< between looks while nothing is announced
  int passes_before_waiting = 8;  ///< a tenancy whose row was skipped as locked so often has that row waited for
  std::chrono::milliseconds lock_timeout{250};  ///< how long it is waited for
  telemetry::Tracer* tracer = nullptr;  ///< null: nothing is traced
};

/// What one look round the shards did.
struct Pass {
  std::uint64_t rows = 0;  ///< rows and tombstones numbered
  std::uint64_t tenancies = 0;  ///< tenancies enqueued
  bool more = false;  ///< something flagged is left (a full batch, a locked row, a shard that another process holds)
};

/// Gives flagged rows and tombstones their sequence ids and enqueues their tenancies (invariants 1 and 2).
///
/// Any number of processes may run one: a shard is worked on by whoever holds its advisory transaction lock, so a
/// dead process hands over by dying.
/// Lifetime: `pool` and `metrics` outlive it; it outlives its loop's run. Threads: one loop, the pool's; run() and pass() not at once.
/// Cancellation: by `stop`; batches in flight are finished. Errors: run() logs, counts and goes on after a backoff; pass() throws postgres::Error.
class Sequencer {
 public:
  /// `pool`: connections made with session_settings(), at least parallel_shards + 1 so that looking goes on during long batches;
  /// `sequenced`: called after each commit with the number of tenancies enqueued.
  Sequencer(postgres::Pool& pool, source::Installation installation, std::vector<mapping::Mapping> mappings, Params params,
            telemetry::Metrics& metrics, std::function<void(std::uint64_t tenancies)> sequenced);
  ~Sequencer();
  Sequencer(const Sequencer&) = delete;
  Sequencer& operator=(const Sequencer&) = delete;

  /// Run-time parameters its connections need: synchronous_commit = on, and the planner settings that keep the plan an index scan.
  static postgres::ConnectOptions session_settings(postgres::ConnectOptions options);

  /// Until `stop`: numbers what is flagged, announces sleep, wakes at `tributary_change` (its own Listener) or by growing pauses.
  asio::awaitable<void> run(std::stop_token stop);
  /// One look round all shards. Honours the fusebox ("ExternalDbSyncMetadata"."sequencerEnabled").
  asio::awaitable<Pass> pass(std::stop_token stop);
  /// As if notified. Any thread.
  void wake();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tributary::sequencer
