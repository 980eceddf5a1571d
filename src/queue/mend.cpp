#include "queue/mend.hpp"

namespace tributary::queue {
namespace {

constexpr std::string_view kRequestResync = R"sql(
INSERT INTO tributary.mend AS m (tenancy_id, destination_id, mapping, reason, reads_everything)
SELECT g.tenancy_id, g.destination_id, n.mapping, 'resync', true
FROM unnest($1::uuid[], $2::text[]) AS g (tenancy_id, destination_id)
CROSS JOIN unnest($3::text[]) AS n (mapping)
ON CONFLICT (tenancy_id, destination_id, mapping) DO UPDATE
SET reason = 'resync', reads_everything = true, begun = false, requested_at = clock_timestamp(), finished_at = NULL, differences = 0, error = '',
    attempts = 0, next_try_at = '-infinity')sql";

// What stands below a tombstone that is gone stays there where its table does not change: compared since, and equal, it is not asked for again. (Where rows were
// mended its watermark has moved, unless it comes from a backup.)
// One that is open may have compared already what is suspected now: asked for anew, it is not finished by what it has seen so far. A resync that has begun goes on.
constexpr std::string_view kRequest = R"sql(
INSERT INTO tributary.mend AS m (tenancy_id, destination_id, mapping, reason, reads_everything, watermark)
SELECT $1, $2, suspect.mapping, suspect.reason, false, suspect.watermark
FROM (
  SELECT v.mapping, v.watermark,
         CASE
           WHEN v.doubt IN ('late', 'ahead') THEN v.doubt
           WHEN v.watermark < g.through AND NOT EXISTS (
             SELECT FROM tributary.mend AS m
             WHERE (m.tenancy_id, m.destination_id, m.mapping) = ($1, $2, v.mapping) AND m.finished_at IS NOT NULL
               AND m.watermark = v.watermark AND m.differences = 0 AND m.requested_at >= g.collected_at
           ) THEN 'collected'
           WHEN v.doubt = 'not empty' THEN v.doubt
         END AS reason
  FROM unnest($3::text[], $4::text[], $5::bigint[], $6::text[]) AS v (mapping, table_name, watermark, doubt)
  LEFT JOIN tributary.collected AS g ON g.tenancy_id = $1 AND g.table_name = v.table_name
) AS suspect
WHERE suspect.reason IS NOT NULL
ON CONFLICT (tenancy_id, destination_id, mapping) DO UPDATE
SET reason = CASE WHEN m.reads_everything AND m.finished_at IS NULL THEN m.reason ELSE EXCLUDED.reason END,
    reads_everything = m.reads_everything AND m.finished_at IS NULL,
    begun = m.begun AND m.finished_at IS NULL,
    requested_at = clock_timestamp(), finished_at = NULL, differences = 0, error = '', attempts = 0, next_try_at = '-infinity',
    watermark = EXCLUDED.watermark
WHERE (m.finished_at IS NOT NULL
       AND (EXCLUDED.reason = 'collected' OR m.requested_at < (SELECT max(jumped_at) FROM tributary.sequence_jump)))
   OR (EXCLUDED.reason = 'ahead' AND EXCLUDED.watermark IS DISTINCT FROM m.watermark)
   OR EXCLUDED.reason = 'late')sql";

// Unless it was removed and added once more since.
constexpr std::string_view kNoteReached = R"sql(
DELETE FROM tributary.added_destination
WHERE tenancy_id = $1 AND destination_id = $2 AND added_at = $3::text::timestamptz)sql";

constexpr std::string_view kTenancyAt =
    R"sql(SELECT id FROM "Tenancy" WHERE "projectId" = $1 AND "branchId" = $2 AND "hasNoOrganization" = 'TRUE' LIMIT 1)sql";

// A deleted tenancy may come back under its own id before its destinations were left: then they must still be compared.
constexpr std::string_view kForgetGone = R"sql(
DELETE FROM tributary.mend AS m
WHERE m.finished_at IS NULL
  AND (EXISTS (SELECT FROM "Tenancy" AS t WHERE t.id = m.tenancy_id)
    OR NOT EXISTS (SELECT FROM tributary.deleted_tenancy AS d WHERE d."tenancyId" = m.tenancy_id))
  AND NOT EXISTS (
    SELECT FROM "Tenancy" AS t
    WHERE t.id = m.tenancy_id AND t."hasNoOrganization" = 'TRUE'
      AND (tributary.destinations(t."projectId", t."branchId") || tributary.shared_destinations()) ? m.destination_id))sql";

// None waits for more than an hour: what seems so was written before the source's clock was set back.
constexpr std::string_view kOpen = R"sql(
SELECT m.tenancy_id, m.destination_id, m.mapping, m.reads_everything, m.begun, t."projectId", t."branchId",
       coalesce(tributary.destinations(t."projectId", t."branchId") -> m.destination_id ->> 'connectionString', ''),
       m.requested_at::text, m.attempts, m.next_try_at::text
FROM tributary.mend AS m
JOIN "Tenancy" AS t ON t.id = m.tenancy_id
WHERE m.finished_at IS NULL
  AND m.next_try_at NOT BETWEEN clock_timestamp() AND clock_timestamp() + interval '1 hour'
  AND m.mapping = ANY ($2)
  AND NOT EXISTS (
    SELECT FROM tributary.destination_state AS s
    WHERE s.tenancy_id = m.tenancy_id AND s.destination_id = m.destination_id AND s.mapping IN ('', m.mapping) AND s.paused)
ORDER BY m.next_try_at, m.requested_at
LIMIT $1)sql";

constexpr std::string_view kNoteBegun = R"sql(
WITH noted AS (
  UPDATE tributary.mend SET begun = true, error = ''
  WHERE tenancy_id = $1 AND destination_id = $2 AND mapping = $3 AND requested_at = $4::text::timestamptz
)
SELECT tributary.enqueue_for(ARRAY[$1], CASE $2 WHEN '@clickhouse' THEN 'clickhouse' ELSE 'postgres' END), pg_notify('tributary_queue', '')::text)sql";

constexpr std::string_view kFinish = R"sql(
UPDATE tributary.mend
SET finished_at = clock_timestamp(), differences = $5, error = ''
WHERE tenancy_id = $1 AND destination_id = $2 AND mapping = $3 AND requested_at = $4::text::timestamptz)sql";

constexpr std::string_view kPostpone = R"sql(
UPDATE tributary.mend
SET next_try_at = clock_timestamp() + $5 * interval '1 millisecond', attempts = $6, error = $7
WHERE tenancy_id = $1 AND destination_id = $2 AND mapping = $3 AND requested_at = $4::text::timestamptz
  AND next_try_at = $8::text::timestamptz)sql";

// Whoever claims a tenancy after that sees where it stands now.
constexpr std::string_view kSeeLeftPlaces = R"sql(
UPDATE tributary.left_place AS l
SET seen_at = clock_timestamp()
FROM (SELECT tenancy_id, project_id, branch_id FROM tributary.left_place WHERE seen_at IS NULL FOR UPDATE SKIP LOCKED) AS unseen
WHERE (l.tenancy_id, l.project_id, l.branch_id) = (unseen.tenancy_id, unseen.project_id, unseen.branch_id))sql";

// The second is for clocks that are rounded.
constexpr std::string_view kLeftPlaces = R"sql(
SELECT l.tenancy_id, l.project_id, l.branch_id, l.seen_at::text
FROM tributary.left_place AS l
WHERE l.seen_at <= clock_timestamp() - $2 * interval '1 millisecond'
  AND (SELECT clickhouse FROM tributary.installation)
  AND NOT EXISTS (
    SELECT FROM "OutgoingRequest" AS r
    WHERE r."tenancyId" = l.tenancy_id AND r."destinationKind" = 'clickhouse'
      AND r."startedFulfillingAt" < (l.seen_at + interval '1 second') AT TIME ZONE 'UTC'
      AND r."leaseUntil" > clock_timestamp())
ORDER BY l.seen_at
LIMIT $1)sql";

constexpr std::string_view kForgetLeftPlace = R"sql(
WITH asked AS (
  INSERT INTO tributary.mend AS m (tenancy_id, destination_id, mapping, reason, reads_everything)
  SELECT t.id, '@clickhouse', n.mapping, 'moved', true
  FROM "Tenancy" AS t
  CROSS JOIN unnest($5::text[]) AS n (mapping)
  WHERE t."hasNoOrganization" = 'TRUE' AND (t.id = $1 OR (t."projectId" = $2 AND t."branchId" = $3))
  ON CONFLICT (tenancy_id, destination_id, mapping) DO UPDATE
  SET reason = 'moved', reads_everything = true, begun = false, requested_at = clock_timestamp(), finished_at = NULL, differences = 0, error = '',
      attempts = 0, next_try_at = '-infinity'
)
DELETE FROM tributary.left_place
WHERE tenancy_id = $1 AND project_id = $2 AND branch_id = $3 AND seen_at = $4::text::timestamptz)sql";

constexpr std::string_view kCount = R"sql(
SELECT count(*) FILTER (WHERE m.finished_at IS NULL),
       coalesce(sum(m.differences) FILTER (WHERE m.finished_at IS NOT NULL), 0)::bigint,
       coalesce(max(m.error) FILTER (WHERE m.finished_at IS NULL), '')
FROM unnest($1::uuid[], $2::text[]) AS g (tenancy_id, destination_id)
JOIN tributary.mend AS m USING (tenancy_id, destination_id)
WHERE m.mapping = ANY ($3))sql";

postgres::Params names_of(std::span<const DestinationName> destinations, const std::vector<std::string>& mappings) {
  auto params = name_params(destinations);
  params.add_array(std::span<const std::string>(mappings));
  return params;
}

/// Of the request that it was read as: what is asked for anew meanwhile is another one.
postgres::Params key_of(const Mend& mend) {
  postgres::Params params;
  params.add(mend.destination.tenancy).add(mend.destination.destination).add(mend.mapping).add(mend.requested_at);
  return params;
}

std::string to_string(Doubt doubt) {
  switch (doubt) {
    case Doubt::late:
      return "late";
    case Doubt::ahead:
      return "ahead";
    case Doubt::missed:
      return "";
    case Doubt::adopted:
      return "not empty";
  }
  return "";
}

}  // namespace

asio::awaitable<std::uint64_t> request_resync(postgres::Connection& connection, std::span<const DestinationName> destinations,
                                              std::vector<std::string> mappings, Deadline deadline) {
  std::vector<postgres::Command> commands;
  commands.push_back(durable_commit());
  commands.push_back({.sql = kRequestResync, .params = names_of(destinations, mappings)});
  co_return (co_await connection.execute_pipeline(std::move(commands), deadline)).at(1).affected_rows();
}

asio::awaitable<std::uint64_t> request_mends(postgres::Connection& connection, const DestinationName& destination,
                                             std::span<const Suspect> suspects, Deadline deadline) {
  std::vector<std::string> mappings;
  std::vector<std::string> tables;
  std::vector<std::int64_t> watermarks;
  std::vector<std::string> doubts;
  for (const auto& suspect : suspects) {
    mappings.push_back(suspect.mapping);
    tables.push_back(suspect.table);
    watermarks.push_back(suspect.watermark);
    doubts.push_back(to_string(suspect.doubt));
  }
  postgres::Params params;
  params.add(destination.tenancy).add(destination.destination).add_array(std::span<const std::string>(mappings));
  params.add_array(std::span<const std::string>(tables)).add_array(std::span<const std::int64_t>(watermarks));
  params.add_array(std::span<const std::string>(doubts));
  std::vector<postgres::Command> commands;
  commands.push_back(durable_commit());
  commands.push_back({.sql = kRequest, .params = std::move(params), .prepare = true});
  co_return (co_await connection.execute_pipeline(std::move(commands), deadline)).at(1).affected_rows();
}

asio::awaitable<void> note_reached(postgres::Connection& connection, const DestinationName& destination, std::string added_at,
                                   Deadline deadline) {
  postgres::Params params;
  params.add(destination.tenancy).add(destination.destination).add(added_at);
  co_await connection.execute_prepared(kNoteReached, std::move(params), deadline);
}

asio::awaitable<std::int64_t> last_jump(postgres::Connection& connection, Deadline deadline) {
  std::vector<postgres::Command> commands;
  commands.push_back({.sql = "SELECT tributary.guard_sequence()", .params = {}, .prepare = true});
  commands.push_back({.sql = "SELECT coalesce(max(jumped_to), -1) FROM tributary.sequence_jump", .params = {}, .prepare = true});
  co_return (co_await connection.execute_pipeline(std::move(commands), deadline)).at(1).get<std::int64_t>(0, 0);
}

asio::awaitable<std::optional<Uuid>> tenancy_at(postgres::Connection& connection, std::string project, std::string branch,
                                                Deadline deadline) {
  postgres::Params params;
  params.add(project).add(branch);
  const auto result = co_await connection.execute_prepared(kTenancyAt, std::move(params), deadline);
  if (result.empty()) co_return std::nullopt;
  co_return result.get<Uuid>(0, 0);
}

asio::awaitable<std::vector<Mend>> open_mends(postgres::Connection& connection, std::vector<std::string> mappings,
                                              std::int64_t limit, Deadline deadline) {
  co_await connection.execute_prepared(kForgetGone, {}, deadline);
  postgres::Params params;
  params.add(limit).add_array(std::span<const std::string>(mappings));
  const auto result = co_await connection.execute_prepared(kOpen, std::move(params), deadline);
  std::vector<Mend> mends;
  for (std::size_t row = 0; row < result.rows(); ++row) {
    mends.push_back({.destination = {result.get<Uuid>(row, 0), result.get<std::string>(row, 1)},
                     .mapping = result.get<std::string>(row, 2),
                     .reads_everything = result.get<bool>(row, 3),
                     .begun = result.get<bool>(row, 4),
                     .project = result.get<std::string>(row, 5),
                     .branch = result.get<std::string>(row, 6),
                     .connection_string = result.get<std::string>(row, 7),
                     .requested_at = result.get<std::string>(row, 8),
                     .attempts = result.get<std::int32_t>(row, 9),
                     .due_since = result.get<std::string>(row, 10)});
  }
  co_return mends;
}

asio::awaitable<void> note_begun(postgres::Connection& connection, const Mend& mend, Deadline deadline) {
  co_await connection.execute_prepared(kNoteBegun, key_of(mend), deadline);
}

asio::awaitable<void> finish_mend(postgres::Connection& connection, const Mend& mend, std::int64_t differences,
                                  Deadline deadline) {
  auto params = key_of(mend);
  params.add(differences);
  co_await connection.execute_prepared(kFinish, std::move(params), deadline);
}

asio::awaitable<void> postpone_mend(postgres::Connection& connection, const Mend& mend, Postponement postponement,
                                    Deadline deadline) {
  auto params = key_of(mend);
  params.add(std::int64_t{postponement.delay.count()})
      .add(static_cast<std::int32_t>(postponement.attempts))
      .add(postponement.error)
      .add(mend.due_since);
  co_await connection.execute_prepared(kPostpone, std::move(params), deadline);
}

asio::awaitable<std::vector<LeftPlace>> left_places(postgres::Connection& connection, std::chrono::milliseconds settling,
                                                    std::int64_t limit, Deadline deadline) {
  co_await connection.execute_prepared(kSeeLeftPlaces, {}, deadline);
  postgres::Params params;
  params.add(limit).add(std::int64_t{settling.count()});
  const auto result = co_await connection.execute_prepared(kLeftPlaces, std::move(params), deadline);
  std::vector<LeftPlace> places;
  for (std::size_t row = 0; row < result.rows(); ++row) {
    places.push_back({.tenancy = result.get<Uuid>(row, 0),
                      .project = result.get<std::string>(row, 1),
                      .branch = result.get<std::string>(row, 2),
                      .seen_at = result.get<std::string>(row, 3)});
  }
  co_return places;
}

asio::awaitable<void> forget_left_place(postgres::Connection& connection, const LeftPlace& place,
                                        std::vector<std::string> mappings, Deadline deadline) {
  postgres::Params params;
  params.add(place.tenancy).add(place.project).add(place.branch).add(place.seen_at);
  params.add_array(std::span<const std::string>(mappings));
  co_await connection.execute_prepared(kForgetLeftPlace, std::move(params), deadline);
}

asio::awaitable<OpenMends> count_mends(postgres::Connection& connection, std::span<const DestinationName> destinations,
                                       std::vector<std::string> mappings, Deadline deadline) {
  const auto result = co_await connection.execute(kCount, names_of(destinations, mappings), deadline);
  co_return OpenMends{result.get<std::int64_t>(0, 0), result.get<std::int64_t>(0, 1), result.get<std::string>(0, 2)};
}

}  // namespace tributary::queue
