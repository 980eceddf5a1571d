#include "queue/queue.hpp"

#include <boost/json.hpp>

namespace tributary::queue {
namespace {

namespace json = boost::json;

// A body that somebody else wrote need not hold a uuid: the cast must not fail the claim of all others.
constexpr std::string_view kTenancyOfRequest = R"sql(coalesce(r."tenancyId",
    CASE WHEN r."qstashOptions"->'body'->>'tenancyId' ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
         THEN (r."qstashOptions"->'body'->>'tenancyId')::uuid END))sql";

// Everything the engine needs of claimed requests. A statement of its own, in the round trip and transaction of the claim but with a newer snapshot: the claim follows a
// request to the version that another transaction has just committed, and must not miss what that transaction enqueued it for.
// Only three texts of a destination's entry are taken: what else a customer's configuration holds, however deeply nested, is not parsed here.
// A request whose tenancy is in flight under a living lease stays where it is; it is found again when that one is finished.
constexpr std::string_view kClaimedTemplate = R"sql(
SELECT c.id, c.tenancy_id,
       coalesce(t."projectId", d."projectId", '') AS project_id,
       coalesce(t."branchId", d."branchId", '') AS branch_id,
       t.id IS NOT NULL AS tenancy_exists,
       t.id IS NULL AND d."tenancyId" IS NOT NULL AS tenancy_deleted,
       (SELECT coalesce(jsonb_object_agg(e.key, jsonb_build_object('type', e.value->>'type', 'connectionString', e.value->>'connectionString')), '{{}}')
        FROM jsonb_each(CASE WHEN t.id IS NOT NULL THEN tributary.destinations(t."projectId", t."branchId") ELSE d.destinations END) AS e
        WHERE jsonb_typeof(e.value) = 'object') AS destinations,
       (SELECT coalesce(jsonb_agg(to_jsonb(s)), '[]') FROM (
          SELECT destination_id, mapping, attempts, paused, next_try_at <= clock_timestamp() AS due, 0 AS quarantined, false AS quarantine_due
          FROM tributary.destination_state WHERE tenancy_id = c.tenancy_id
          UNION ALL
          SELECT destination_id, mapping, 0, false, true, count(*)::integer, bool_or(next_try_at <= clock_timestamp())
          FROM tributary.quarantine WHERE tenancy_id = c.tenancy_id GROUP BY destination_id, mapping
        ) AS s) AS states,
       coalesce(d."deletedAt"::text, '') AS deleted_at
FROM (SELECT r.id, {} AS tenancy_id FROM "OutgoingRequest" AS r WHERE r."leaseToken" = $1 AND r."startedFulfillingAt" IS NOT NULL) AS c
LEFT JOIN "Tenancy" AS t ON t.id = c.tenancy_id AND t."hasNoOrganization" = 'TRUE'
LEFT JOIN tributary.deleted_tenancy AS d ON d."tenancyId" = c.tenancy_id)sql";
const std::string kClaimed = fmt::format(kClaimedTemplate, kTenancyOfRequest);

constexpr std::string_view kClaim = R"sql(
UPDATE "OutgoingRequest" AS r
SET "startedFulfillingAt" = clock_timestamp() AT TIME ZONE 'UTC',
    "leaseToken" = $1,
    "leaseUntil" = clock_timestamp() + $2 * interval '1 millisecond'
FROM (
  SELECT p.id
  FROM "OutgoingRequest" AS p
  WHERE p."startedFulfillingAt" IS NULL
    AND p."deduplicationKey" LIKE 'sync:%'
    AND NOT EXISTS (
      SELECT FROM "OutgoingRequest" AS f
      WHERE f."deduplicationKey" = p."deduplicationKey"
        AND f."startedFulfillingAt" IS NOT NULL
        AND f."leaseUntil" > clock_timestamp())
    AND (SELECT coalesce(bool_and("pollerEnabled"), true) FROM "ExternalDbSyncMetadata")
  ORDER BY p."createdAt"
  LIMIT $3
  FOR UPDATE OF p SKIP LOCKED
) AS oldest
WHERE r.id = oldest.id)sql";

constexpr std::string_view kRenew = R"sql(
UPDATE "OutgoingRequest"
SET "leaseUntil" = clock_timestamp() + $2 * interval '1 millisecond'
WHERE id = ANY ($1))sql";

constexpr std::string_view kFinish = R"sql(
WITH finished AS (
  DELETE FROM "OutgoingRequest" WHERE id = $1 AND "leaseToken" = $2
)
SELECT tributary.enqueue(ARRAY[$4]), pg_notify('tributary_queue', '')::text WHERE $3)sql";

// A stale request is deleted and its tenancy enqueued anew: setting it back to pending would violate the partial unique key where a newer one
// is pending already. Requests in flight without a lease are of a process that knows no leases: they are given one lease's time.
constexpr std::string_view kRevive = R"sql(
WITH stale AS (
  DELETE FROM "OutgoingRequest" AS r
  WHERE r."startedFulfillingAt" IS NOT NULL
    AND r."deduplicationKey" LIKE 'sync:%'
    AND coalesce(r."leaseUntil", r."startedFulfillingAt" AT TIME ZONE 'UTC' + $1 * interval '1 millisecond') < clock_timestamp()
  RETURNING {} AS tenancy_id
), due AS (
  SELECT tenancy_id FROM tributary.destination_state
  WHERE next_try_at <= clock_timestamp() AND next_try_at IS NOT NULL AND NOT paused
  UNION
  SELECT q.tenancy_id FROM tributary.quarantine AS q
  WHERE q.next_try_at <= clock_timestamp()
    AND NOT EXISTS (
      SELECT FROM tributary.destination_state AS s
      WHERE s.tenancy_id = q.tenancy_id AND s.destination_id = q.destination_id AND s.mapping IN ('', q.mapping)
        AND (s.paused OR s.next_try_at > clock_timestamp()))
)
SELECT coalesce(tributary.enqueue(array_agg(tenancy_id)), 0)
FROM (
  SELECT tenancy_id FROM stale WHERE tenancy_id IS NOT NULL
  UNION
  SELECT tenancy_id FROM due AS d
  WHERE NOT EXISTS (
    SELECT FROM "OutgoingRequest" AS q WHERE q."deduplicationKey" = 'sync:' || d.tenancy_id)
) AS tenancies)sql";
const std::string kReviveText = fmt::format(kRevive, kTenancyOfRequest);

constexpr std::string_view kCounts = R"sql(
SELECT (SELECT count(*) FROM "OutgoingRequest" WHERE "startedFulfillingAt" IS NULL),
       (SELECT count(*) FROM "OutgoingRequest" WHERE "startedFulfillingAt" IS NOT NULL),
       (SELECT count(*) FROM "OutgoingRequest" WHERE "startedFulfillingAt" IS NOT NULL AND "leaseUntil" < clock_timestamp()),
       (SELECT count(*) FROM tributary.destination_state WHERE error <> ''),
       (SELECT count(*) FROM tributary.quarantine),
       (SELECT (extract(epoch FROM clock_timestamp() AT TIME ZONE 'UTC' - min("createdAt")) * 1000)::bigint
        FROM "OutgoingRequest" WHERE "startedFulfillingAt" IS NULL))sql";

constexpr std::string_view kPark = R"sql(
INSERT INTO tributary.destination_state AS s (tenancy_id, destination_id, mapping, attempts, next_try_at, sqlstate, error)
VALUES ($1, $2, $3, $4, clock_timestamp() + $5 * interval '1 millisecond', $6, $7)
ON CONFLICT (tenancy_id, destination_id, mapping) DO UPDATE
SET attempts = EXCLUDED.attempts,
    next_try_at = EXCLUDED.next_try_at,
    sqlstate = EXCLUDED.sqlstate,
    error = EXCLUDED.error,
    failed_since = CASE WHEN s.error = '' THEN now() ELSE s.failed_since END,
    updated_at = now())sql";

constexpr std::string_view kUnpark = R"sql(
DELETE FROM tributary.destination_state
WHERE tenancy_id = $1 AND destination_id = $2 AND mapping = ANY ($3) AND NOT paused)sql";

constexpr std::string_view kPostpone = R"sql(
WITH postponed AS (
  UPDATE tributary.destination_state
  SET next_try_at = clock_timestamp() + $3 * interval '1 millisecond'
  WHERE tenancy_id = $1 AND destination_id = $2 AND mapping <> '' AND next_try_at <= clock_timestamp()
)
INSERT INTO tributary.destination_state (tenancy_id, destination_id, mapping, next_try_at)
VALUES ($1, $2, '', clock_timestamp() + $3 * interval '1 millisecond')
ON CONFLICT (tenancy_id, destination_id, mapping) DO UPDATE
SET next_try_at = EXCLUDED.next_try_at
WHERE $4 OR destination_state.error = '')sql";

constexpr std::string_view kKeepPostponed = R"sql(
UPDATE tributary.destination_state
SET next_try_at = clock_timestamp() + $3 * interval '1 millisecond'
WHERE tenancy_id = $1 AND destination_id = $2 AND mapping = '' AND next_try_at > clock_timestamp())sql";

constexpr std::string_view kResume = R"sql(
WITH resumed AS (
  DELETE FROM tributary.destination_state WHERE tenancy_id = $1 AND destination_id = $2 AND mapping = '' AND NOT paused
)
SELECT tributary.enqueue(ARRAY[$1]), pg_notify('tributary_queue', '')::text)sql";

// Of a mapping that this process does not know, perhaps as it is older than others: looked at again in an hour.
constexpr std::string_view kSetMappingAside = R"sql(
WITH states AS (
  UPDATE tributary.destination_state SET next_try_at = clock_timestamp() + interval '1 hour'
  WHERE tenancy_id = $1 AND destination_id = $2 AND mapping = $3
)
UPDATE tributary.quarantine SET next_try_at = clock_timestamp() + interval '1 hour'
WHERE tenancy_id = $1 AND destination_id = $2 AND mapping = $3)sql";

constexpr std::string_view kForgetDestination = R"sql(
WITH states AS (
  DELETE FROM tributary.destination_state WHERE tenancy_id = $1 AND destination_id = $2
)
DELETE FROM tributary.quarantine WHERE tenancy_id = $1 AND destination_id = $2)sql";

constexpr std::string_view kLeaveDestinations = R"sql(
UPDATE tributary.deleted_tenancy
SET destinations = destinations - $3
WHERE "tenancyId" = $1 AND "deletedAt" = $2::text::timestamptz)sql";

constexpr std::string_view kForgetDeletedTenancy = R"sql(
DELETE FROM tributary.deleted_tenancy
WHERE "tenancyId" = $1 AND destinations = '{}')sql";

constexpr std::string_view kQuarantine = R"sql(
INSERT INTO tributary.quarantine AS q (tenancy_id, destination_id, mapping, key, next_try_at, sqlstate, error)
SELECT $1, $2, $3, r.key::jsonb, clock_timestamp() + $6 * interval '1 millisecond' * (0.5 + random() / 2), r.sqlstate, r.error
FROM (
  SELECT DISTINCT ON (key::jsonb) * FROM unnest($4::text[], $5::text[], $7::text[]) AS given (key, sqlstate, error)
) AS r
ON CONFLICT (tenancy_id, destination_id, mapping, key) DO UPDATE
SET attempts = q.attempts + 1,
    next_try_at = clock_timestamp()
      + least($6 * power(2, least(q.attempts, 40)), $8) * interval '1 millisecond' * (0.5 + random() / 2),
    sqlstate = EXCLUDED.sqlstate,
    error = EXCLUDED.error,
    updated_at = now())sql";

constexpr std::string_view kRelease = R"sql(
DELETE FROM tributary.quarantine
WHERE tenancy_id = $1 AND destination_id = $2 AND mapping = $3
  AND key IN (SELECT k::jsonb FROM unnest($4::text[]) AS k)
  AND updated_at < 'epoch'::timestamptz + $5 * interval '1 microsecond')sql";

constexpr std::string_view kQuarantinedKeys = R"sql(
SELECT key::text
FROM tributary.quarantine
WHERE tenancy_id = $1 AND destination_id = $2 AND mapping = $3 AND ($4 OR next_try_at <= clock_timestamp())
ORDER BY next_try_at
LIMIT $5)sql";

constexpr std::string_view kRetry = R"sql(
WITH parked AS (
  UPDATE tributary.destination_state SET next_try_at = clock_timestamp(), paused = false
  WHERE ($1 IS NULL OR tenancy_id = $1) AND ($2 = '' OR destination_id = $2) AND ($3 = '' OR mapping IN ('', $3))
  RETURNING tenancy_id
), refused AS (
  UPDATE tributary.quarantine SET next_try_at = clock_timestamp()
  WHERE ($1 IS NULL OR tenancy_id = $1) AND ($2 = '' OR destination_id = $2) AND ($3 = '' OR mapping = $3)
  RETURNING tenancy_id
), tenancies AS (
  SELECT tenancy_id FROM parked UNION SELECT tenancy_id FROM refused
)
SELECT coalesce(tributary.enqueue(array_agg(tenancy_id)), 0), pg_notify('tributary_queue', '')::text FROM tenancies)sql";

std::string text_of(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::vector<DestinationEntry> parse_destinations(const std::string& text) {
  std::vector<DestinationEntry> entries;
  const auto value = json::parse(text);
  if (!value.is_object()) return entries;
  for (const auto& [id, entry] : value.get_object()) {
    if (!entry.is_object()) continue;
    entries.push_back({std::string(id), text_of(entry.get_object(), "type"), text_of(entry.get_object(), "connectionString")});
  }
  return entries;
}

std::vector<DestinationState> parse_states(const std::string& text) {
  std::vector<DestinationState> states;
  const auto list = json::parse(text);
  for (const auto& value : list.as_array()) {
    const auto& object = value.as_object();
    DestinationState state;
    state.destination = text_of(object, "destination_id");
    state.mapping = text_of(object, "mapping");
    state.attempts = static_cast<int>(object.at("attempts").as_int64());
    state.paused = object.at("paused").as_bool();
    state.due = object.at("due").is_bool() && object.at("due").as_bool();
    state.quarantined = static_cast<int>(object.at("quarantined").as_int64());
    state.quarantine_due = object.at("quarantine_due").as_bool();
    states.push_back(std::move(state));
  }
  return states;
}

std::vector<Claim> parse_claims(const postgres::Result& result, Uuid worker) {
  std::vector<Claim> claims;
  for (std::size_t row = 0; row < result.rows(); ++row) {
    Claim claim;
    claim.request = result.get<Uuid>(row, 0);
    claim.lease_token = worker;
    claim.tenancy = result.get<std::optional<Uuid>>(row, 1);
    claim.project = result.get<std::string>(row, 2);
    claim.branch = result.get<std::string>(row, 3);
    claim.exists = result.get<bool>(row, 4);
    claim.deleted = result.get<bool>(row, 5);
    claim.destinations = parse_destinations(result.get<std::string>(row, 6));
    claim.states = parse_states(result.get<std::string>(row, 7));
    claim.deleted_at = result.get<std::string>(row, 8);
    claims.push_back(std::move(claim));
  }
  return claims;
}

/// Runs before a statement whose commit must be on disk when it returns; the queue's sessions commit asynchronously otherwise.
postgres::Command durable_commit() {
  return {.sql = "SELECT set_config('synchronous_commit', 'on', true)", .params = {}, .prepare = true};
}

/// Claims by `command`, then reads what was claimed under `token`, in one round trip and transaction.
asio::awaitable<std::vector<Claim>> claimed_by(postgres::Connection& connection, postgres::Command command, Uuid token,
                                               Deadline deadline) {
  postgres::Params params;
  params.add(token);
  std::vector<postgres::Command> commands;
  commands.push_back(std::move(command));
  commands.push_back({.sql = kClaimed, .params = std::move(params), .prepare = true});
  const auto results = co_await connection.execute_pipeline(std::move(commands), deadline);
  co_return parse_claims(results.at(1), token);
}

}  // namespace

postgres::ConnectOptions session_settings(postgres::ConnectOptions options) {
  return options.with("client_encoding", "UTF8")
      .with_setting("search_path", "public")
      .with_setting("TimeZone", "UTC")
      .with_setting("synchronous_commit", "off")
      .with_setting("jit", "off");
}

asio::awaitable<std::vector<Claim>> claim(postgres::Connection& connection, Uuid token, std::chrono::milliseconds lease,
                                          int limit, Deadline deadline) {
  postgres::Params params;
  params.add(token).add(std::int64_t{lease.count()}).add(std::int64_t{limit});
  co_return co_await claimed_by(connection, {.sql = kClaim, .params = std::move(params), .prepare = true}, token, deadline);
}

asio::awaitable<std::uint64_t> renew(postgres::Connection& connection, std::vector<Uuid> requests,
                                     std::chrono::milliseconds lease, Deadline deadline) {
  postgres::Params params;
  params.add_array(std::span<const Uuid>(requests)).add(std::int64_t{lease.count()});
  const auto result = co_await connection.execute_prepared(kRenew, std::move(params), deadline);
  co_return result.affected_rows();
}

asio::awaitable<void> finish(postgres::Connection& connection, const Claim& claim, bool again, Deadline deadline) {
  postgres::Params params;
  params.add(claim.request)
      .add(claim.lease_token)
      .add(again && claim.tenancy.has_value())
      .add(claim.tenancy, postgres::oid::kUuid);
  co_await connection.execute_prepared(kFinish, std::move(params), deadline);
}

asio::awaitable<void> enqueue(postgres::Connection& connection, Uuid tenancy, Deadline deadline) {
  postgres::Params params;
  params.add(tenancy);
  co_await connection.execute_prepared("SELECT tributary.enqueue(ARRAY[$1]), pg_notify('tributary_queue', '')::text",
                                       std::move(params), deadline);
}

asio::awaitable<std::uint64_t> revive(postgres::Connection& connection, std::chrono::milliseconds lease, Deadline deadline) {
  postgres::Params params;
  params.add(std::int64_t{lease.count()});
  const auto result = co_await connection.execute_prepared(kReviveText, std::move(params), deadline);
  co_return static_cast<std::uint64_t>(result.get<std::int64_t>(0, 0));
}

asio::awaitable<Counts> counts(postgres::Connection& connection, Deadline deadline) {
  const auto result = co_await connection.execute_prepared(kCounts, {}, deadline);
  Counts counts;
  counts.pending = result.get<std::int64_t>(0, 0);
  counts.in_flight = result.get<std::int64_t>(0, 1);
  counts.stale = result.get<std::int64_t>(0, 2);
  counts.parked = result.get<std::int64_t>(0, 3);
  counts.quarantined = result.get<std::int64_t>(0, 4);
  if (!result.is_null(0, 5)) counts.oldest = std::chrono::milliseconds(result.get<std::int64_t>(0, 5));
  co_return counts;
}

asio::awaitable<void> park(postgres::Connection& connection, std::span<const Park> parks, Deadline deadline) {
  std::vector<postgres::Command> commands;
  for (const auto& park : parks) {
    postgres::Params params;
    params.add(park.tenancy).add(park.destination).add(park.mapping).add(std::int32_t{park.attempts});
    params.add(std::int64_t{park.retry_in.count()}).add(park.sqlstate).add(park.error);
    commands.push_back({.sql = kPark, .params = std::move(params), .prepare = true});
  }
  if (!commands.empty()) co_await connection.execute_pipeline(std::move(commands), deadline);
}

asio::awaitable<void> unpark(postgres::Connection& connection, Uuid tenancy, std::string destination,
                             std::vector<std::string> mappings, Deadline deadline) {
  postgres::Params params;
  params.add(tenancy).add(destination).add_array(std::span<const std::string>(mappings));
  co_await connection.execute_prepared(kUnpark, std::move(params), deadline);
}

asio::awaitable<void> postpone(postgres::Connection& connection, Uuid tenancy, std::string destination,
                               std::chrono::milliseconds retry_in, bool also_failed, Deadline deadline) {
  postgres::Params params;
  params.add(tenancy).add(destination).add(std::int64_t{retry_in.count()}).add(also_failed);
  co_await connection.execute_prepared(kPostpone, std::move(params), deadline);
}

asio::awaitable<void> keep_postponed(postgres::Connection& connection, Uuid tenancy, std::string destination,
                                     std::chrono::milliseconds retry_in, Deadline deadline) {
  postgres::Params params;
  params.add(tenancy).add(destination).add(std::int64_t{retry_in.count()});
  co_await connection.execute_prepared(kKeepPostponed, std::move(params), deadline);
}

asio::awaitable<void> resume(postgres::Connection& connection, Uuid tenancy, std::string destination, Deadline deadline) {
  postgres::Params params;
  params.add(tenancy).add(destination);
  co_await connection.execute_prepared(kResume, std::move(params), deadline);
}

asio::awaitable<void> forget_destination(postgres::Connection& connection, Uuid tenancy, std::string destination,
                                         Deadline deadline) {
  postgres::Params params;
  params.add(tenancy).add(destination);
  co_await connection.execute_prepared(kForgetDestination, std::move(params), deadline);
}

asio::awaitable<void> set_mapping_aside(postgres::Connection& connection, Uuid tenancy, std::string destination,
                                        std::string mapping, Deadline deadline) {
  postgres::Params params;
  params.add(tenancy).add(destination).add(mapping);
  co_await connection.execute_prepared(kSetMappingAside, std::move(params), deadline);
}

asio::awaitable<void> quarantine(postgres::Connection& connection, Uuid tenancy, std::string destination, std::string mapping,
                                 std::vector<Refused> refused, const Backoff& backoff, Deadline deadline) {
  std::vector<std::string> keys;
  std::vector<std::string> states;
  std::vector<std::string> errors;
  for (auto& row : refused) {
    keys.push_back(std::move(row.key));
    states.push_back(std::move(row.sqlstate));
    errors.push_back(std::move(row.error));
  }
  postgres::Params params;
  params.add(tenancy).add(destination).add(mapping).add_array(std::span<const std::string>(keys));
  params.add_array(std::span<const std::string>(states)).add(std::int64_t{backoff.first.count()});
  params.add_array(std::span<const std::string>(errors)).add(std::int64_t{backoff.longest.count()});
  std::vector<postgres::Command> commands;
  commands.push_back(durable_commit());
  commands.push_back({.sql = kQuarantine, .params = std::move(params), .prepare = true});
  co_await connection.execute_pipeline(std::move(commands), deadline);
}

asio::awaitable<void> release(postgres::Connection& connection, Uuid tenancy, std::string destination, std::string mapping,
                              std::vector<std::string> keys, postgres::Timestamp read_at, Deadline deadline) {
  postgres::Params params;
  params.add(tenancy).add(destination).add(mapping).add_array(std::span<const std::string>(keys));
  params.add(std::int64_t{read_at.time_since_epoch().count()});
  co_await connection.execute_prepared(kRelease, std::move(params), deadline);
}

asio::awaitable<std::vector<std::string>> quarantined_keys(postgres::Connection& connection, Uuid tenancy,
                                                           std::string destination, std::string mapping, bool all, int limit,
                                                           Deadline deadline) {
  postgres::Params params;
  params.add(tenancy).add(destination).add(mapping).add(all).add(std::int64_t{limit});
  const auto result = co_await connection.execute_prepared(kQuarantinedKeys, std::move(params), deadline);
  std::vector<std::string> keys;
  for (std::size_t row = 0; row < result.rows(); ++row) keys.push_back(result.get<std::string>(row, 0));
  co_return keys;
}

asio::awaitable<std::uint64_t> retry(postgres::Connection& connection, std::optional<Uuid> tenancy, std::string destination,
                                     std::string mapping, Deadline deadline) {
  postgres::Params params;
  params.add(tenancy, postgres::oid::kUuid).add(destination).add(mapping);
  const auto result = co_await connection.execute(kRetry, std::move(params), deadline);
  co_return static_cast<std::uint64_t>(result.get<std::int64_t>(0, 0));
}

asio::awaitable<void> forget_deleted_tenancy(postgres::Connection& connection, Uuid tenancy, std::string deleted_at,
                                             std::vector<std::string> destinations, Deadline deadline) {
  postgres::Params done;
  done.add(tenancy).add(deleted_at).add_array(std::span<const std::string>(destinations));
  postgres::Params rest;
  rest.add(tenancy);
  std::vector<postgres::Command> commands;
  commands.push_back({.sql = kLeaveDestinations, .params = std::move(done), .prepare = true});
  commands.push_back({.sql = kForgetDeletedTenancy, .params = std::move(rest), .prepare = true});
  co_await connection.execute_pipeline(std::move(commands), deadline);
}

}  // namespace tributary::queue
