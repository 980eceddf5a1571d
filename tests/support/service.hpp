#pragma once
#include <boost/asio/io_context.hpp>

#include <memory>
#include <optional>
#include <stop_token>
#include <thread>

#include "destination/clickhouse/writer.hpp"
#include "queue/poller.hpp"
#include "sequencer/sequencer.hpp"
#include "support/source.hpp"
#include "sync/engine.hpp"

namespace tributary::test {

/// Of destinations that stand on this machine, as all of the tests' do.
destination::postgres_target::Params test_destinations();

/// Sequencer, poller and engine on one event loop with a thread of its own, as `serve` runs them, but with the times of a test: short
/// leases and retries.
class Service {
 public:
  struct Params {
    sequencer::Params sequencer{};
    queue::PollerParams queue{.lease = std::chrono::milliseconds(3'000),
                              .longest_pause = std::chrono::milliseconds(100),
                              .revive_every = std::chrono::milliseconds(100)};
    sync::Params sync{.patience = std::chrono::milliseconds(200),
                      .apply_timeout = std::chrono::milliseconds(20'000),
                      .retry = {std::chrono::milliseconds(100), std::chrono::milliseconds(1'000)},
                      .destination = test_destinations()};
    bool run_sequencer = true;
    /// Where the shared ClickHouse is. nullopt: there is none.
    std::optional<clickhouse::ConnectOptions> clickhouse;
    destination::clickhouse_target::WriterParams writer{.timeout = std::chrono::milliseconds(20'000),
                                                        .retry = {std::chrono::milliseconds(50), std::chrono::milliseconds(200)}};
  };
  explicit Service(const Database& source);
  Service(const Database& source, Params params);
  ~Service();  ///< stops and waits

  /// Finishes what is in flight. As with `serve`, what still waits for somebody after some seconds is cut off: an application's lock, for one, may be
  /// held by the very thread that calls this.
  void stop();
  telemetry::Metrics& metrics() { return metrics_; }
  /// From now on the shared ClickHouse is there, or nowhere. REQUIRES: it was somewhere from the beginning.
  void connect_clickhouse(std::optional<clickhouse::ConnectOptions> server);

 private:
  /// What brings tenancies to one kind of destination.
  struct Lane {
    Lane(asio::any_io_executor executor, const Database& source);
    postgres::Pool source_pool;
    postgres::Pool queue_pool;
    std::shared_ptr<destination::clickhouse_target::Writer> writer;
    std::optional<sync::Engine> engine;
    std::optional<queue::Poller> poller;
  };
  void start(Lane& lane, queue::DestinationKind kind, const source::Installation& installation);
  asio::awaitable<void> run();

  const Params params_;
  telemetry::Metrics metrics_;
  asio::io_context loop_{1};
  Lane postgres_;
  Lane clickhouse_;
  postgres::Pool sequencer_pool_;
  std::stop_source stop_;
  std::optional<sequencer::Sequencer> sequencer_;
  asio::steady_timer cut_off_{loop_};
  std::exception_ptr failure_;
  std::thread thread_;
};

}  // namespace tributary::test
