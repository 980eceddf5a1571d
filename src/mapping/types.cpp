#include "mapping/types.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>

namespace tributary::mapping {
namespace {

// Type ids are PostgreSQL's, fixed in pg_type.dat.
constexpr std::array kTypes{
    TypeInfo{ColumnType::uuid, "uuid", "uuid", 2950, 2951, "UUID"},
    TypeInfo{ColumnType::text, "text", "text", 25, 1009, "String"},
    TypeInfo{ColumnType::boolean, "bool", "boolean", 16, 1000, "UInt8"},
    TypeInfo{ColumnType::smallint, "smallint", "smallint", 21, 1005, "Int16"},
    TypeInfo{ColumnType::integer, "integer", "integer", 23, 1007, "Int32"},
    TypeInfo{ColumnType::bigint, "bigint", "bigint", 20, 1016, "Int64"},
    TypeInfo{ColumnType::double_precision, "double", "double precision", 701, 1022, "Float64"},
    TypeInfo{ColumnType::timestamp, "timestamp", "timestamp without time zone", 1114, 1115, "DateTime64(3, 'UTC')"},
    TypeInfo{ColumnType::timestamptz, "timestamptz", "timestamp with time zone", 1184, 1185, "DateTime64(3, 'UTC')"},
    TypeInfo{ColumnType::jsonb, "jsonb", "jsonb", 3802, 3807, "String"},
};

}  // namespace

std::span<const TypeInfo> all_types() { return kTypes; }

const TypeInfo& type_info(ColumnType type) {
  const auto found = std::ranges::find(kTypes, type, &TypeInfo::type);
  if (found == kTypes.end()) throw std::logic_error("a column type without an entry in the table of types");
  return *found;
}

std::optional<ColumnType> type_named(std::string_view name) {
  const auto found = std::ranges::find(kTypes, name, &TypeInfo::name);
  if (found == kTypes.end()) return std::nullopt;
  return found->type;
}

}  // namespace tributary::mapping
