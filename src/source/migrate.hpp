#pragma once
#include <chrono>
#include <functional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/deadline.hpp"
#include "base/uuid.hpp"
#include "mapping/mapping.hpp"
#include "postgres/connection.hpp"

namespace tributary::source {

namespace asio = boost::asio;

/// One idempotent piece of SQL. Concurrent ones (CREATE INDEX CONCURRENTLY) cannot run inside a transaction.
struct Step {
  std::string name;  ///< "0002_capture.sql: marker" or "ProjectUser: flagged index"
  std::string sql;
  std::string done;  ///< boolean SQL expression: whether there is nothing to do. Empty: always run
  bool concurrently = false;
};

/// Steps of the numbered files in migrations/, in order. A line `--; <name> [concurrently]` begins a step.
std::vector<Step> migration_steps();
/// Columns, indexes, functions and triggers that capture the tables of these mappings, generated. Pure.
/// Throws std::invalid_argument where two mappings of one table name different keys, or a dependency does not name a row of the mapped table by
/// its whole key.
std::vector<Step> capture_steps(std::span<const mapping::Mapping> mappings);

struct MigrateOptions {
  std::chrono::milliseconds lock_timeout{200};  ///< per try of a step that locks a table; then it steps back and tries again
  std::chrono::seconds give_up_after{
      300};  ///< for the whole run; a step that failed for want of a lock is not tried again after this
  std::function<void(const Step&)> progress;  ///< before each step that has something to do
};

/// Creates or attaches the source schema and installs capture. Safe to run twice and by two at once (they take turns by
/// pg_try_advisory_lock, polled outside any transaction). No existing table is rewritten or locked for long: a step that cannot have its lock
/// within `lock_timeout` lets those pass who queued behind it and tries again.
/// Throws postgres::Error, std::invalid_argument as capture_steps(), std::runtime_error where the server is too old, the schema of a newer version or the
/// mappings do not fit the tables; what was done by then stays and the next run goes on. Returns early at `stop`.
asio::awaitable<void> migrate(postgres::Connection& connection, std::span<const mapping::Mapping> mappings,
                              MigrateOptions options, std::stop_token stop);

/// SQL that creates a role and grants it what everything but migrate() needs: it reads what the mappings name, gives rows their sequence ids, and keeps
/// Tributary's own tables; it owns nothing, and changes no other column of the application's, unless it is to write the `directory`, too. Pure.
std::string grants_sql(std::span<const mapping::Mapping> mappings, std::string_view role, bool directory);

/// What serve, sync and status need to know of a source, read and checked at start.
struct Installation {
  Uuid id;
  int shards = 0;
};
/// Throws std::runtime_error with what to do ("run `tributary migrate`") where the schema is missing or of another version, capture of a mapping is not
/// installed, a mapping names what the source lacks, global_seq_id is not CACHE 1 NO CYCLE, or the server is older than PostgreSQL 15. Logs a warning for
/// each table of the mappings that a subscription writes: what logical replication deletes leaves no tombstone.
asio::awaitable<Installation> attach(postgres::Connection& connection, std::span<const mapping::Mapping> mappings,
                                     Deadline deadline);

}  // namespace tributary::source
