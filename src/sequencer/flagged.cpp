#include "sequencer/flagged.hpp"

#include <fmt/format.h>

#include <boost/asio/steady_timer.hpp>

#include <algorithm>

#include "mapping/sql.hpp"
#include "sequencer/sql.hpp"

namespace tributary::sequencer {
namespace {

constexpr std::chrono::milliseconds kLookEvery{200};
constexpr std::string_view kLastId = R"sql(SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM public.global_seq_id)sql";
constexpr std::string_view kMarkers = R"sql(SELECT count(*) FROM (SELECT FROM tributary.marker LIMIT $1) AS m)sql";

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

asio::awaitable<std::int64_t> last_id(postgres::Connection& source, Deadline deadline) {
  const auto result = co_await source.execute_prepared(kLastId, {}, deadline);
  co_return result.get<std::int64_t>(0, 0);
}

asio::awaitable<Unnumbered> read_unnumbered(postgres::Connection& source, std::span<const mapping::Mapping> mappings,
                                            Deadline deadline) {
  postgres::Params params;
  params.add(Flagged::kMost);
  const auto markers = co_await source.execute_prepared(kMarkers, std::move(params), deadline);
  Unnumbered unnumbered{.count = markers.get<std::int64_t>(0, 0)};
  unnumbered.is_capped = unnumbered.count >= Flagged::kMost;
  for (const auto& flagged : co_await count_flagged(source, mappings, std::nullopt, deadline)) {
    unnumbered.count += flagged.count;
    unnumbered.is_capped = unnumbered.is_capped || flagged.count >= Flagged::kMost;
  }
  unnumbered.last_id = co_await last_id(source, deadline);
  co_return unnumbered;
}

asio::awaitable<bool> stands_still(postgres::Connection& source, std::span<const mapping::Mapping> mappings, Unnumbered before,
                                   Deadline patience, Deadline deadline) {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  while (before.count > 0 && !patience.expired()) {
    timer.expires_after(kLookEvery);
    co_await timer.async_wait(asio::use_awaitable);
    const auto now = co_await read_unnumbered(source, mappings, deadline);
    if (now.count == 0 || now.last_id != before.last_id) co_return false;
  }
  co_return before.count > 0;
}

}  // namespace tributary::sequencer
