#pragma once
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "base/event.hpp"
#include "cli/api.hpp"
#include "cli/tracing.hpp"
#include "clickhouse/embedded/supervisor.hpp"
#include "destination/clickhouse/writer.hpp"
#include "mapping/mapping.hpp"
#include "postgres/pool.hpp"
#include "queue/poller.hpp"
#include "sequencer/sequencer.hpp"
#include "settings/settings.hpp"
#include "sync/engine.hpp"
#include "telemetry/metrics.hpp"
#include "verify/mender.hpp"

namespace tributary::cli {

namespace asio = boost::asio;

/// What a process does. Any number of processes may do either: Postgres is the only coordinator.
struct Roles {
  bool sequencer = true;
  bool sync = true;  ///< poller and engine: a claim is handed over within its process
  bool api = false;  ///< answers over HTTP. Off unless asked for: it takes a port
};

/// Where the shared ClickHouse is, and how it is written.
struct ClickHouseParams {
  /// nullopt: the embedded engine, which is started.
  std::optional<clickhouse::ConnectOptions> server;
  std::filesystem::path folder;  ///< of the embedded engine
  settings::Bytes memory;        ///< that it may take
  telemetry::Level log = telemetry::Level::info;  ///< what it tells
  int max_claims = 2'000;
  int load_rows = 1'000'000;
  std::chrono::milliseconds clean_up_every{0};  ///< 0: never
  std::chrono::milliseconds keep_deleted{std::chrono::hours(24)};
  destination::clickhouse_target::WriterParams writer;
};

struct ServerParams {
  postgres::ConnectOptions source;
  postgres::PoolSettings source_pool;
  Roles roles;
  int threads = 0;  ///< event loops; 0: one for each core
  sequencer::Params sequencer;
  queue::PollerParams queue;
  sync::Params sync;
  verify::CollectionParams collection;
  std::optional<ClickHouseParams> clickhouse;  ///< nullopt: there is none
  std::optional<ApiParams> api;                ///< nullopt: nothing listens
  std::optional<Tracing::Params> tracing;      ///< nullopt: nothing is traced

  /// Throws postgres::Error where source.url is not a connection string, Failure where clickhouse.url, http.listen or telemetry.otlp_endpoint is not what it
  /// should be.
  static ServerParams from(const settings::Settings& settings);
};

/// Sequencer, pollers, engines and API on event loops and threads of their own: `serve`, `sync --once` and the demo.
///
/// Each loop has an engine and pools for the customers' databases to itself; the first one also the sequencer and the poller, which hands each claim to the
/// loop that its tenancy always goes to. The shared ClickHouse's poller, engine and only writer are on the last one. The sequencer wakes the pollers directly; other processes hear of it by NOTIFY. The embedded
/// ClickHouse engine is a child of this process; until it is there, and whenever it is not, only what is meant for it waits.
///
/// Lifetime: `metrics` outlives it; its executor's loop runs until stop() has returned. The destructor cuts off what still runs.
/// Threads: wake() and clickhouse_is_known() from any, the rest from the loop of `executor`. Errors: start() throws what open_source() and source::attach() throw;
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
  /// Begins nothing new, finishes what is in flight, ends the threads, and delivers the last spans. False where something was cut off at the deadline: whoever
  /// comes next does it again.
  asio::awaitable<bool> stop(Deadline deadline);
  /// There may be something to sequence and to claim.
  void wake();
  /// There is no ClickHouse, or it was reached and whatever it lacks is in the queue.
  bool clickhouse_is_known() const { return clickhouse_is_known_; }
  /// Nothing is being synchronised. REQUIRES: started.
  bool is_idle() const;
  /// Where it answers over HTTP; nullopt: nowhere. REQUIRES: started.
  std::optional<asio::ip::tcp::endpoint> api_address() const { return api_address_; }
  /// Where the embedded ClickHouse engine is; nullopt: nowhere now, or there is none.
  std::optional<clickhouse::embedded::ReadyLine> clickhouse_host() const;

 private:
  struct Lane;
  struct Loop;
  struct Engine;
  void add_loop(const source::Installation& installation, bool is_first, bool is_last);
  void add_lane(Loop& loop, queue::DestinationKind kind, const source::Installation& installation, bool with_poller);
  /// The one that claims what is for such destinations.
  Lane& lane_of_poller(queue::DestinationKind kind);
  std::shared_ptr<destination::clickhouse_target::Writer> make_writer(asio::any_io_executor executor,
                                                                      const source::Installation& installation) const;
  void start_api(const source::Installation& installation);
  asio::awaitable<std::optional<ClickHouseAccess>> find_clickhouse();  ///< any loop
  void start_engine(const source::Installation& installation);
  void point_writer_at(const std::optional<clickhouse::embedded::ReadyLine>& host);
  asio::awaitable<void> run_loop(Loop& loop);
  verify::MenderParams mender_params() const;
  asio::awaitable<void> run_poller(Lane& lane);
  asio::awaitable<void> watch(Loop& loop);
  asio::awaitable<void> run_engine(Lane& lane);
  Deadline drain_deadline() const;  ///< any loop
  void know_clickhouse();  ///< any loop
  void wake_pollers();
  void dispatch(queue::Claim claim);

  const asio::any_io_executor executor_;
  const std::unique_ptr<Tracing> tracing_;  ///< null: nothing is traced
  const ServerParams params_;
  const std::vector<mapping::Mapping> mappings_;
  source::Installation installation_;
  std::optional<asio::ip::tcp::endpoint> api_address_;
  telemetry::Metrics& metrics_;
  Event ended_;  ///< a loop has ended
  std::stop_source stop_;
  std::atomic<Deadline::Clock::rep> drain_until_;
  std::atomic<bool> clickhouse_is_known_;
  std::vector<std::unique_ptr<Loop>> loops_;
  std::shared_ptr<Engine> engine_;  ///< the embedded ClickHouse engine, on the executor's loop; null: none
};

}  // namespace tributary::cli
