#include "verify/vacate.hpp"

#include "base/event.hpp"
#include "clickhouse/row_reader.hpp"
#include "mapping/clickhouse_sql.hpp"

namespace tributary::verify {
namespace {

using namespace std::chrono_literals;
namespace ch = tributary::clickhouse;

constexpr int kUnknownTable = 60;
constexpr int kUnknownDatabase = 81;

/// Whether parts are being rewritten, for this or for something else.
asio::awaitable<bool> is_rewriting(ch::Client& writer, Deadline deadline) {
  const auto result = co_await writer.execute(
      {.text = mapping::clickhouse::open_mutations_sql() + "\nFORMAT RowBinary", .retryable = true}, deadline);
  ch::RowReader row(result.body);
  co_return row.int64() > 0;
}

}  // namespace

asio::awaitable<bool> vacate(ch::Client& writer, std::span<const mapping::Mapping> mappings, std::string project,
                             std::string branch, Deadline deadline, std::stop_token stop) {
  if (co_await is_rewriting(writer, deadline)) co_return false;
  for (const auto& mapping : mappings) {
    ch::Query query{.text = mapping::clickhouse::vacate_sql(mapping), .settings = {{"mutations_sync", "0"}}, .retryable = true};
    query.params.add("project", project).add("branch", branch);
    try {
      co_await writer.execute(std::move(query), deadline);
    } catch (const ch::Error& error) {
      // Nothing stands in a table that is not there.
      if (error.code() != kUnknownTable && error.code() != kUnknownDatabase) throw;
    }
  }
  Event pause(co_await asio::this_coro::executor);
  while (co_await is_rewriting(writer, deadline)) {
    co_await pause.wait(deadline.capped(50ms), stop);
    if (deadline.expired() || stop.stop_requested()) co_return false;
  }
  co_return true;
}

}  // namespace tributary::verify
