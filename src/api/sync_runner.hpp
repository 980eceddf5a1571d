#pragma once
#include <chrono>
#include <memory>
#include <optional>
#include <vector>

#include "destination/clickhouse/writer.hpp"
#include "postgres/pool.hpp"
#include "queue/poller.hpp"
#include "sequencer/sequencer.hpp"
#include "source/migrate.hpp"
#include "sync/engine.hpp"
#include "sync/slots.hpp"

namespace tributary::api {

namespace asio = boost::asio;

/// Runs the stages of the synchronisation when somebody asks, beside those that `serve` keeps running, or instead of them.
///
/// Threads: one loop, that of `executor`. Lifetime: everything that was begun ends with the loop; whoever waits may go earlier.
class SyncRunner {
 public:
  struct Params {
    postgres::ConnectOptions source;
    std::vector<mapping::Mapping> mappings;
    sequencer::Params sequencer;
    queue::PollerParams queue;
    sync::Params sync;
    /// Writes the shared ClickHouse; null: nobody here does.
    std::shared_ptr<destination::clickhouse_target::Writer> clickhouse;
  };
  SyncRunner(asio::any_io_executor executor, Params params, source::Installation installation, telemetry::Metrics& metrics);
  ~SyncRunner();

  /// Gives ids for so long. Returns how many passes that were.
  asio::awaitable<std::uint64_t> sequence(std::chrono::milliseconds duration);
  /// Claims tenancies and syncs them for so long, and finishes what it claimed. Returns how many.
  asio::awaitable<std::uint64_t> poll(std::chrono::milliseconds duration);
  /// Syncs one tenancy with all its destinations, unless somebody is at it already. One that is not there any more is done with.
  asio::awaitable<void> sync(Uuid tenancy, Deadline deadline);

 private:
  struct Lane;
  asio::awaitable<std::uint64_t> poll(Lane& lane, std::chrono::milliseconds duration);
  asio::awaitable<void> sync(Lane& lane, Uuid tenancy, Deadline deadline);

  const asio::any_io_executor executor_;
  const Params params_;
  telemetry::Metrics& metrics_;
  postgres::Pool sequencer_pool_;
  sequencer::Sequencer sequencer_;
  sync::Slots one_sequencer_{1};  ///< whose passes are one after the other
  std::vector<std::unique_ptr<Lane>> lanes_;
};

}  // namespace tributary::api
