#include "destination/clickhouse/position_query.hpp"

#include <algorithm>

#include "clickhouse/row_reader.hpp"
#include "mapping/clickhouse_sql.hpp"

namespace tributary::destination::clickhouse_target {
namespace {

/// Each is about 45 bytes of the request's URL.
constexpr std::size_t kTenanciesAtOnce = 1'000;

}  // namespace

Askers take_some(Askers& waiting) {
  const auto end = waiting.begin() + static_cast<std::ptrdiff_t>(std::min(waiting.size(), kTenanciesAtOnce));
  Askers some(waiting.begin(), end);
  waiting.erase(waiting.begin(), end);
  return some;
}

asio::awaitable<void> look_up(clickhouse::Client& client, const Askers& askers, Deadline deadline) {
  std::vector<Uuid> tenancies;
  for (const auto& asker : askers) tenancies.push_back(asker->tenancy);
  clickhouse::Query query{.text = mapping::clickhouse::read_metadata_sql() + "\nFORMAT RowBinary", .retryable = true};
  query.params.add("tenancies", std::span<const Uuid>(tenancies));
  const auto result = co_await client.execute(std::move(query), deadline);
  std::map<Uuid, std::map<std::string, Position>> found;
  for (clickhouse::RowReader row(result.body); row.more();) {
    const auto tenancy = row.uuid();
    std::string name(row.string());
    const auto generation = row.int64();
    const auto watermark = row.int64();
    if (!row.null()) row.int64();  // complete_until
    found[tenancy][std::move(name)] = {.watermark = watermark, .generation = generation, .complete = row.int64() == watermark};
  }
  for (const auto& asker : askers) asker->found = found[asker->tenancy];
}

}  // namespace tributary::destination::clickhouse_target
