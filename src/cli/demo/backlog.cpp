#include "cli/demo/backlog.hpp"

#include <algorithm>
#include <map>
#include <numeric>

#include "base/sql_text.hpp"

namespace tributary::cli::demo {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kWatermarks = "SELECT mapping_name, last_synced_sequence_id FROM public._stack_sync_metadata";
constexpr auto kStatementTime = 60s;

/// $1 tenancies, $2 their databases' watermarks: (how many changes each has not passed), in order.
std::string count_sql(const mapping::Mapping& mapping) {
  return fmt::format(R"(SELECT (SELECT count(*) FROM {table} AS r WHERE r.{tenancy} = w.tenancy AND r."sequenceId" > w.mark)
     + (SELECT count(*) FROM {table} AS r WHERE r.{tenancy} = w.tenancy AND r."shouldUpdateSequenceId" AND coalesce(r."sequenceId" <= w.mark, true))
     + (SELECT count(*) FROM "DeletedRow" AS d
        WHERE d."tenancyId" = w.tenancy AND d."tableName" = {name} AND (d."sequenceId" > w.mark OR d."sequenceId" IS NULL))
FROM unnest($1::uuid[], $2::bigint[]) WITH ORDINALITY AS w (tenancy, mark, number)
ORDER BY w.number)",
                     fmt::arg("table", quote_identifier(mapping.source_table)),
                     fmt::arg("tenancy", quote_identifier(mapping.tenancy_column)),
                     fmt::arg("name", quote_literal(mapping.source_table)));
}

using Watermarks = std::map<std::string, std::int64_t>;

asio::awaitable<Watermarks> read_watermarks(Customer& customer) {
  Watermarks watermarks;
  try {
    auto connection = co_await customer.pool->acquire(Deadline::after(kStatementTime));
    const auto rows = co_await connection->execute_prepared(kWatermarks, {}, Deadline::after(kStatementTime));
    for (std::size_t row = 0; row < rows.rows(); ++row)
      watermarks[rows.get<std::string>(row, 0)] = rows.get<std::int64_t>(row, 1);
  } catch (const postgres::Error& error) {
    if (!is_missing_table(error)) throw;
  }
  co_return watermarks;
}

}  // namespace

std::int64_t Backlog::total() const {
  return std::accumulate(rows.begin(), rows.end(), unresolved, [](auto sum, auto n) { return sum + (n < 0 ? 1 : n); });
}

std::size_t Backlog::behind() const {
  return static_cast<std::size_t>(std::ranges::count_if(rows, [](auto n) { return n != 0; }));
}

asio::awaitable<Backlog> read_backlog(postgres::Connection& source, std::span<Customer> customers,
                                      std::span<const mapping::Mapping> mappings) {
  Backlog backlog;
  backlog.rows.resize(customers.size());
  std::vector<Watermarks> watermarks(customers.size());
  for (std::size_t i = 0; i < customers.size(); ++i) {
    try {
      watermarks[i] = co_await read_watermarks(customers[i]);
    } catch (const postgres::Error&) {
      backlog.rows[i] = -1;
    }
  }
  std::vector<Uuid> tenancies;
  for (const auto& customer : customers) tenancies.push_back(customer.tenancy);
  for (const auto& mapping : mappings) {
    std::vector<std::int64_t> marks;
    for (auto& known : watermarks) marks.push_back(known.contains(mapping.name) ? known[mapping.name] : -1);
    postgres::Params params;
    params.add_array(std::span<const Uuid>(tenancies)).add_array(std::span<const std::int64_t>(marks));
    const auto sql = count_sql(mapping);
    const auto counts = co_await source.execute_prepared(sql, std::move(params), Deadline::after(kStatementTime));
    for (std::size_t i = 0; i < customers.size(); ++i) {
      if (backlog.rows[i] >= 0) backlog.rows[i] += counts.get<std::int64_t>(i, 0);
    }
  }
  const auto marked =
      co_await source.execute_prepared("SELECT count(*) FROM tributary.marker", {}, Deadline::after(kStatementTime));
  backlog.unresolved = marked.get<std::int64_t>(0, 0);
  co_return backlog;
}

}  // namespace tributary::cli::demo
