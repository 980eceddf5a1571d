#include "queue/queue.hpp"

/// What the source remembers of destinations: parked ones, quarantined keys, and where a deleted tenancy's tombstones still have to go.
namespace tributary::queue {
namespace {

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

// A row while the request is still the worker's, by the parameters of of_claim(): locked, so that nobody takes it over in between.
constexpr std::string_view kOurs = R"sql(ours AS MATERIALIZED (
  SELECT FROM "OutgoingRequest" WHERE id = $1 AND "leaseToken" = $2 FOR KEY SHARE
))sql";

// A whole destination whose next try lies ahead was not due when this began: it has been left behind since, and that is the promise to come back to it.
// Comparisons of one that has recovered need not rest any more.
// One that is tried alone or was left behind outlives its request: then the state of the whole destination, which lies ahead, is the promise.
const std::string kUnpark = fmt::format(R"sql(
WITH {}, cleared AS (
  DELETE FROM tributary.destination_state
  WHERE tenancy_id = $3 AND destination_id = $4 AND mapping = ANY ($5) AND NOT paused
    AND NOT (mapping = '' AND next_try_at > clock_timestamp())
    AND (EXISTS (SELECT FROM ours)
      OR mapping <> '' AND EXISTS (
        SELECT FROM tributary.destination_state AS whole
        WHERE whole.tenancy_id = $3 AND whole.destination_id = $4 AND whole.mapping = '' AND whole.next_try_at > clock_timestamp()))
  RETURNING error
)
UPDATE tributary.mend SET next_try_at = clock_timestamp()
WHERE tenancy_id = $3 AND destination_id = $4 AND finished_at IS NULL AND EXISTS (SELECT FROM cleared WHERE error <> ''))sql",
                                        kOurs);

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
  RETURNING error
), comparisons AS (
  UPDATE tributary.mend SET next_try_at = clock_timestamp()
  WHERE tenancy_id = $1 AND destination_id = $2 AND finished_at IS NULL AND EXISTS (SELECT FROM resumed WHERE error <> '')
)
SELECT tributary.enqueue_for(ARRAY[$1], $3), pg_notify('tributary_queue', '')::text)sql";

// Of a mapping that this process does not know, perhaps as it is older than others: looked at again in an hour.
constexpr std::string_view kSetMappingAside = R"sql(
WITH states AS (
  UPDATE tributary.destination_state SET next_try_at = clock_timestamp() + interval '1 hour'
  WHERE tenancy_id = $1 AND destination_id = $2 AND mapping = $3
)
UPDATE tributary.quarantine SET next_try_at = clock_timestamp() + interval '1 hour'
WHERE tenancy_id = $1 AND destination_id = $2 AND mapping = $3)sql";

// By whoever has the request still, and only while it is not configured: it may have been added again since the claim, and something noted of it since. Its
// project is locked, so that nobody changes the configuration meanwhile, and not waited for: who has it now may be at it for long.
const std::string kForgetDestination = fmt::format(R"sql(
WITH {}, living AS MATERIALIZED (
  SELECT t."projectId", t."branchId" FROM "Tenancy" AS t JOIN "Project" AS p ON p.id = t."projectId"
  WHERE t.id = $3 AND t."hasNoOrganization" = 'TRUE'
), configured AS MATERIALIZED (
  SELECT CASE $4 WHEN '@clickhouse' THEN tributary.shared_destinations() ELSE tributary.destinations_in(p."configOverride", l."branchId") END AS destinations
  FROM "Project" AS p JOIN living AS l ON l."projectId" = p.id
  FOR SHARE OF p SKIP LOCKED
), gone AS MATERIALIZED (
  SELECT FROM ours
  WHERE CASE WHEN EXISTS (SELECT FROM living)
          THEN EXISTS (SELECT FROM configured WHERE jsonb_typeof(destinations -> $4) IS DISTINCT FROM 'object')
          ELSE NOT EXISTS (SELECT FROM tributary.deleted_tenancy WHERE "tenancyId" = $3 AND jsonb_typeof(destinations -> $4) = 'object')
        END
), states AS (
  DELETE FROM tributary.destination_state WHERE tenancy_id = $3 AND destination_id = $4 AND EXISTS (SELECT FROM gone)
), mends AS (
  DELETE FROM tributary.mend WHERE tenancy_id = $3 AND destination_id = $4 AND EXISTS (SELECT FROM gone)
), added AS (
  DELETE FROM tributary.added_destination WHERE tenancy_id = $3 AND destination_id = $4 AND EXISTS (SELECT FROM gone)
)
DELETE FROM tributary.quarantine WHERE tenancy_id = $3 AND destination_id = $4 AND EXISTS (SELECT FROM gone))sql",
                                                   kOurs);

// By whoever has the request still: others may have found rows to be refused since.
const std::string kLeaveDestinations = fmt::format(R"sql(
WITH {}
UPDATE tributary.deleted_tenancy
SET destinations = destinations - $5
WHERE "tenancyId" = $3 AND "deletedAt" = $4::text::timestamptz AND EXISTS (SELECT FROM ours))sql",
                                                   kOurs);

constexpr std::string_view kForgetDeletedTenancy = R"sql(
DELETE FROM tributary.deleted_tenancy
WHERE "tenancyId" = $1 AND destinations = '{}')sql";

constexpr std::string_view kLeavePlace = R"sql(
INSERT INTO tributary.left_place (tenancy_id, project_id, branch_id)
SELECT "tenancyId", "projectId", "branchId"
FROM tributary.deleted_tenancy
WHERE "tenancyId" = $1
ON CONFLICT (tenancy_id, project_id, branch_id) DO UPDATE
SET seen_at = NULL)sql";

constexpr std::string_view kKnowsTenancy = R"sql(
SELECT EXISTS (SELECT FROM "Tenancy" WHERE id = $1)
    OR EXISTS (SELECT FROM tributary.deleted_tenancy WHERE "tenancyId" = $1)
    OR pg_is_in_recovery()
    OR coalesce((SELECT max(jumped_to) FROM tributary.sequence_jump), -1) <> $2)sql";

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

constexpr std::string_view kReleasable = R"sql(
SELECT given.key
FROM tributary.quarantine
CROSS JOIN unnest($4::text[]) AS given (key)
WHERE tenancy_id = $1 AND destination_id = $2 AND mapping = $3 AND quarantine.key = given.key::jsonb
  AND updated_at < 'epoch'::timestamptz + $5 * interval '1 microsecond')sql";

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
  UPDATE tributary.destination_state SET next_try_at = clock_timestamp()
  WHERE NOT paused AND ($1 IS NULL OR tenancy_id = $1) AND ($2 = '' OR destination_id = $2) AND ($3 = '' OR mapping IN ('', $3))
  RETURNING tenancy_id
), refused AS (
  UPDATE tributary.quarantine SET next_try_at = clock_timestamp()
  WHERE ($1 IS NULL OR tenancy_id = $1) AND ($2 = '' OR destination_id = $2) AND ($3 = '' OR mapping = $3)
  RETURNING tenancy_id
), comparisons AS (
  UPDATE tributary.mend SET next_try_at = clock_timestamp()
  WHERE finished_at IS NULL
    AND ($1 IS NULL OR tenancy_id = $1) AND ($2 = '' OR destination_id = $2) AND ($3 = '' OR mapping = $3)
), tenancies AS (
  SELECT tenancy_id FROM parked UNION SELECT tenancy_id FROM refused
)
SELECT coalesce(tributary.enqueue(array_agg(tenancy_id)), 0), pg_notify('tributary_queue', '')::text FROM tenancies)sql";

/// $1 its request, $2 its lease token, $3 its tenancy.
postgres::Params of_claim(const Claim& claim) {
  postgres::Params params;
  params.add(claim.request).add(claim.lease_token).add(claim.tenancy.value());
  return params;
}

postgres::Params applied_keys(Uuid tenancy, const std::string& destination, const std::string& mapping,
                              const std::vector<std::string>& keys, postgres::Timestamp read_at) {
  postgres::Params params;
  params.add(tenancy).add(destination).add(mapping).add_array(std::span<const std::string>(keys));
  params.add(std::int64_t{read_at.time_since_epoch().count()});
  return params;
}

}  // namespace

asio::awaitable<void> park(postgres::Connection& connection, std::span<const Park> parks, Deadline deadline) {
  if (parks.empty()) co_return;
  std::vector<postgres::Command> commands{durable_commit()};
  for (const auto& park : parks) {
    postgres::Params params;
    params.add(park.tenancy).add(park.destination).add(park.mapping).add(std::int32_t{park.attempts});
    params.add(std::int64_t{park.retry_in.count()}).add(park.sqlstate).add(park.error);
    commands.push_back({.sql = kPark, .params = std::move(params), .prepare = true});
  }
  co_await connection.execute_pipeline(std::move(commands), deadline);
}

asio::awaitable<void> unpark(postgres::Connection& connection, const Claim& claim, std::string destination,
                             std::vector<std::string> mappings, Deadline deadline) {
  auto params = of_claim(claim);
  params.add(destination).add_array(std::span<const std::string>(mappings));
  co_await connection.execute_prepared(kUnpark, std::move(params), deadline);
}

asio::awaitable<void> postpone(postgres::Connection& connection, Uuid tenancy, std::string destination,
                               std::chrono::milliseconds retry_in, bool also_failed, Deadline deadline) {
  postgres::Params params;
  params.add(tenancy).add(destination).add(std::int64_t{retry_in.count()}).add(also_failed);
  std::vector<postgres::Command> commands;
  if (!also_failed) commands.push_back(durable_commit());
  commands.push_back({.sql = kPostpone, .params = std::move(params), .prepare = true});
  co_await connection.execute_pipeline(std::move(commands), deadline);
}

asio::awaitable<void> keep_postponed(postgres::Connection& connection, Uuid tenancy, std::string destination,
                                     std::chrono::milliseconds retry_in, Deadline deadline) {
  postgres::Params params;
  params.add(tenancy).add(destination).add(std::int64_t{retry_in.count()});
  co_await connection.execute_prepared(kKeepPostponed, std::move(params), deadline);
}

asio::awaitable<void> resume(postgres::Connection& connection, DestinationKind kind, Uuid tenancy, std::string destination,
                             Deadline deadline) {
  postgres::Params params;
  params.add(tenancy).add(destination).add(to_string(kind));
  co_await connection.execute_prepared(kResume, std::move(params), deadline);
}

asio::awaitable<void> forget_destination(postgres::Connection& connection, const Claim& claim, std::string destination,
                                         Deadline deadline) {
  auto params = of_claim(claim);
  params.add(destination);
  co_await connection.execute_prepared(kForgetDestination, std::move(params), deadline);
}

asio::awaitable<void> set_mapping_aside(postgres::Connection& connection, Uuid tenancy, std::string destination,
                                        std::string mapping, Deadline deadline) {
  postgres::Params params;
  params.add(tenancy).add(destination).add(mapping);
  co_await connection.execute_prepared(kSetMappingAside, std::move(params), deadline);
}

asio::awaitable<void> quarantine(postgres::Connection& connection, Uuid tenancy, std::string destination, std::string mapping,
                                 std::vector<Refused> refused, Backoff backoff, Deadline deadline) {
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

asio::awaitable<std::vector<std::string>> releasable(postgres::Connection& connection, Uuid tenancy, std::string destination,
                                                     std::string mapping, std::vector<std::string> keys,
                                                     postgres::Timestamp read_at, Deadline deadline) {
  auto params = applied_keys(tenancy, destination, mapping, keys, read_at);
  const auto result = co_await connection.execute_prepared(kReleasable, std::move(params), deadline);
  std::vector<std::string> known;
  for (std::size_t row = 0; row < result.rows(); ++row) known.push_back(result.get<std::string>(row, 0));
  co_return known;
}

asio::awaitable<void> release(postgres::Connection& connection, Uuid tenancy, std::string destination, std::string mapping,
                              std::vector<std::string> keys, postgres::Timestamp read_at, Deadline deadline) {
  co_await connection.execute_prepared(kRelease, applied_keys(tenancy, destination, mapping, keys, read_at), deadline);
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

asio::awaitable<void> forget_deleted_tenancy(postgres::Connection& connection, const Claim& claim,
                                             std::vector<std::string> destinations, Deadline deadline) {
  auto done = of_claim(claim);
  done.add(claim.deleted_at).add_array(std::span<const std::string>(destinations));
  postgres::Params rest;
  rest.add(claim.tenancy.value());
  std::vector<postgres::Command> commands;
  commands.push_back(durable_commit());
  commands.push_back({.sql = kLeaveDestinations, .params = std::move(done), .prepare = true});
  commands.push_back({.sql = kForgetDeletedTenancy, .params = std::move(rest), .prepare = true});
  co_await connection.execute_pipeline(std::move(commands), deadline);
}

asio::awaitable<void> leave_place(postgres::Connection& connection, Uuid tenancy, Deadline deadline) {
  postgres::Params params;
  params.add(tenancy);
  std::vector<postgres::Command> commands;
  commands.push_back(durable_commit());
  commands.push_back({.sql = kLeavePlace, .params = std::move(params), .prepare = true});
  co_await connection.execute_pipeline(std::move(commands), deadline);
}

asio::awaitable<bool> may_know_tenancy(postgres::Connection& connection, Uuid tenancy, std::int64_t last_jump,
                                       Deadline deadline) {
  postgres::Params params;
  params.add(tenancy).add(last_jump);
  co_return (co_await connection.execute(kKnowsTenancy, std::move(params), deadline)).get<bool>(0, 0);
}

}  // namespace tributary::queue
