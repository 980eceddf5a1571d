#pragma once
#include <string>
#include <string_view>

#include "clickhouse/detail/connection.hpp"
#include "clickhouse/options.hpp"
#include "clickhouse/query.hpp"

namespace tributary::clickhouse::detail {

/// The request that asks for `query`, whose text is part of it only where there is data: it is the body otherwise.
RequestHead make_request(const ConnectOptions& options, const Query& query, std::string_view query_id);

/// "lz4", "zstd". REQUIRES: method is not none.
std::string_view encoding_name(Compression method);
/// Throws Error{protocol} on an encoding that nobody asked for.
Compression encoding_named(std::string_view name);

/// Reads X-ClickHouse-Summary; what is missing or makes no sense is zero.
Summary parse_summary(std::string_view json);

}  // namespace tributary::clickhouse::detail
