#pragma once
#include <fmt/format.h>

#include <string>

#include "base/sql_text.hpp"
#include "mapping/clickhouse_sql.hpp"

/// Pieces that the generators of clickhouse_*.cpp share. Internal to this module.
namespace tributary::mapping::clickhouse {

/// analytics_internal.`users`
inline std::string table_name(const Mapping& mapping) {
  return fmt::format("{}.{}", kDatabase, quote_clickhouse_identifier(mapping.target_table));
}

/// default.`users`
inline std::string view_name(const Mapping& mapping) {
  return fmt::format("{}.{}", kViewDatabase, quote_clickhouse_identifier(mapping.target_table));
}

/// " ON CLUSTER `name`", or nothing.
inline std::string on_cluster(const Options& options) {
  return options.cluster.empty() ? "" : " ON CLUSTER " + quote_clickhouse_identifier(options.cluster);
}

}  // namespace tributary::mapping::clickhouse
