#pragma once
#include <chrono>
#include <memory>
#include <vector>

#include "base/event.hpp"
#include "mapping/mapping.hpp"
#include "postgres/pool.hpp"
#include "queue/poller.hpp"
#include "sequencer/sequencer.hpp"
#include "settings/settings.hpp"
#include "sync/engine.hpp"
#include "telemetry/metrics.hpp"

namespace tributary::cli {

namespace asio = boost::asio;

/// What a process does. Any number of processes may do either: Postgres is the only coordinator.
struct Roles {
  bool sequencer = true;
  bool sync = true;  ///< poller and engine: a claim is handed over within its process
};

struct ServerParams {
  postgres::ConnectOptions source;
  postgres::PoolSettings source_pool;
  Roles roles;
  int threads = 0;  ///< event loops; 0: one for each core
  sequencer::Params sequencer;
  queue::PollerParams queue;
  sync::Params sync;

  /// Throws postgres::Error where source.url is not a connection string.
  static ServerParams from(const settings::Settings& settings);
};

/// Sequencer, pollers and engines on event loops and threads of their own: `serve`, `sync --once` and the demo.
///
/// Each loop has an engine and pools to itself, the first one also the sequencer and the poller, which hands each claim to the loop that
/// its tenancy always goes to. The sequencer wakes the poller directly; other processes hear of it by NOTIFY.
///
/// Lifetime: `metrics` outlives it; its executor's loop runs until stop() has returned. The destructor cuts off what still runs.
/// Threads: wake() from any, the rest from the loop of `executor`. Errors: start() throws what open_source() and source::attach() throw;
/// afterwards sequencer, poller and engine log their errors and go on.
class Server {
 public:
  Server(asio::any_io_executor executor, ServerParams params, std::vector<mapping::Mapping> mappings,
         telemetry::Metrics& metrics);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Checks the source (source::attach) and starts the loops. REQUIRES: not started.
  asio::awaitable<void> start(Deadline deadline);
  /// Until `stop`, or a loop has ended by a defect (which it has logged). REQUIRES: started.
  asio::awaitable<void> wait(std::stop_token stop);
  /// Begins nothing new, finishes what is in flight, and ends the threads. False where something was cut off at the deadline: whoever
  /// comes next does it again.
  asio::awaitable<bool> stop(Deadline deadline);
  /// There may be something to sequence and to claim.
  void wake();

 private:
  struct Loop;
  asio::awaitable<void> run_loop(Loop& loop);
  asio::awaitable<void> run_poller(Loop& loop);
  asio::awaitable<void> run_engine(Loop& loop);
  queue::Poller& poller();
  void dispatch(queue::Claim claim);

  const ServerParams params_;
  const std::vector<mapping::Mapping> mappings_;
  telemetry::Metrics& metrics_;
  Event ended_;  ///< a loop has ended
  std::stop_source stop_;
  std::atomic<Deadline::Clock::rep> drain_until_;
  std::vector<std::unique_ptr<Loop>> loops_;
};

}  // namespace tributary::cli
