#pragma once
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <variant>

#include "base/backoff.hpp"
#include "clickhouse/options.hpp"
#include "destination/clickhouse/insertion.hpp"
#include "destination/clickhouse/rows.hpp"
#include "destination/destination.hpp"
#include "mapping/clickhouse_sql.hpp"

namespace tributary::destination::clickhouse_target {

struct WriterParams {
  mapping::clickhouse::Options schema;  ///< cluster, definer, and whose installation this is
  /// Makes tables that are missing and checks those that are there. False: that is done elsewhere, as for the embedded engine, which lets nobody do so
  /// once tenants are served.
  bool creates = true;
  std::size_t flush_bytes = std::size_t{4} << 20U;  ///< what waits is sent once it is so large, …
  std::chrono::milliseconds flush_age{4};  ///< … or has waited for so long, …
  std::chrono::milliseconds flush_pause{0};  ///< … and what went before is there for so long
  std::size_t crowd =
      64;  ///< more tenancies than that on their way are a backlog: what waits does so for up to twice the pause more, to go with them
  std::size_t load_bytes = std::size_t{16} << 20U;  ///< of a part that a load makes: the server collects so much
  std::string hash_key;  ///< of columns that are to be hashed; empty: there is none, and mappings with such columns are refused
  std::size_t max_connections = 8;
  std::chrono::milliseconds timeout{30'000};  ///< of one insert, and one look at the positions
  Backoff retry{std::chrono::milliseconds(250), std::chrono::milliseconds(30'000)};  ///< of the circuit breaker
};

/// Writes many tenancies' rows into the shared ClickHouse: what arrives within a few milliseconds goes into one insert per table, and once all of these
/// are acknowledged, every watermark into one more. So the number of parts follows time, not the number of tenancies: what comes after a pause goes at once,
/// steady traffic a few times a second, a backlog of many tenancies once or twice.
///
/// While one such round is under way the next one collects. Memory: two rounds of at most `flush_bytes` and one batch each, and their bytes on the wire;
/// whoever finds a round full waits. One table's failure fails those who wrote to it, with one and the same Failure; the server's fails everybody, and then
/// a circuit breaker answers for it at once until a probe succeeds.
///
/// Lifetime: what is under way may outlive it. Threads: one event loop. Errors: none are thrown for what the server does.
class Writer {
 public:
  /// `mappings` are all that are ever written. `server`: see connect().
  Writer(asio::any_io_executor executor, std::optional<clickhouse::ConnectOptions> server,
         std::span<const mapping::Mapping> mappings, WriterParams params);
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  /// Where the server is from now on; nullopt: nowhere, for a while. What is under way with the one before fails. Connects when first used. Throws
  /// clickhouse::Error{usage} of options that make no sense.
  void connect(std::optional<clickhouse::ConnectOptions> server);

  struct Look {
    std::optional<Failure> failure;
    std::string store;  ///< store_id() of what is there, where it did not fail
  };
  /// Asks the server, whatever the circuit breaker says, and makes what is missing of the schema: the probe of whoever waits for its return.
  asio::awaitable<Look> look(Deadline deadline);
  /// Until something failed or connect() was called, since the last look() began, and beside its own failure; or the deadline, or `stop`. One waiter at a time.
  asio::awaitable<void> wait_for_news(Deadline deadline, std::stop_token stop);

  /// Where a tenancy stands, asked anew each time: other processes write too. Those that ask at the same time are answered by one query.
  asio::awaitable<Positions> positions(Uuid tenancy, std::span<const mapping::Mapping* const> mappings, Deadline deadline);
  /// See Destination::newest(). Asks the server each time.
  asio::awaitable<Destination::Newest> newest(const Tenant& tenant, std::span<const mapping::Mapping* const> mappings,
                                              std::int64_t bound, Deadline deadline);
  /// Rows of a tenancy are on their way, until what this returns is gone.
  [[nodiscard]] std::shared_ptr<void> announce();
  /// Rows and watermarks of these batches; returns once both are acknowledged.
  asio::awaitable<Outcome> write(const Tenant& tenant, std::span<const Batch* const> batches, Deadline deadline);

  // ---- for loads, which fill blocks of their own ------------------------------------------------------------------------------------

  const RowShape& shape_of(const mapping::Mapping& mapping) const;
  /// nullopt: the server has acknowledged the rows.
  asio::awaitable<std::optional<Failure>> insert(const mapping::Mapping& mapping, const clickhouse::Block& rows,
                                                 Deadline deadline);
  /// The same for rows that come one block after another.
  std::variant<std::unique_ptr<Insertion>, Failure> begin_insert(const mapping::Mapping& mapping);
  struct Watermark {
    Uuid tenancy;
    const mapping::Mapping* mapping = nullptr;
    std::int64_t generation = 0;
    std::int64_t through = -1;
    std::optional<postgres::Timestamp> complete_until;
  };
  /// REQUIRES: all rows up to there were acknowledged.
  asio::awaitable<Outcome> move(Watermark watermark, Deadline deadline);

  /// See the function of the same name. nullopt: done.
  asio::awaitable<std::optional<Failure>> clean_up(std::chrono::milliseconds kept, Deadline deadline);

  /// For good: ends what is under way with a Failure.
  void close();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace tributary::destination::clickhouse_target
