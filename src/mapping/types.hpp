#pragma once
#include <optional>
#include <span>
#include <string_view>

#include "mapping/mapping.hpp"

namespace tributary::mapping {

/// What a column type is on each side: the one table of truth.
struct TypeInfo {
  ColumnType type;
  std::string_view name;  ///< in YAML: uuid, text, bool, smallint, integer, bigint, double, timestamp, timestamptz, jsonb
  std::string_view postgres_name;  ///< as format_type() says it: "timestamp without time zone"
  unsigned postgres_oid;
  unsigned postgres_array_oid;
  std::string_view clickhouse_name;  ///< UUID, String, UInt8, Int16, …, DateTime64(3, 'UTC'); jsonb is String
};

std::span<const TypeInfo> all_types();
const TypeInfo& type_info(ColumnType type);
std::optional<ColumnType> type_named(std::string_view name);

}  // namespace tributary::mapping
