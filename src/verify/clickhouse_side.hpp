#pragma once
#include <memory>

#include "clickhouse/client.hpp"
#include "destination/clickhouse/rows.hpp"
#include "verify/side.hpp"

namespace tributary::verify {

/// As whom the shared ClickHouse is asked. The clients outlive whoever is given this.
struct ClickHouseAccess {
  clickhouse::Client& writer;  ///< reads watermarks
  clickhouse::Client& reader;  ///< reads the tenants' views
  bool as_tenant =
      false;      ///< the reader is the user of tenants' queries: each query names its tenant (mapping/clickhouse_access.hpp)
};

/// A tenant's rows in the shared ClickHouse, as that tenant sees them. `mapping` outlives it.
std::unique_ptr<DestinationSide> make_clickhouse_side(ClickHouseAccess access, const mapping::Mapping& mapping,
                                                      destination::clickhouse_target::Tenant tenant);

}  // namespace tributary::verify
