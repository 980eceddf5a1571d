#include "mapping/sql_parts.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/sql_text.hpp"
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

}  // namespace tributary::mapping
