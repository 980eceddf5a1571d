#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "analytics/query.hpp"
#include "api/sync_runner.hpp"
#include "base/secrets.hpp"
#include "destination/postgres/destination.hpp"
#include "directory/values.hpp"
#include "http/message.hpp"
#include "mapping/clickhouse_sql.hpp"
#include "mapping/mapping.hpp"
#include "postgres/pool.hpp"

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
  std::span<const mapping::Mapping> mappings;
  SyncRunner& sync;
  Secrets secrets;
  std::string operator_key;  ///< empty: only administrators of the project `internal` are operators
  std::string cron_secret;   ///< the same
  destination::postgres_target::Params destinations;  ///< how they are connected to, and what may be one
  /// The shared ClickHouse as it is now; nullopt: there is none, or it is away.
  std::function<asio::awaitable<std::optional<ClickHouse>>()> clickhouse;
};

/// Run-time parameters of the API's sessions.
postgres::ConnectOptions session_settings(postgres::ConnectOptions options);

/// Whose rows a request is about.
directory::Tenancy tenancy_of(const http::Request& request);

}  // namespace tributary::api
