#pragma once
#include <memory>

#include "destination/clickhouse/writer.hpp"

namespace tributary::destination::clickhouse_target {

/// A tenancy's part of the shared ClickHouse. See destination::Destination for the promises, and docs/decisions/0007 for what fences here: versions of
/// rows, and watermarks that are maxima; so no batch is ever `fenced`, and none is refused for the sake of a row.
std::unique_ptr<Destination> make_destination(std::shared_ptr<Writer> writer, Tenant tenant);

}  // namespace tributary::destination::clickhouse_target
