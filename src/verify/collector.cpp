#include "verify/collector.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>

#include "mapping/compare_sql.hpp"
#include "telemetry/log.hpp"
#include "verify/watermarks.hpp"

namespace tributary::verify {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t kTablesAtOnce = 200;
constexpr std::int64_t kBatch = 1'000;

Deadline query_deadline() { return Deadline::after(30s); }

// From each (tenancy, table) to the next; of each, its first tombstone.
constexpr std::string_view kCandidates = R"sql(
WITH RECURSIVE walk AS (
  (SELECT d."tenancyId", d."tableName" FROM "DeletedRow" AS d WHERE d."tenancyId" > $1 ORDER BY 1, 2 LIMIT 1)
  UNION ALL
  SELECT next.*
  FROM walk
  CROSS JOIN LATERAL (
    SELECT d."tenancyId", d."tableName"
    FROM "DeletedRow" AS d
    WHERE (d."tenancyId", d."tableName") > (walk."tenancyId", walk."tableName")
    ORDER BY 1, 2
    LIMIT 1
  ) AS next
)
SELECT walk."tenancyId", walk."tableName"
FROM walk
CROSS JOIN LATERAL (
  SELECT d."deletedAt"
  FROM "DeletedRow" AS d
  WHERE d."tenancyId" = walk."tenancyId" AND d."tableName" = walk."tableName" AND d."sequenceId" IS NOT NULL
  ORDER BY d."sequenceId"
  LIMIT 1
) AS oldest
WHERE oldest."deletedAt" <= clock_timestamp() AT TIME ZONE 'UTC' - $2 * interval '1 millisecond'
LIMIT $3)sql";

// Where a tenancy's rows go, or the rest of one that was deleted, for how long that has not worked, and whether it fails as a whole.
constexpr std::string_view kDestinations = R"sql(
SELECT d.key,
       coalesce(d.value ->> 'connectionString', ''),
       (SELECT (extract(epoch FROM clock_timestamp() - min(s.failed_since)) * 1000)::bigint
        FROM tributary.destination_state AS s
        WHERE s.tenancy_id = $1 AND s.destination_id = d.key AND (s.error <> '' OR s.paused)),
       EXISTS (SELECT FROM tributary.destination_state AS s
               WHERE s.tenancy_id = $1 AND s.destination_id = d.key AND s.mapping = '' AND s.error <> '')
FROM (
  SELECT tributary.destinations(t."projectId", t."branchId")
         || CASE WHEN i.clickhouse THEN tributary.shared_destinations() ELSE '{}' END AS destinations
  FROM "Tenancy" AS t
  CROSS JOIN tributary.installation AS i
  WHERE t.id = $1 AND t."hasNoOrganization" = 'TRUE'
  UNION ALL
  SELECT g.destinations FROM tributary.deleted_tenancy AS g WHERE g."tenancyId" = $1
) AS place
CROSS JOIN LATERAL jsonb_each(place.destinations) AS d (key, value))sql";

}  // namespace

std::vector<mapping::Mapping> Collector::mappings_of(const std::string& table) const {
  std::vector<mapping::Mapping> found;
  std::ranges::copy_if(mappings_, std::back_inserter(found), [&](const auto& mapping) { return mapping.source_table == table; });
  return found;
}

asio::awaitable<std::int64_t> Collector::pass(postgres::Connection& source, std::stop_token stop) {
  postgres::Params params;
  params.add(after_).add(std::int64_t{params_.collection.keep.count()}).add(kTablesAtOnce);
  const auto result = co_await source.execute_prepared(kCandidates, std::move(params), query_deadline());
  std::vector<Candidate> candidates;
  for (std::size_t row = 0; row < result.rows(); ++row)
    candidates.push_back({result.get<Uuid>(row, 0), result.get<std::string>(row, 1)});
  // The last tenancy may be cut in two: the rest of its tables comes with the next round.
  after_ = static_cast<std::int64_t>(candidates.size()) == kTablesAtOnce ? candidates.back().tenancy : Uuid{};
  std::int64_t removed = 0;
  for (auto begin = candidates.begin(); begin != candidates.end() && !stop.stop_requested();) {
    const auto end = std::find_if(begin, candidates.end(), [&](const auto& other) { return other.tenancy != begin->tenancy; });
    removed += co_await collect(source, std::span<const Candidate>(begin, end), stop);
    begin = end;
  }
  if (removed > 0) telemetry::log(telemetry::Level::info, "collect", "old tombstones were removed", {{"tombstones", removed}});
  co_return removed;
}

asio::awaitable<std::int64_t> Collector::collect(postgres::Connection& source, std::span<const Candidate> of_tenancy,
                                                 std::stop_token stop) {
  const auto tenancy = of_tenancy.front().tenancy;
  postgres::Params params;
  params.add(tenancy);
  const auto destinations = co_await source.execute_prepared(kDestinations, std::move(params), query_deadline());
  std::map<std::string, std::int64_t> passed;
  for (const auto& mapping : mappings_) passed[mapping.name] = std::numeric_limits<std::int64_t>::max();
  for (std::size_t row = 0; row < destinations.rows(); ++row) {
    const auto down_for = destinations.get<std::optional<std::int64_t>>(row, 2);
    if (down_for && *down_for > params_.collection.longest_wait.count()) continue;
    // Its answer would be waited for, in vain, and so would those of a thousand like it, while nobody else's tombstones go. Later is soon enough.
    if (destinations.get<bool>(row, 3)) co_return 0;
    const auto found =
        co_await read_watermarks(params_, tenancy, destinations.get<std::string>(row, 0), destinations.get<std::string>(row, 1));
    if (!found) co_return 0;
    for (auto& [mapping, lowest] : passed) {
      const auto watermark = found->find(mapping);
      lowest = std::min(lowest, watermark == found->end() ? -1 : watermark->second);
    }
  }
  std::int64_t removed = 0;
  for (const auto& candidate : of_tenancy) {
    auto through = std::numeric_limits<std::int64_t>::max();
    for (const auto& mapping : mappings_of(candidate.table)) through = std::min(through, passed.at(mapping.name));
    removed += co_await collect(source, candidate, through, stop);
  }
  co_return removed;
}

asio::awaitable<std::int64_t> Collector::collect(postgres::Connection& source, const Candidate& candidate, std::int64_t through,
                                                 std::stop_token stop) {
  const auto mappings = mappings_of(candidate.table);
  if (mappings.empty()) co_return 0;  // another process may know who waits for these
  const auto sql = mapping::collect_tombstones_sql(mappings);
  std::int64_t removed = 0;
  for (std::int64_t batch = kBatch; batch == kBatch && !stop.stop_requested();) {
    postgres::Params params;
    params.add(candidate.tenancy).add(through).add(std::int64_t{params_.collection.keep.count()}).add(kBatch);
    const auto result = co_await source.execute_prepared(sql, std::move(params), query_deadline());
    batch = result.get<std::int64_t>(0, 0);
    removed += batch;
  }
  co_return removed;
}

}  // namespace tributary::verify
