#include "destination/clickhouse/watermarks.hpp"

#include <array>

#include "clickhouse/row_reader.hpp"
#include "mapping/clickhouse_sql.hpp"

namespace tributary::destination::clickhouse_target {
namespace {

/// As PostgreSQL sends a timestamp: microseconds since 2000.
std::array<std::byte, 8> timestamp_field(postgres::Timestamp time) {
  constexpr std::int64_t kMicrosecondsTo2000 = 946'684'800'000'000;
  const auto value = static_cast<std::uint64_t>(time.time_since_epoch().count() - kMicrosecondsTo2000);
  std::array<std::byte, 8> bytes;
  for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<std::byte>(value >> (56 - 8 * i));
  return bytes;
}

}  // namespace

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

clickhouse::Block make_watermark_block() {
  using enum clickhouse::ColumnType;
  return clickhouse::Block({{.name = "tenancy_id", .type = uuid},
                            {.name = "mapping_name", .type = string},
                            {.name = "generation", .type = int64},
                            {.name = "last_synced_sequence_id", .type = int64},
                            {.name = "complete_until", .type = microseconds, .nullable = true},
                            {.name = "complete_through", .type = int64}});
}

void append_watermark(clickhouse::Block& block, const NewWatermark& row) {
  block.append(0, std::as_bytes(std::span(row.tenancy.bytes)));
  block.append_text(1, row.mapping);
  block.append_int64(2, row.generation);
  block.append_int64(3, row.watermark);
  if (row.complete_until) {
    const auto field = timestamp_field(*row.complete_until);
    block.append(4, std::span<const std::byte>(field));
  } else {
    block.append_default(4);
  }
  block.append_int64(5, row.complete_until ? row.watermark : -1);
  block.end_row();
}

}  // namespace tributary::destination::clickhouse_target
