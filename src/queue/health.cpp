#include "queue/health.hpp"

#include <set>

#include "mapping/sql.hpp"

namespace tributary::queue {
namespace {

// As the sequencer and the poller read it: no row is on.
constexpr auto kFuseboxSql = R"(
SELECT coalesce(bool_and("sequencerEnabled"), true),
       coalesce(bool_and("pollerEnabled"), true)
FROM "ExternalDbSyncMetadata"
)";

constexpr auto kWriteFuseboxSql = R"(
UPDATE "ExternalDbSyncMetadata"
SET "sequencerEnabled" = coalesce($1, "sequencerEnabled"),
    "pollerEnabled" = coalesce($2, "pollerEnabled"),
    "updatedAt" = now() AT TIME ZONE 'UTC'
)";

// With a condition on each of the two.
constexpr auto kTroublesTemplate = R"(
SELECT s.tenancy_id, s.destination_id, s.mapping, s.attempts, s.paused, 0::bigint,
       (extract(epoch FROM s.next_try_at - clock_timestamp()) * 1000)::bigint,
       s.failed_since, s.sqlstate, s.error
FROM tributary.destination_state AS s
WHERE (s.error <> '' OR s.paused){}
UNION ALL
SELECT q.tenancy_id, q.destination_id, q.mapping, max(q.attempts), false, count(*),
       (extract(epoch FROM min(q.next_try_at) - clock_timestamp()) * 1000)::bigint,
       min(q.since), min(q.sqlstate), min(q.error)
FROM tributary.quarantine AS q
WHERE true{}
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3, 6
)";

constexpr auto kClickHouseSql = R"(
SELECT i.clickhouse,
       (SELECT count(DISTINCT "tenancyId") FROM "OutgoingRequest" WHERE "destinationKind" = 'clickhouse'),
       (SELECT count(DISTINCT tenancy_id) FROM tributary.destination_state WHERE destination_id = '@clickhouse' AND error <> ''),
       coalesce((SELECT error FROM tributary.destination_state
                 WHERE destination_id = '@clickhouse' AND error <> ''
                 ORDER BY updated_at DESC
                 LIMIT 1), ''),
       (SELECT count(DISTINCT tenancy_id) FROM tributary.destination_state WHERE destination_id = '@clickhouse' AND paused)
FROM tributary.installation AS i
)";

constexpr std::string_view kBehindSql = R"sql(
SELECT b.tenancy_id, coalesce(t."projectId", d."projectId", ''), coalesce(t."branchId", d."branchId", ''),
       b.kind, b.destination, b.state,
       (greatest(0, extract(epoch FROM clock_timestamp() - b.since)) * 1000)::bigint
FROM (
  SELECT * FROM (
    (SELECT r."tenancyId" AS tenancy_id, r."destinationKind" AS kind, '' AS destination,
            CASE WHEN r."startedFulfillingAt" IS NULL THEN 0 ELSE 1 END AS state,
            coalesce(r."behindSince", r."createdAt" AT TIME ZONE 'UTC') AS since
     FROM "OutgoingRequest" AS r
     WHERE r."deduplicationKey" LIKE 'sync:%' AND r."tenancyId" IS NOT NULL AND ($1::uuid[] IS NULL OR r."tenancyId" = ANY ($1))
     ORDER BY coalesce(r."behindSince", r."createdAt" AT TIME ZONE 'UTC')
     LIMIT $2)
    UNION ALL
    (SELECT s.tenancy_id, CASE s.destination_id WHEN '@clickhouse' THEN 'clickhouse' ELSE 'postgres' END, s.destination_id, 2,
            s.failed_since
     FROM tributary.destination_state AS s
     WHERE s.error = '' AND NOT s.paused AND ($1::uuid[] IS NULL OR s.tenancy_id = ANY ($1))
     ORDER BY s.failed_since
     LIMIT $2)
  ) AS waiting
  ORDER BY waiting.since
  LIMIT $2
) AS b
LEFT JOIN "Tenancy" AS t ON t.id = b.tenancy_id
LEFT JOIN tributary.deleted_tenancy AS d ON d."tenancyId" = b.tenancy_id
ORDER BY b.since)sql";

constexpr auto kDrainedSql = R"(
SELECT NOT EXISTS (SELECT FROM "OutgoingRequest" WHERE "deduplicationKey" LIKE 'sync:%')
   AND NOT EXISTS (SELECT FROM "DeletedRow" WHERE "shouldUpdateSequenceId")
   AND NOT EXISTS (SELECT FROM tributary.marker)
   AND NOT EXISTS (SELECT FROM tributary.destination_state WHERE error = '' AND NOT paused)
   AND NOT EXISTS (
     SELECT FROM tributary.mend AS m
     WHERE m.finished_at IS NULL AND m.error = ''
       AND NOT EXISTS (
         SELECT FROM tributary.destination_state AS s
         WHERE s.tenancy_id = m.tenancy_id AND s.destination_id = m.destination_id AND s.mapping IN ('', m.mapping)))
)";

std::vector<Trouble> troubles_of(const postgres::Result& result) {
  std::vector<Trouble> troubles;
  for (std::size_t row = 0; row < result.rows(); ++row) {
    const auto retry_in = result.get<std::optional<std::int64_t>>(row, 6);
    troubles.push_back({.tenancy = result.get<Uuid>(row, 0),
                        .destination = result.get<std::string>(row, 1),
                        .mapping = result.get<std::string>(row, 2),
                        .attempts = result.get<std::int32_t>(row, 3),
                        .paused = result.get<bool>(row, 4),
                        .quarantined = result.get<std::int64_t>(row, 5),
                        .retry_in = retry_in ? std::optional(std::chrono::milliseconds(*retry_in)) : std::nullopt,
                        .since = result.get<std::optional<postgres::Timestamp>>(row, 7),
                        .sqlstate = result.get<std::string>(row, 8),
                        .error = result.get<std::string>(row, 9)});
  }
  return troubles;
}

}  // namespace

asio::awaitable<Fusebox> read_fusebox(postgres::Connection& source, Deadline deadline) {
  const auto result = co_await source.execute_prepared(kFuseboxSql, {}, deadline);
  co_return Fusebox{.sequencer = result.get<bool>(0, 0), .poller = result.get<bool>(0, 1)};
}

asio::awaitable<void> write_fusebox(postgres::Connection& source, std::optional<bool> sequencer, std::optional<bool> poller,
                                    Deadline deadline) {
  postgres::Params params;
  params.add(sequencer, postgres::oid::kBool).add(poller, postgres::oid::kBool);
  co_await source.execute_prepared(kWriteFuseboxSql, std::move(params), deadline);
}

asio::awaitable<std::vector<Trouble>> read_troubles(postgres::Connection& source, Deadline deadline) {
  co_return troubles_of(co_await source.execute(fmt::format(kTroublesTemplate, "", ""), deadline));
}

asio::awaitable<std::vector<Trouble>> read_troubles(postgres::Connection& source, std::span<const DestinationName> destinations,
                                                    Deadline deadline) {
  constexpr auto kOf = " AND ({0}.tenancy_id, {0}.destination_id) IN (SELECT * FROM unnest($1::uuid[], $2::text[]))";
  auto params = name_params(destinations);
  const auto sql = fmt::format(kTroublesTemplate, fmt::format(kOf, "s"), fmt::format(kOf, "q"));
  co_return troubles_of(co_await source.execute(sql, std::move(params), deadline));
}

asio::awaitable<ClickHouseState> read_clickhouse(postgres::Connection& source, Deadline deadline) {
  const auto result = co_await source.execute(kClickHouseSql, deadline);
  co_return ClickHouseState{.used = result.get<bool>(0, 0),
                            .waiting = result.get<std::int64_t>(0, 1),
                            .failing = result.get<std::int64_t>(0, 2),
                            .paused = result.get<std::int64_t>(0, 4),
                            .error = result.get<std::string>(0, 3)};
}

std::string_view to_string(Behind::State state) {
  constexpr std::string_view kNames[] = {"pending", "in_flight", "slow"};
  return kNames[static_cast<std::size_t>(state)];
}

asio::awaitable<std::vector<Behind>> read_behind(postgres::Connection& source, std::optional<std::vector<Uuid>> tenancies,
                                                 std::int64_t most, Deadline deadline) {
  postgres::Params params;
  tenancies ? params.add_array(std::span<const Uuid>(*tenancies)) : params.add_null(postgres::oid::kUuidArray);
  params.add(most);
  const auto result = co_await source.execute_prepared(kBehindSql, std::move(params), deadline);
  std::vector<Behind> behind;
  for (std::size_t row = 0; row < result.rows(); ++row) {
    behind.push_back({.tenancy = result.get<Uuid>(row, 0),
                      .project = result.get<std::string>(row, 1),
                      .branch = result.get<std::string>(row, 2),
                      .kind = result.get<std::string>(row, 3),
                      .destination = result.get<std::string>(row, 4),
                      .state = static_cast<Behind::State>(result.get<std::int32_t>(row, 5)),
                      .age = std::chrono::milliseconds(result.get<std::int64_t>(row, 6))});
  }
  co_return behind;
}

asio::awaitable<bool> is_drained(postgres::Connection& source, std::span<const mapping::Mapping> mappings, Deadline deadline) {
  std::set<std::string> tables;
  for (const auto& mapping : mappings) tables.insert(mapping.source_table);
  std::string sql = kDrainedSql;
  for (const auto& table : tables) {
    sql += "   AND NOT EXISTS (SELECT FROM " + mapping::quote_identifier(table) + " WHERE \"shouldUpdateSequenceId\")\n";
  }
  const auto result = co_await source.execute(sql, deadline);
  co_return result.get<bool>(0, 0);
}

}  // namespace tributary::queue
