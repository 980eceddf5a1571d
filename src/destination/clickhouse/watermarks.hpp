#pragma once
#include <map>
#include <span>
#include <string>

#include "clickhouse/block.hpp"
#include "clickhouse/client.hpp"
#include "destination/destination.hpp"

namespace tributary::destination::clickhouse_target {

/// Where tenancies stand in the shared ClickHouse, by mapping; those of which nothing was ever written are left out. The one reader of mapping::clickhouse::read_metadata_sql().
/// At most about a thousand: each is some 45 bytes of the request's URL. Throws clickhouse::Error.
using StoredPositions = std::map<Uuid, std::map<std::string, Position>>;
asio::awaitable<StoredPositions> stored_positions(clickhouse::Client& client, std::span<const Uuid> tenancies, Deadline deadline);
/// The same for one of them.
asio::awaitable<std::map<std::string, Position>> stored_positions_of(clickhouse::Client& client, Uuid tenancy, Deadline deadline);

/// What mapping::clickhouse::insert_metadata_sql() takes: no rows yet.
clickhouse::Block make_watermark_block();
struct NewWatermark {
  Uuid tenancy;
  std::string_view mapping;
  std::int64_t generation = 0;
  std::int64_t watermark = -1;
  std::optional<postgres::Timestamp> complete_until;  ///< where there is one, the watermark is complete: Position::complete
};
void append_watermark(clickhouse::Block& block, const NewWatermark& row);

}  // namespace tributary::destination::clickhouse_target
