#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "analytics/query.hpp"
#include "api/sync_runner.hpp"
#include "base/quota.hpp"
#include "base/secrets.hpp"
#include "destination/postgres/destination.hpp"
#include "directory/values.hpp"
#include "http/message.hpp"
#include "mapping/clickhouse_sql.hpp"
#include "mapping/mapping.hpp"
#include "postgres/pool.hpp"
#include "telemetry/trace.hpp"

namespace tributary::api {

namespace asio = boost::asio;

/// The shared ClickHouse, for one loop.
struct ClickHouse {
  std::shared_ptr<clickhouse::Client> tenants;        ///< as limited_user
  std::shared_ptr<clickhouse::Client> administrator;
  mapping::clickhouse::Options target;
};

/// What the endpoints of one event loop work with.
struct Context {
  postgres::Pool& source;  ///< connections made with session_settings()
  std::chrono::milliseconds queue_timeout{1'000};  ///< see connect()
  std::span<const mapping::Mapping> mappings;
  SyncRunner& sync;
  Secrets secrets;
  std::string operator_key;  ///< empty: only administrators of the project `internal` are operators
  std::string cron_secret;   ///< the same
  destination::postgres_target::Params destinations;  ///< how they are connected to, and what may be one
  /// The shared ClickHouse as it is now; nullopt: there is none, or it is away.
  std::function<asio::awaitable<std::optional<ClickHouse>>()> clickhouse;
  telemetry::Tracer* tracer = nullptr;  ///< null: nothing is traced
  /// Of analytics queries, by project.
  Quota queries{4, 16};
  /// Of those who ask how far a page of destinations is, by project.
  Quota statuses{2, 16};

  /// A connection to the source. Throws postgres::Error where it cannot be reached, and http::Error where none became free in `queue_timeout`: the longer a request has
  /// waited, the likelier nobody waits for its answer.
  asio::awaitable<postgres::PooledConnection> connect(Deadline deadline);
  /// For an analytics query of the project, kept until its last row. Throws http::Error where the project has as many as it may, analytics::Busy where all together have.
  Quota::Place place_for_query(const std::string& project);
  /// The same for a page of destinations, kept until it was described.
  Quota::Place place_for_status(const std::string& project);
};

/// Run-time parameters of the API's sessions.
postgres::ConnectOptions session_settings(postgres::ConnectOptions options);

/// Whose rows a request is about.
directory::Tenancy tenancy_of(const http::Request& request);

}  // namespace tributary::api
