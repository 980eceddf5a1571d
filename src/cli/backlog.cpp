#include "cli/backlog.hpp"

#include <algorithm>
#include <map>

#include "destination/postgres/destination.hpp"
#include "mapping/sql.hpp"

namespace tributary::cli {
namespace {

constexpr auto kWatermarksSql = R"(
SELECT mapping_name, last_synced_sequence_id, complete_until
FROM public._stack_sync_metadata
WHERE tenancy_id = $1
)";

struct Watermark {
  std::int64_t sequence_id = -1;
  std::optional<postgres::Timestamp> complete_until;
};

/// $1 tenancy, $2 watermark, $3 the table's name in "DeletedRow".
std::string count_sql(const mapping::Mapping& mapping) {
  return R"(
SELECT (SELECT count(*)
        FROM )" +
         mapping::quote_identifier(mapping.source_table) + R"(
        WHERE )" +
         mapping::quote_identifier(mapping.tenancy_column) + R"( = $1
          AND ("sequenceId" > $2 OR "shouldUpdateSequenceId"))
     + (SELECT count(*)
        FROM "DeletedRow"
        WHERE "tenancyId" = $1
          AND "tableName" = $3
          AND ("sequenceId" > $2 OR "shouldUpdateSequenceId"))
)";
}

std::map<std::string, Watermark> by_mapping(const postgres::Result& rows) {
  std::map<std::string, Watermark> watermarks;
  for (std::size_t row = 0; row < rows.rows(); ++row) {
    watermarks[rows.get<std::string>(row, 0)] = {.sequence_id = rows.get<std::int64_t>(row, 1),
                                                 .complete_until = rows.get<std::optional<postgres::Timestamp>>(row, 2)};
  }
  return watermarks;
}

bool says_no_table(const postgres::Error& error) { return error.sqlstate() == "42P01"; }

}  // namespace

asio::awaitable<postgres::Result> BacklogReader::watermarks(Deadline deadline) {
  if (!connection_ || !connection_->usable()) {
    const auto options =
        destination::postgres_target::connect_options(destination_.connection_string, destination_.tenancy, params_);
    connection_ = co_await destination::postgres_target::open_session(options, deadline);
  }
  postgres::Params params;
  params.add(destination_.tenancy);
  co_return co_await connection_->execute_prepared(kWatermarksSql, std::move(params), deadline);
}

asio::awaitable<Backlog> BacklogReader::read(postgres::Connection& source, std::span<const mapping::Mapping> mappings,
                                             Deadline deadline) {
  Backlog backlog;
  std::map<std::string, Watermark> watermarks;
  try {
    watermarks = by_mapping(co_await this->watermarks(deadline));
  } catch (const postgres::Error& error) {
    if (!says_no_table(error)) backlog.error = error.what();  // no table: it has got nothing yet
  }
  bool complete = true;
  auto oldest = postgres::Timestamp::max();
  for (const auto& mapping : mappings) {
    const auto watermark = watermarks[mapping.name];
    postgres::Params params;
    params.add(destination_.tenancy).add(watermark.sequence_id).add(mapping.source_table);
    const auto sql = count_sql(mapping);
    const auto count = (co_await source.execute_prepared(sql, std::move(params), deadline)).get<std::int64_t>(0, 0);
    backlog.changes += count;
    if (watermark.complete_until) {
      oldest = std::min(oldest, *watermark.complete_until);
    } else if (count > 0) {
      complete = false;
    }
  }
  if (complete && oldest != postgres::Timestamp::max()) backlog.complete_until = oldest;
  co_return backlog;
}

}  // namespace tributary::cli
