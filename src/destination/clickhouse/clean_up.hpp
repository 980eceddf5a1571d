#pragma once
#include <chrono>
#include <optional>
#include <span>

#include "clickhouse/client.hpp"
#include "destination/destination.hpp"
#include "mapping/mapping.hpp"

namespace tributary::destination::clickhouse_target {

/// Takes off the server's disk what is no longer seen: superseded versions of rows, and rows that were deleted longer than `kept` ago. Table by table; the
/// failure is the first that was met, the other tables are cleaned up all the same. Reads and writes go on meanwhile.
///
/// REQUIRES: no worker still writes what it read before `kept` ago (invariant 4): a tombstone that is gone hides no row that comes late.
asio::awaitable<std::optional<Failure>> clean_up(clickhouse::Client& client, std::span<const mapping::Mapping> mappings,
                                                 std::chrono::milliseconds kept, Deadline deadline);

}  // namespace tributary::destination::clickhouse_target
