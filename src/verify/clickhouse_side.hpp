#pragma once
#include <memory>

#include "clickhouse/client.hpp"
#include "destination/clickhouse/rows.hpp"
#include "verify/side.hpp"

namespace tributary::verify {

/// A tenant's rows in the shared ClickHouse. `client` (as whoever writes it) and `mapping` outlive it.
std::unique_ptr<DestinationSide> make_clickhouse_side(clickhouse::Client& client, const mapping::Mapping& mapping,
                                                      destination::clickhouse_target::Tenant tenant);

}  // namespace tributary::verify
