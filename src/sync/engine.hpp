#pragma once
#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "base/event.hpp"
#include "base/secrets.hpp"
#include "destination/clickhouse/writer.hpp"
#include "destination/postgres/destination.hpp"
#include "mapping/mapping.hpp"
#include "postgres/pool.hpp"
#include "queue/queue.hpp"
#include "source/migrate.hpp"
#include "telemetry/metrics.hpp"

namespace tributary::sync {

namespace asio = boost::asio;

struct Params {
  int small_rows = 256;  ///< so many changes of a mapping still go in one round trip; more are loaded
  int load_rows = 50'000;  ///< changes of one load, one transaction at the destination
  std::size_t load_chunk_bytes = 256 * 1024;  ///< read and written at once: what a load holds in memory
  std::chrono::milliseconds load_time{2'000};  ///< a load takes no more rows after this, so that it can be stopped and resumed
  int parallel_loads = 2;  ///< per event loop; small batches never wait for loads
  std::size_t connects_of_tenancy = 8;  ///< of its destinations that have not answered yet, so many are connected to at once
  std::size_t connects = 64;            ///< of all of them on an event loop
  /// For so long nobody else tries a destination that is worked on apart from its tenancy's claim; said anew in time while that lasts. Also how soon it is tried
  /// again if this process dies.
  std::chrono::milliseconds lease{15'000};
  std::chrono::milliseconds patience{500};  ///< how long a tenancy's other destinations wait for a slow one, once, at most
  std::chrono::milliseconds source_timeout{30'000};  ///< one read of the source
  std::chrono::milliseconds apply_timeout{60'000};  ///< one batch at a destination, its merge included
  Backoff retry{std::chrono::milliseconds(500), std::chrono::milliseconds(300'000)};
  std::size_t most_refused_rows = 100;  ///< in one small batch; more of them park the whole mapping
  destination::postgres_target::Params destination;
  Secrets secrets;  ///< that open destinations' connection strings
  telemetry::Tracer* tracer = nullptr;  ///< null: nothing is traced
};

/// Reads a tenancy's changes past each watermark once and applies them to each of its destinations of one kind (invariants 3, 4, 6, 8).
///
/// Threads: belongs to one loop, that of `executor` and `pool`; submit() may be called from any. Lifetime: everything given by reference outlives it, and it
/// outlives its loop's run. Errors: never thrown; a destination's is parked in the source, the source's own puts the request back by its lease.
class Engine {
 public:
  /// `pool`: see connections_for(). `clickhouse`: it is the engine of the shared ClickHouse, which writes through this. Null: that of the customers' Postgres.
  Engine(asio::any_io_executor executor, postgres::Pool& pool, source::Installation installation,
         std::vector<mapping::Mapping> mappings, Params params, telemetry::Metrics& metrics,
         std::shared_ptr<destination::clickhouse_target::Writer> clickhouse = nullptr);
  ~Engine();

  /// Run-time parameters its connections to the source need.
  static postgres::ConnectOptions session_settings(postgres::ConnectOptions options);
  /// So many its pool must have at least. Each copy holds one for as long as its rows come, and may wait for another meanwhile; as many run for destinations that failed
  /// before, and small batches wait for neither.
  static std::size_t connections_for(const Params& params) { return 2 * static_cast<std::size_t>(params.parallel_loads) + 2; }

  /// Syncs the claimed tenancy, of the engine's kind, then finishes its request and calls `done` (on this loop).
  void submit(queue::Claim claim, std::function<void()> done);
  /// No load begins from now on, and those under way take no more rows; their tenancies go back into the queue. Any thread.
  void begin_no_more();
  /// Waits until everything submitted is done, destinations that were left behind as slow included, at most until the deadline; then cuts off the rest.
  asio::awaitable<void> drain(Deadline deadline);
  /// Nothing submitted is under way, nor a destination that was left behind or is tried apart from the others. Any thread.
  bool is_idle() const;
  /// Closes destinations that were not used for their idle time. Called now and then by submit() itself.
  void close_idle();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace tributary::sync
