#include "mapping/sql_parts.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/sql_text.hpp"
#include "mapping/sql.hpp"
#include "mapping/types.hpp"

namespace tributary::mapping {

std::string public_table(std::string_view table) { return "public." + quote_identifier(table); }

std::string qualified(std::string_view alias, std::string_view column) {
  return fmt::format("{}.{}", alias, quote_identifier(column));
}

std::string postgres_type(const Column& column) { return std::string(type_info(column.type).postgres_name); }

std::string identifier_list(std::span<const Column> columns) {
  return joined(columns, ", ", [](const Column& column) { return quote_identifier(column.name); });
}

std::string identifier_list(std::span<const std::string> names) { return joined(names, ", ", quote_identifier); }

bool is_target_key(const Mapping& mapping, std::string_view column) {
  return std::ranges::find(mapping.target_key, column) != mapping.target_key.end();
}

std::vector<Column> key_columns(const Mapping& mapping) {
  std::vector<Column> result;
  for (const auto& name : mapping.target_key) result.push_back(mapping.column(name));
  return result;
}

std::string row_value(const Column& column) {
  const auto value = column.sql.empty() ? qualified(kSourceAlias, column.from) : '(' + column.sql + ')';
  const auto cast = fmt::format("{}::{}", value, postgres_type(column));
  return column.default_sql ? fmt::format("COALESCE({}, {})", cast, *column.default_sql) : cast;
}

std::string tombstone_value(const Mapping& mapping, const Column& column) {
  const bool in_key = is_target_key(mapping, column.name);
  const bool is_time = column.type == ColumnType::timestamp || column.type == ColumnType::timestamptz;
  if (column.from.empty() || !(in_key || is_time)) return {};
  return fmt::format("({} ->> {})::{}", qualified("deleted", in_key ? "primaryKey" : "data"), quote_literal(column.from),
                     postgres_type(column));
}

std::string row_sources(const Mapping& mapping, std::string_view indent) {
  auto text = fmt::format("{}FROM {} AS {}\n", indent, public_table(mapping.source_table), kSourceAlias);
  for (const auto& dependency : mapping.dependencies) {
    text += fmt::format("{}LEFT JOIN {} AS {}\n{}  ON {}", indent, public_table(dependency.table), dependency.alias, indent,
                        joined(dependency.on, " AND ", [&](const auto& pair) {
                          return qualified(dependency.alias, pair.first) + " = " + qualified(kSourceAlias, pair.second);
                        }));
    if (!dependency.where.empty()) text += fmt::format(" AND ({})", dependency.where);
    text += '\n';
  }
  return text;
}

}  // namespace tributary::mapping
