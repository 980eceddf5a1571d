#include "sequencer/flagged.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "mapping/sql.hpp"
#include "sequencer/sql.hpp"

namespace tributary::sequencer {
namespace {

std::string tenancy_column(std::span<const mapping::Mapping> mappings, const std::string& table) {
  const auto found = std::ranges::find(mappings, table, &mapping::Mapping::source_table);
  return found == mappings.end() ? "tenancyId" : found->tenancy_column;
}

std::string count_sql(const std::string& table, const std::string& condition) {
  return fmt::format(R"sql(SELECT count(*) FROM (SELECT FROM public.{} WHERE "shouldUpdateSequenceId"{} LIMIT {}) AS flagged)sql",
                     mapping::quote_identifier(table), condition, Flagged::kMost);
}

}  // namespace

asio::awaitable<std::vector<Flagged>> count_flagged(postgres::Connection& source, std::span<const mapping::Mapping> mappings,
                                                    std::optional<std::vector<Uuid>> tenancies, Deadline deadline) {
  std::vector<Flagged> counts;
  for (const auto& table : sequenced_tables(mappings)) {
    postgres::Params params;
    std::string condition;
    if (tenancies) {
      condition = " AND " + mapping::quote_identifier(tenancy_column(mappings, table)) + " = ANY ($1)";
      params.add_array(std::span<const Uuid>(*tenancies));
    }
    const auto sql = count_sql(table, condition);
    const auto result = co_await source.execute_prepared(sql, std::move(params), deadline);
    counts.push_back({.table = table, .count = result.get<std::int64_t>(0, 0)});
  }
  co_return counts;
}

}  // namespace tributary::sequencer
