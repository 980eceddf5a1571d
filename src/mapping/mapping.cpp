#include "mapping/mapping.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

namespace tributary::mapping {
namespace {

bool belongs_to(const Column& column, DestinationKind kind) {
  if (kind == DestinationKind::clickhouse && column.clickhouse_privacy == Privacy::omit) return false;
  return column.only.empty() || std::ranges::find(column.only, kind) != column.only.end();
}

/// A problem at `mapping`, which comes after `earlier` and collides with it.
Problem collision(const Mapping& mapping, const Mapping& earlier, const std::string& what) {
  const Problem place{earlier.file, earlier.position.line, earlier.position.column, ""};
  auto where = place.to_string();
  where.resize(where.size() - 2);  // ": "
  return {mapping.file, mapping.position.line, mapping.position.column, what + " of " + where};
}

}  // namespace

const Column& Mapping::column(std::string_view wanted) const {
  const auto found = std::ranges::find(columns, wanted, &Column::name);
  if (found == columns.end()) throw std::logic_error(fmt::format("mapping {} has no column {}", name, wanted));
  return *found;
}

std::vector<Column> Mapping::columns_for(DestinationKind kind) const {
  std::vector<Column> result;
  std::ranges::copy_if(columns, std::back_inserter(result), [&](const Column& column) { return belongs_to(column, kind); });
  return result;
}

std::vector<std::string> target_key_source_columns(const Mapping& mapping) {
  std::vector<std::string> result;
  for (const auto& name : mapping.target_key) result.push_back(mapping.column(name).from);
  return result;
}

bool target_key_is_shared(const Mapping& mapping) {
  const auto in_target = target_key_source_columns(mapping);
  return std::ranges::any_of(mapping.source_key, [&](const auto& column) {
    return column != mapping.tenancy_column && std::ranges::find(in_target, column) == in_target.end();
  });
}

std::string Problem::to_string() const {
  if (line == 0) return fmt::format("{}: {}", file, message);
  return fmt::format("{}:{}:{}: {}", file, line, column, message);
}

std::vector<Problem> check_together(std::span<const Mapping> mappings) {
  std::vector<Problem> problems;
  for (std::size_t i = 0; i < mappings.size(); ++i) {
    const auto earlier = mappings.first(i);
    const auto& mapping = mappings[i];
    if (const auto same = std::ranges::find(earlier, mapping.name, &Mapping::name); same != earlier.end()) {
      problems.push_back(collision(mapping, *same, fmt::format("mapping \"{}\": the same name as that", mapping.name)));
    }
    if (const auto same = std::ranges::find(earlier, mapping.target_table, &Mapping::target_table); same != earlier.end()) {
      problems.push_back(
          collision(mapping, *same,
                    fmt::format("mapping \"{}\": the same target table \"{}\" as that", mapping.name, mapping.target_table)));
    }
  }
  return problems;
}

}  // namespace tributary::mapping
