#pragma once
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mapping/mapping.hpp"

/// Pieces that the generators of fetch_sql.cpp, target_sql.cpp, merge_sql.cpp, compare_sql.cpp and repair_sql.cpp share. Internal to this module.
namespace tributary::mapping {

/// public."table": sessions run with an empty search_path.
std::string public_table(std::string_view table);
/// alias."column"; `alias` is one of ours or checked by parse(), never quoted text.
std::string qualified(std::string_view alias, std::string_view column);
std::string postgres_type(const Column& column);

/// What is written for each element, separated by `separator`.
template <class Range, class Write>
std::string joined(const Range& range, std::string_view separator, Write write) {
  std::string result;
  for (const auto& element : range) {
    if (!result.empty()) result += separator;
    result += write(element);
  }
  return result;
}

/// "a", "b"
std::string identifier_list(std::span<const Column> columns);
std::string identifier_list(std::span<const std::string> names);

bool is_target_key(const Mapping& mapping, std::string_view column);
/// Target key columns in the key's order.
std::vector<Column> key_columns(const Mapping& mapping);

/// Value of a target column in a row of the mapped table. Always cast, so that the type on the wire is the target's: an enum becomes text,
/// and a cast to the type that it has already costs nothing.
std::string row_value(const Column& column);
/// What of a target column is still known of a deleted row: its key, and timestamps of its own. Nothing else, and never "now".
std::string tombstone_value(const Mapping& mapping, const Column& column);
/// FROM the mapped table and what it depends on.
std::string row_sources(const Mapping& mapping, std::string_view indent);

}  // namespace tributary::mapping
