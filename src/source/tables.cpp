#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <stdexcept>

#include "base/sql_text.hpp"
#include "source/capture.hpp"

namespace tributary::source {
namespace {

void add_once(std::vector<std::string>& list, const std::string& value) {
  if (std::ranges::find(list, value) == list.end()) list.push_back(value);
}

bool is_time(const mapping::Column& column) {
  return column.type == mapping::ColumnType::timestamp || column.type == mapping::ColumnType::timestamptz;
}

/// Whether an equality on all of `columns` is an index scan on (`key`…): they are its first columns, in any order.
bool begins_with(const std::vector<std::string>& key, const std::vector<std::string>& columns) {
  return columns.size() <= key.size() &&
         std::ranges::all_of(key.begin(), key.begin() + static_cast<long>(columns.size()),
                             [&](const auto& name) { return std::ranges::find(columns, name) != columns.end(); });
}

void merge(CapturedTable& table, const mapping::Mapping& mapping) {
  for (const auto& column : mapping.columns) {
    if (is_time(column) && !column.from.empty()) add_once(table.timestamps, column.from);
  }
  std::vector<std::string> lookup;
  for (const auto& column : mapping::target_key_source_columns(mapping)) add_once(lookup, column);
  add_once(lookup, mapping.tenancy_column);
  if (!begins_with(table.key, lookup) && std::ranges::find(table.lookups, lookup) == table.lookups.end())
    table.lookups.push_back(lookup);
  if (mapping::target_key_is_shared(mapping) && std::ranges::find(table.shared, lookup) == table.shared.end())
    table.shared.push_back(lookup);
}

}  // namespace

std::vector<CapturedTable> captured_tables(std::span<const mapping::Mapping> mappings) {
  std::vector<CapturedTable> tables;
  for (const auto& mapping : mappings) {
    auto table = std::ranges::find(tables, mapping.source_table, &CapturedTable::name);
    if (table == tables.end()) {
      tables.push_back({mapping.source_table, mapping.tenancy_column, mapping.source_key, {}, {}, {}});
      table = std::prev(tables.end());
    }
    if (table->key != mapping.source_key || table->tenancy_column != mapping.tenancy_column) {
      throw std::invalid_argument(
          fmt::format("mapping \"{}\": another key of table \"{}\" than an earlier mapping has", mapping.name, table->name));
    }
    merge(*table, mapping);
  }
  return tables;
}

std::vector<CapturedDependency> captured_dependencies(std::span<const mapping::Mapping> mappings) {
  std::vector<CapturedDependency> dependencies;
  for (const auto& mapping : mappings) {
    for (const auto& dependency : mapping.dependencies) {
      const auto names_key = [&](const std::string& column) {
        return std::ranges::any_of(dependency.on, [&](const auto& pair) { return pair.second == column; });
      };
      if (!std::ranges::all_of(mapping.source_key, names_key)) {
        throw std::invalid_argument(fmt::format("mapping \"{}\": dependency \"{}\" does not name the whole key of \"{}\"",
                                                mapping.name, dependency.alias, mapping.source_table));
      }
      const auto same = [&](const CapturedDependency& other) {
        return other.table == dependency.table && other.parent == mapping.source_table && other.on == dependency.on;
      };
      if (std::ranges::none_of(dependencies, same))
        dependencies.push_back({dependency.table, mapping.source_table, dependency.on});
    }
  }
  return dependencies;
}

std::vector<std::string> marked_tables(std::span<const mapping::Mapping> mappings) {
  const auto dependencies = captured_dependencies(mappings);
  std::vector<std::string> names;
  for (const auto& table : captured_tables(mappings)) {
    if (!table.shared.empty() || std::ranges::find(dependencies, table.name, &CapturedDependency::parent) != dependencies.end()) {
      names.push_back(table.name);
    }
  }
  return names;
}

std::string public_table(std::string_view name) { return "public." + quote_identifier(name); }

std::string object_name(std::string_view table, std::string_view suffix) {
  constexpr std::size_t kLongest = 63;
  auto name = fmt::format("{}_{}", table, suffix);
  if (name.size() <= kLongest) return name;
  std::uint32_t hash = 2166136261U;  // FNV-1a
  for (const unsigned char c : name) hash = (hash ^ c) * 16777619U;
  auto kept = table.substr(0, kLongest - suffix.size() - 10);
  while ((static_cast<unsigned char>(table[kept.size()]) & 0xC0U) == 0x80U)
    kept.remove_suffix(1);  // not inside a character of UTF-8
  return fmt::format("{}_{:08x}_{}", kept, hash, suffix);
}

}  // namespace tributary::source
