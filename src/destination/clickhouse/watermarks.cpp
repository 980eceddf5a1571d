#include "destination/clickhouse/watermarks.hpp"

#include "clickhouse/row_reader.hpp"
#include "mapping/clickhouse_sql.hpp"

namespace tributary::destination::clickhouse_target {

asio::awaitable<StoredPositions> stored_positions(clickhouse::Client& client, std::span<const Uuid> tenancies,
                                                  Deadline deadline) {
  clickhouse::Query query{.text = mapping::clickhouse::read_metadata_sql() + "\nFORMAT RowBinary", .retryable = true};
  query.params.add("tenancies", tenancies);
  const auto result = co_await client.execute(std::move(query), deadline);
  StoredPositions found;
  for (clickhouse::RowReader row(result.body); row.more();) {
    const auto tenancy = row.uuid();
    std::string mapping(row.string());
    const auto generation = row.int64();
    const auto watermark = row.int64();
    if (!row.null()) row.int64();  // complete_until
    const auto complete_through = row.int64();
    found[tenancy][std::move(mapping)] = {
        .watermark = watermark, .generation = generation, .complete = complete_through == watermark};
  }
  co_return found;
}

asio::awaitable<std::map<std::string, Position>> stored_positions_of(clickhouse::Client& client, Uuid tenancy,
                                                                     Deadline deadline) {
  const Uuid one[] = {tenancy};
  auto found = co_await stored_positions(client, one, deadline);
  co_return std::move(found[tenancy]);
}

}  // namespace tributary::destination::clickhouse_target
