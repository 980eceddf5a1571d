#include "destination/postgres/destination.hpp"

#include "destination/postgres/target.hpp"
#include "mapping/sql.hpp"
#include "postgres/transaction.hpp"

namespace tributary::destination::postgres_target {
namespace {

// Not startup options: connection poolers refuse those. A customer's functions and operators cannot stand in for pg_catalog's this way,
// nor can a lock that the customer forgot keep us for longer than a batch may take.
constexpr std::string_view kSession = R"sql(
SET search_path = '';
SET TimeZone = 'UTC';
SET client_min_messages = 'error';
SET lock_timeout = '10s';
SET statement_timeout = '120s';
SET idle_in_transaction_session_timeout = '60s')sql";

constexpr std::string_view kFence = R"sql(
WITH moved AS (
  UPDATE public._stack_sync_metadata AS m
  SET last_synced_sequence_id = v.through,
      complete_until = coalesce('epoch'::timestamptz + v.complete_until * interval '1 microsecond', m.complete_until),
      complete_through = CASE WHEN v.complete_until IS NULL THEN -1 ELSE v.through END,
      loading = false,
      updated_at = now()
  FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[]) AS v (name, after, through, generation, complete_until)
  WHERE m.mapping_name = v.name
    AND m.last_synced_sequence_id = v.after
    AND m.generation = v.generation
    AND m.installation_id = $6
    AND m.tenancy_id = $7
  RETURNING 1
)
SELECT CASE WHEN count(*) = $8 THEN 0 ELSE ('tributary: fenced ' || count(*))::integer END
FROM moved)sql";

constexpr std::string_view kDisown = "DELETE FROM public._stack_sync_metadata WHERE installation_id = $1 AND tenancy_id = $2";

std::array<std::byte, 8> big_endian(std::int64_t value) {
  std::array<std::byte, 8> bytes;
  for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<std::byte>(static_cast<std::uint64_t>(value) >> (56 - 8 * i));
  return bytes;
}

pg::PoolSettings pool_settings(const Params& params) {
  pg::PoolSettings settings;
  settings.max_connections = params.max_connections;
  settings.idle_timeout = params.idle_timeout;
  return settings;
}

}  // namespace

Failure to_failure(const pg::Error& error) {
  Failure failure;
  failure.sqlstate = error.sqlstate();
  failure.message = error.what();
  if (error.may_blame_a_row())
    failure.kind = FailureKind::row;
  else if (error.kind() == pg::ErrorKind::deadline || error.sqlstate() == "57014")  // statement_timeout
    failure.kind = FailureKind::timed_out;
  else
    failure.kind = error.retryable() ? FailureKind::unavailable : FailureKind::refused;
  return failure;
}

bool is_fenced(const pg::Error& error) {
  return error.sqlstate() == "22P02" && error.details().message.find("tributary: fenced") != std::string::npos;
}

pg::Command fence_command(std::span<const Batch* const> batches, const Owner& owner) {
  std::vector<std::string> names;
  std::vector<std::int64_t> after;
  std::vector<std::int64_t> through;
  std::vector<std::int64_t> generations;
  pg::ArrayBuilder complete_until(pg::oid::kInt8, pg::oid::kInt8Array);  // microseconds of 1970, NULL: not known
  for (const auto* batch : batches) {
    names.push_back(batch->changes->mapping->name);
    after.push_back(batch->position.watermark);
    through.push_back(batch->changes->through);
    generations.push_back(batch->position.generation);
    if (const auto until = batch->complete_until())
      complete_until.append(big_endian(until->time_since_epoch().count()));
    else
      complete_until.append(std::nullopt);
  }
  pg::Command command{.sql = kFence, .params = {}, .prepare = true};
  command.params.add_array(std::span<const std::string>(names)).add_array(std::span<const std::int64_t>(after));
  command.params.add_array(std::span<const std::int64_t>(through)).add_array(std::span<const std::int64_t>(generations));
  command.params.add_array(complete_until).add(owner.installation).add(owner.tenancy);
  command.params.add(static_cast<std::int64_t>(batches.size()));
  return command;
}

Position position_after(const Batch& batch) {
  return {.watermark = batch.changes->through,
          .generation = batch.position.generation,
          .complete = batch.complete_until().has_value()};
}

pg::ConnectOptions connect_options(std::string_view connection_string, Uuid tenancy, const Params& params) {
  auto options = pg::parse_guarded(connection_string, params.guard, tenancy.to_string()).with("application_name", "tributary");
  options.connect_timeout = std::min(options.connect_timeout, params.connect_timeout);
  return options;
}

std::unique_ptr<Destination> make_destination(asio::any_io_executor executor, pg::ConnectOptions options, Owner owner,
                                              Params params) {
  return std::make_unique<Target>(std::move(executor), std::move(options), owner, params);
}

Target::Target(asio::any_io_executor executor, pg::ConnectOptions options, Owner owner, Params params)
    : pool_(std::move(executor), std::move(options), pool_settings(params)), owner_(owner) {}

asio::awaitable<pg::PooledConnection> Target::connect(Deadline deadline) {
  auto connection = co_await pool_.acquire(deadline);
  if (!connection.fresh()) co_return connection;
  try {
    co_await connection->execute_script(kSession, deadline);
  } catch (...) {
    connection->close();  // the next loan would not be fresh
    throw;
  }
  co_return connection;
}

asio::awaitable<pg::Connection> open_session(pg::ConnectOptions options, Deadline deadline) {
  auto connection = co_await pg::Connection::open(std::move(options), deadline);
  co_await connection.execute_script(kSession, deadline);
  co_return connection;
}

MappingState& Target::state_of(const mapping::Mapping& mapping) {
  const auto found = mappings_.find(mapping.name);
  if (found != mappings_.end()) return found->second;
  auto& state = mappings_.emplace(mapping.name, MappingState(mapping)).first->second;
  state.delete_arrays = mapping::delete_arrays_sql(mapping);
  state.upsert_arrays = mapping::upsert_arrays_sql(mapping);
  return state;
}

void Target::remember(const mapping::Mapping& mapping, Position position) { state_of(mapping).position = position; }

void Target::forget() {
  for (auto& [name, state] : mappings_) state.position.reset();
}

Outcome Target::failed(const pg::Error& error) {
  forget();
  if (is_fenced(error)) return {.verdict = Verdict::fenced, .failure = {}};
  return {.verdict = Verdict::failed, .failure = to_failure(error)};
}

asio::awaitable<Positions> Target::positions(std::span<const mapping::Mapping* const> mappings, Deadline deadline) {
  Positions known;
  for (const auto* mapping : mappings) {
    const auto& cached = state_of(*mapping).position;
    if (!cached) break;
    known.of_mappings.emplace_back(*cached);
  }
  if (known.of_mappings.size() == mappings.size()) co_return known;
  try {
    auto connection = co_await connect(deadline);
    auto found = co_await establish(*connection, mappings, owner_, deadline);
    for (std::size_t i = 0; i < found.of_mappings.size(); ++i) {
      if (const auto* position = std::get_if<Position>(&found.of_mappings[i])) remember(*mappings[i], *position);
    }
    co_return found;
  } catch (const pg::Error& error) {
    forget();
    Positions none;
    none.failure = to_failure(error);
    if (none.failure->kind == FailureKind::row) none.failure->kind = FailureKind::refused;  // no row was involved
    co_return none;
  }
}

asio::awaitable<Outcome> Target::disown(Uuid tenancy, Deadline deadline) {
  try {
    auto connection = co_await connect(deadline);
    pg::Params params;
    params.add(owner_.installation).add(tenancy);
    co_await connection->execute(kDisown, std::move(params), deadline);
    forget();
    co_return Outcome{};
  } catch (const pg::Error& error) {
    co_return failed(error);
  }
}

void Target::close() {
  forget();
  pool_.close();
}

asio::awaitable<Check> check(pg::ConnectOptions options, Deadline deadline) {
  Check result;
  try {
    auto connection = co_await open_session(std::move(options), deadline);
    const auto answer = co_await connection.execute(
        "SELECT current_setting('server_version'), has_schema_privilege('public', 'CREATE'), pg_is_in_recovery(), "
        "has_database_privilege(current_database(), 'TEMP')",
        deadline);
    result.server_version = answer.get<std::string>(0, 0);
    if (connection.server_version() < 120000)
      result.message = "PostgreSQL 12 or newer is needed";
    else if (answer.get<bool>(0, 2))
      result.message = "this server is a read-only standby: name its primary";
    else if (!answer.get<bool>(0, 1))
      result.message = "this user may not create tables in schema public: GRANT CREATE ON SCHEMA public TO it";
    else if (!answer.get<bool>(0, 3))
      result.message = "this user may not create temporary tables: GRANT TEMPORARY ON DATABASE … TO it";
    else
      result.ok = true;
  } catch (const pg::Error& error) {
    result.message = error.what();
  }
  co_return result;
}

}  // namespace tributary::destination::postgres_target
