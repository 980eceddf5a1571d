#include "destination/clickhouse/clean_up.hpp"

#include "destination/clickhouse/failure.hpp"
#include "mapping/clickhouse_sql.hpp"

namespace tributary::destination::clickhouse_target {
namespace {

asio::awaitable<std::optional<Failure>> clean_up(clickhouse::Client& client, const mapping::Mapping& mapping,
                                                 std::chrono::milliseconds kept, Deadline deadline) {
  try {
    for (auto& statement : mapping::clickhouse::clean_up_sql(mapping, kept)) {
      clickhouse::Query query{.text = std::move(statement),
                              .settings = {{"optimize_throw_if_noop", "1"}, {"mutations_sync", "2"}}};
      co_await client.execute(std::move(query), deadline);
    }
  } catch (...) {
    co_return to_failure(std::current_exception());
  }
  co_return std::nullopt;
}

}  // namespace

asio::awaitable<std::optional<Failure>> clean_up(clickhouse::Client& client, std::span<const mapping::Mapping> mappings,
                                                 std::chrono::milliseconds kept, Deadline deadline) {
  std::optional<Failure> first;
  for (const auto& mapping : mappings) {
    auto failure = co_await clean_up(client, mapping, kept, deadline);
    if (failure && !first) first = std::move(failure);
  }
  co_return first;
}

}  // namespace tributary::destination::clickhouse_target
