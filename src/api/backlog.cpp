#include "api/backlog.hpp"

#include <fmt/format.h>

#include <limits>
#include <vector>

#include "mapping/sql.hpp"

namespace tributary::api {
namespace {

/// No change is behind it: who counts for nobody counts little.
constexpr auto kBehindEverything = std::numeric_limits<std::int64_t>::max();

/// $1 and $2: positions, in whose order the rows come; $3: the table's name in "DeletedRow".
std::string backlogs_sql(const mapping::Mapping& mapping) {
  return fmt::format(R"sql(
SELECT (SELECT count(*) FROM {0} WHERE {1} = p.tenancy AND ("sequenceId" > p.watermark OR "shouldUpdateSequenceId"))
     + (SELECT count(*) FROM "DeletedRow"
        WHERE "tenancyId" = p.tenancy AND "tableName" = $3 AND ("sequenceId" > p.watermark OR "shouldUpdateSequenceId")),
       (SELECT max("sequenceId") FROM {0} WHERE {1} = p.tenancy)
FROM unnest($1, $2) WITH ORDINALITY AS p (tenancy, watermark, number)
ORDER BY p.number)sql",
                     mapping::quote_identifier(mapping.source_table), mapping::quote_identifier(mapping.tenancy_column));
}

}  // namespace

asio::awaitable<std::map<Position, Backlog>> read_backlogs(postgres::Connection& source, const mapping::Mapping& mapping,
                                                           std::set<Position> positions, Deadline deadline) {
  std::map<Position, Backlog> backlogs;
  if (positions.empty()) co_return backlogs;
  std::vector<Uuid> tenancies;
  std::vector<std::int64_t> watermarks;
  for (const auto& position : positions) {
    tenancies.push_back(position.tenancy);
    watermarks.push_back(position.watermark.value_or(kBehindEverything));
  }
  postgres::Params params;
  params.add_array(tenancies).add_array(watermarks).add(mapping.source_table);
  const auto sql = backlogs_sql(mapping);
  const auto rows = co_await source.execute_prepared(sql, std::move(params), deadline);
  std::size_t row = 0;
  for (const auto& position : positions) {
    const auto changes = rows.get<std::int64_t>(row, 0);
    backlogs[position] = {.changes = position.watermark ? std::optional(changes) : std::nullopt,
                          .max_sequence_id = rows.get<std::optional<std::int64_t>>(row, 1)};
    ++row;
  }
  co_return backlogs;
}

}  // namespace tributary::api
