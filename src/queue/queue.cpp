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
        FROM jsonb_each(CASE WHEN t.id IS NULL THEN d.destinations
                             WHEN c.is_shared THEN tributary.shared_destinations()
                             ELSE tributary.destinations(t."projectId", t."branchId") END) AS e
        WHERE jsonb_typeof(e.value) = 'object' AND (e.key = '@clickhouse') = c.is_shared) AS destinations,
       (SELECT coalesce(jsonb_agg(to_jsonb(s)), '[]') FROM (
          SELECT destination_id, mapping, attempts, paused, next_try_at <= clock_timestamp() AS due, 0 AS quarantined, false AS quarantine_due
          FROM tributary.destination_state WHERE tenancy_id = c.tenancy_id AND (destination_id = '@clickhouse') = c.is_shared
          UNION ALL
          SELECT destination_id, mapping, 0, false, true, count(*)::integer, bool_or(next_try_at <= clock_timestamp())
          FROM tributary.quarantine WHERE tenancy_id = c.tenancy_id AND NOT c.is_shared GROUP BY destination_id, mapping
        ) AS s) AS states,
       coalesce(d."deletedAt"::text, '') AS deleted_at,
       greatest(0, extract(epoch FROM clock_timestamp() AT TIME ZONE 'UTC' - c."createdAt") * 1000)::bigint AS waited_ms,
       EXISTS (SELECT FROM tributary.mend AS m WHERE m.tenancy_id = c.tenancy_id AND m.finished_at IS NULL) AS mending,
       coalesce((SELECT max(jumped_to) FROM tributary.sequence_jump), -1) AS last_jump,
       (SELECT coalesce(jsonb_object_agg(g.table_name, g.through), '{{}}') FROM tributary.collected AS g WHERE g.tenancy_id = c.tenancy_id) AS collected,
       coalesce(c.traceparent, '') AS traceparent,
       (SELECT coalesce(jsonb_object_agg(a.destination_id, a.added_at::text), '{{}}') FROM tributary.added_destination AS a
        WHERE a.tenancy_id = c.tenancy_id AND NOT c.is_shared) AS added,
       pg_postmaster_start_time() AS server_started_at
FROM (SELECT r.id, {} AS tenancy_id, r."createdAt", r."destinationKind" = 'clickhouse' AS is_shared, r.traceparent FROM "OutgoingRequest" AS r WHERE r."leaseToken" = $1 AND r."startedFulfillingAt" IS NOT NULL) AS c
LEFT JOIN "Tenancy" AS t ON t.id = c.tenancy_id AND t."hasNoOrganization" = 'TRUE'
LEFT JOIN tributary.deleted_tenancy AS d ON d."tenancyId" = c.tenancy_id)sql";
const std::string kClaimed = fmt::format(kClaimedTemplate, kTenancyOfRequest);

// Not beside one in flight, though its lease have run out: whoever takes over takes that away first (kRevive), so a worker that still finds its own knows that
// nobody has.
constexpr std::string_view kClaim = R"sql(
UPDATE "OutgoingRequest" AS r
SET "startedFulfillingAt" = clock_timestamp() AT TIME ZONE 'UTC',
    "leaseToken" = $1,
    "leaseUntil" = clock_timestamp() + $2 * interval '1 millisecond'
FROM (
  SELECT p.id
  FROM "OutgoingRequest" AS p
  WHERE p."startedFulfillingAt" IS NULL
    AND p."destinationKind" = $4
    AND p."deduplicationKey" LIKE 'sync:%'
    AND NOT EXISTS (
      SELECT FROM "OutgoingRequest" AS f
      WHERE f."deduplicationKey" = p."deduplicationKey"
        AND f."startedFulfillingAt" IS NOT NULL)
    AND (SELECT coalesce(bool_and("pollerEnabled"), true) FROM "ExternalDbSyncMetadata")
  ORDER BY p."createdAt"
  LIMIT $3
  FOR UPDATE OF p SKIP LOCKED
) AS oldest
WHERE r.id = oldest.id)sql";

constexpr std::string_view kClaimTenancy = R"sql(
INSERT INTO "OutgoingRequest" (id, "createdAt", "qstashOptions", "startedFulfillingAt", "deduplicationKey", "tenancyId",
                               "destinationKind", "leaseToken", "leaseUntil")
SELECT gen_random_uuid(),
       clock_timestamp() AT TIME ZONE 'UTC',
       jsonb_build_object('url', '/api/v1/internal/external-db-sync/sync-engine', 'body', jsonb_build_object('tenancyId', $3)),
       clock_timestamp() AT TIME ZONE 'UTC',
       k.key, $3, $4, $1,
       clock_timestamp() + $2 * interval '1 millisecond'
FROM (SELECT 'sync:' || $3 || CASE $4 WHEN 'postgres' THEN '' ELSE ':' || $4 END AS key) AS k
WHERE NOT EXISTS (
  SELECT FROM "OutgoingRequest" AS f
  WHERE f."deduplicationKey" = k.key
    AND f."startedFulfillingAt" IS NOT NULL))sql";

constexpr std::string_view kRenew = R"sql(
UPDATE "OutgoingRequest"
SET "leaseUntil" = clock_timestamp() + $2 * interval '1 millisecond'
WHERE id = ANY ($1)
RETURNING id)sql";

// Where the server is not the one that it was claimed from, once more: the new one has the claim, and may lack what was noted after it.
constexpr std::string_view kFinish = R"sql(
WITH finished AS (
  DELETE FROM "OutgoingRequest" WHERE id = $1 AND "leaseToken" = $2
  RETURNING coalesce("behindSince", "createdAt" AT TIME ZONE 'UTC') AS since
)
SELECT tributary.enqueue_again($4, $5, nullif($6, ''), (SELECT since FROM finished)), pg_notify('tributary_queue', '')::text
WHERE $3 OR (
  $4 IS NOT NULL AND EXISTS (SELECT FROM finished)
  AND pg_postmaster_start_time() <> 'epoch'::timestamptz + $7 * interval '1 microsecond'))sql";

// A stale request is deleted and its tenancy enqueued anew: setting it back to pending would violate the partial unique key where a newer one
// is pending already. Requests in flight without a lease are of a process that knows no leases: they are given one lease's time. No lease is longer than an hour
// (queue.lease), and nothing that failed rests for longer (sync.retry_longest): what seems so was written before the source's clock was set back, or by a primary
// whose clock was ahead. The same holds for when a key was refused: it would lie after every batch in which its row is accepted.
constexpr std::string_view kRevive = R"sql(
WITH stale AS (
  DELETE FROM "OutgoingRequest" AS r
  WHERE r.id = ANY (ARRAY(
    SELECT g.id
    FROM "OutgoingRequest" AS g
    WHERE g."startedFulfillingAt" IS NOT NULL
      AND g."destinationKind" = $3
      AND g.id <> ALL ($4)
      AND g."deduplicationKey" LIKE 'sync:%'
      AND coalesce(g."leaseUntil", g."startedFulfillingAt" AT TIME ZONE 'UTC' + $1 * interval '1 millisecond')
          NOT BETWEEN clock_timestamp() AND clock_timestamp() + interval '1 hour'
    LIMIT $2
    FOR UPDATE SKIP LOCKED))
  RETURNING {0} AS tenancy_id
), resting AS (
  UPDATE tributary.destination_state SET next_try_at = clock_timestamp()
  WHERE next_try_at > clock_timestamp() + interval '1 hour' AND next_try_at IS NOT NULL AND NOT paused
), refused AS (
  UPDATE tributary.quarantine SET next_try_at = clock_timestamp(), updated_at = least(updated_at, clock_timestamp())
  WHERE next_try_at > clock_timestamp() + interval '1 hour'
), due AS (
  (SELECT DISTINCT s.tenancy_id
   FROM tributary.destination_state AS s
   WHERE s.next_try_at <= clock_timestamp() AND s.next_try_at IS NOT NULL AND NOT s.paused
     AND (s.destination_id = '@clickhouse') = ($3 = 'clickhouse')
     AND NOT {1}
   LIMIT $2)
  UNION
  (SELECT DISTINCT q.tenancy_id
   FROM tributary.quarantine AS q
   WHERE q.next_try_at <= clock_timestamp()
     AND $3 = 'postgres'
     AND NOT EXISTS (
       SELECT FROM tributary.destination_state AS s
       WHERE s.tenancy_id = q.tenancy_id AND s.destination_id = q.destination_id AND s.mapping IN ('', q.mapping)
         AND (s.paused OR s.next_try_at > clock_timestamp()))
     AND NOT {2}
   LIMIT $2)
), tenancies AS (
  SELECT tenancy_id FROM stale WHERE tenancy_id IS NOT NULL UNION SELECT tenancy_id FROM due
)
SELECT tributary.enqueue_for(array_agg(tenancy_id), $3)
FROM tenancies)sql";

/// Whether the tenancy of `row` is in the queue, for kind $3: one look for each of the two indexes, which are partial.
std::string is_enqueued(std::string_view row) {
  const auto exists = [&](std::string_view state) {
    return fmt::format(
        R"sql(EXISTS (SELECT FROM "OutgoingRequest" AS r WHERE r."deduplicationKey" = 'sync:' || {}.tenancy_id || CASE $3 WHEN 'postgres' THEN '' ELSE ':' || $3 END AND r."startedFulfillingAt" {}))sql",
        row, state);
  };
  return "(" + exists("IS NULL") + " OR " + exists("IS NOT NULL") + ")";
}

const std::string kReviveText = fmt::format(kRevive, kTenancyOfRequest, is_enqueued("s"), is_enqueued("q"));

// With a condition on requests, and one on what is remembered.
constexpr std::string_view kCounts = R"sql(
SELECT (SELECT count(*) FROM "OutgoingRequest" WHERE "startedFulfillingAt" IS NULL{0}),
       (SELECT count(*) FROM "OutgoingRequest" WHERE "startedFulfillingAt" IS NOT NULL{0}),
       (SELECT count(*) FROM "OutgoingRequest" WHERE "startedFulfillingAt" IS NOT NULL AND "leaseUntil" < clock_timestamp(){0}),
       (SELECT count(*) FROM tributary.destination_state WHERE error <> ''{1}),
       (SELECT count(*) FROM tributary.quarantine WHERE true{1}),
       (SELECT (extract(epoch FROM clock_timestamp() AT TIME ZONE 'UTC' - min("createdAt")) * 1000)::bigint
        FROM "OutgoingRequest" WHERE "startedFulfillingAt" IS NULL{0}),
       (SELECT count(*) FROM tributary.mend WHERE finished_at IS NULL{1}))sql";
const std::string kCountsOfAll = fmt::format(kCounts, "", "");
const std::string kCountsOfSome = fmt::format(kCounts, " AND \"tenancyId\" = ANY ($1)", " AND tenancy_id = ANY ($1)");

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

std::vector<Claim> parse_claims(const postgres::Result& result, DestinationKind kind, Uuid worker) {
  std::vector<Claim> claims;
  for (std::size_t row = 0; row < result.rows(); ++row) {
    Claim claim;
    claim.kind = kind;
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
    claim.waited = std::chrono::milliseconds(result.get<std::int64_t>(row, 9));
    claim.mending = result.get<bool>(row, 10);
    claim.last_jump = result.get<std::int64_t>(row, 11);
    const auto collected = json::parse(result.get<std::string>(row, 12));
    for (const auto& [table, through] : collected.as_object()) claim.collected[table] = through.as_int64();
    claim.traceparent = result.get<std::string>(row, 13);
    const auto added = json::parse(result.get<std::string>(row, 14));
    for (const auto& [destination, at] : added.as_object()) claim.added[destination] = at.as_string();
    claim.server_started_at = result.get<postgres::Timestamp>(row, 15);
    claims.push_back(std::move(claim));
  }
  return claims;
}

/// Claims by `command`, then reads what was claimed under `token`, in one round trip and transaction.
asio::awaitable<std::vector<Claim>> claimed_by(postgres::Connection& connection, postgres::Command command, DestinationKind kind,
                                               Uuid token, Deadline deadline) {
  postgres::Params params;
  params.add(token);
  std::vector<postgres::Command> commands;
  commands.push_back(std::move(command));
  commands.push_back({.sql = kClaimed, .params = std::move(params), .prepare = true});
  const auto results = co_await connection.execute_pipeline(std::move(commands), deadline);
  co_return parse_claims(results.at(1), kind, token);
}

Counts counts_of(const postgres::Result& result) {
  Counts counts;
  counts.pending = result.get<std::int64_t>(0, 0);
  counts.in_flight = result.get<std::int64_t>(0, 1);
  counts.stale = result.get<std::int64_t>(0, 2);
  counts.parked = result.get<std::int64_t>(0, 3);
  counts.quarantined = result.get<std::int64_t>(0, 4);
  counts.mending = result.get<std::int64_t>(0, 6);
  if (!result.is_null(0, 5)) counts.oldest = std::chrono::milliseconds(result.get<std::int64_t>(0, 5));
  return counts;
}

}  // namespace

std::string_view to_string(DestinationKind kind) { return kind == DestinationKind::postgres ? "postgres" : "clickhouse"; }

postgres::ConnectOptions session_settings(postgres::ConnectOptions options) {
  return options.with("client_encoding", "UTF8")
      .with_setting("search_path", "public")
      .with_setting("TimeZone", "UTC")
      .with_setting("default_transaction_isolation", "read committed")
      .with_setting("synchronous_commit", "off")
      .with_setting("jit", "off");
}

postgres::Command durable_commit() {
  return {.sql = "SELECT set_config('synchronous_commit', 'on', true)", .params = {}, .prepare = true};
}

asio::awaitable<std::vector<Claim>> claim(postgres::Connection& connection, DestinationKind kind, Uuid token,
                                          std::chrono::milliseconds lease, int limit, Deadline deadline) {
  postgres::Params params;
  params.add(token).add(std::int64_t{lease.count()}).add(std::int64_t{limit}).add(to_string(kind));
  co_return co_await claimed_by(connection, {.sql = kClaim, .params = std::move(params), .prepare = true}, kind, token, deadline);
}

asio::awaitable<std::vector<Claim>> claim_tenancy(postgres::Connection& connection, DestinationKind kind, Uuid tenancy,
                                                  Uuid token, std::chrono::milliseconds lease, Deadline deadline) {
  postgres::Params params;
  params.add(token).add(std::int64_t{lease.count()}).add(tenancy).add(to_string(kind));
  co_return co_await claimed_by(connection, {.sql = kClaimTenancy, .params = std::move(params), .prepare = true}, kind, token,
                                deadline);
}

asio::awaitable<std::vector<Uuid>> renew(postgres::Connection& connection, std::vector<Uuid> requests,
                                         std::chrono::milliseconds lease, Deadline deadline) {
  postgres::Params params;
  params.add_array(std::span<const Uuid>(requests)).add(std::int64_t{lease.count()});
  const auto result = co_await connection.execute_prepared(kRenew, std::move(params), deadline);
  std::vector<Uuid> renewed;
  for (std::size_t row = 0; row < result.rows(); ++row) renewed.push_back(result.get<Uuid>(row, 0));
  co_return renewed;
}

asio::awaitable<void> finish(postgres::Connection& connection, const Claim& claim, bool again, Deadline deadline) {
  postgres::Params params;
  params.add(claim.request)
      .add(claim.lease_token)
      .add(again && claim.tenancy.has_value())
      .add(claim.tenancy, postgres::oid::kUuid)
      .add(to_string(claim.kind))
      .add(claim.traceparent)
      .add(std::int64_t{claim.server_started_at.time_since_epoch().count()});
  co_await connection.execute_prepared(kFinish, std::move(params), deadline);
}

asio::awaitable<void> enqueue(postgres::Connection& connection, DestinationKind kind, Uuid tenancy, Deadline deadline) {
  postgres::Params params;
  params.add(tenancy).add(to_string(kind));
  co_await connection.execute_prepared("SELECT tributary.enqueue_for(ARRAY[$1], $2), pg_notify('tributary_queue', '')::text",
                                       std::move(params), deadline);
}

asio::awaitable<std::uint64_t> revive(postgres::Connection& connection, DestinationKind kind, std::chrono::milliseconds lease,
                                      std::int64_t limit, std::vector<Uuid> ours, Deadline deadline) {
  postgres::Params params;
  params.add(std::int64_t{lease.count()}).add(limit).add(to_string(kind)).add_array(std::span<const Uuid>(ours));
  const auto result = co_await connection.execute_prepared(kReviveText, std::move(params), deadline);
  co_return static_cast<std::uint64_t>(result.get<std::int64_t>(0, 0));
}

asio::awaitable<Counts> counts(postgres::Connection& connection, Deadline deadline) {
  co_return counts_of(co_await connection.execute_prepared(kCountsOfAll, {}, deadline));
}

asio::awaitable<Counts> counts(postgres::Connection& connection, std::span<const Uuid> tenancies, Deadline deadline) {
  postgres::Params params;
  params.add_array(tenancies);
  co_return counts_of(co_await connection.execute_prepared(kCountsOfSome, std::move(params), deadline));
}

}  // namespace tributary::queue
