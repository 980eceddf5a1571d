#include "cli/demo/verify.hpp"

#include <memory>

#include "cli/demo/compare.hpp"
#include "cli/demo/sql.hpp"
#include "postgres/copy.hpp"

namespace tributary::cli::demo {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kChunkBytes = 256 * 1024;
constexpr auto kTableTime = 30min;

std::string with_tenancy(std::string sql, const Uuid& tenancy) {
  const auto at = sql.rfind("$1");
  return sql.replace(at, 2, postgres::literal(tenancy));
}

/// The rows of a query that has a column `key`.
asio::awaitable<RowSource> rows_of(postgres::Connection& connection, std::string query) {
  const auto copy = "COPY (SELECT * FROM (" + query + ") AS rows ORDER BY rows.key COLLATE \"C\") TO STDOUT (FORMAT binary)";
  auto reader =
      std::make_shared<postgres::CopyReader>(co_await postgres::CopyReader::start(connection, copy, Deadline::after(kTableTime)));
  co_return [reader](postgres::CopyBatch& batch) { return reader->read(batch, kChunkBytes, Deadline::after(kTableTime)); };
}

asio::awaitable<std::vector<std::string>> column_names(postgres::Connection& connection, std::string query) {
  const auto none = "SELECT * FROM (" + query + ") AS rows LIMIT 0";
  const auto described = co_await connection.execute(none, Deadline::after(1min));
  std::vector<std::string> names;
  for (std::size_t i = 0; i < described.columns(); ++i) names.emplace_back(described.name(i));
  co_return names;
}

/// Whatever depends on settings is written the same on both sides. Tables this young have no statistics: a join is not to loop over them.
asio::awaitable<void> prepare(postgres::Connection& connection) {
  co_await connection.execute_script("SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; SET enable_nestloop = off",
                                     Deadline::after(1min));
}

}  // namespace

asio::awaitable<RowSource> expected_rows(postgres::Connection& source, std::string_view table, Uuid tenancy) {
  co_await prepare(source);
  co_return co_await rows_of(source, with_tenancy(sql_section("expected.sql", table), tenancy));
}

asio::awaitable<void> verify(VerifyParams params, std::span<const mapping::Mapping> mappings, Verification& result) {
  co_await prepare(params.customer);
  for (const auto& mapping : mappings) {
    const auto actual_sql = sql_section("actual.sql", mapping.target_table);
    TablePlace place{.database = params.database,
                     .table = mapping.target_table,
                     .columns = co_await column_names(params.customer, actual_sql)};
    auto expected = co_await expected_rows(params.source, mapping.target_table, params.tenancy);
    auto actual = co_await rows_of(params.customer, actual_sql);
    co_await compare(std::move(expected), std::move(actual), std::move(place), result);
  }
}

}  // namespace tributary::cli::demo
