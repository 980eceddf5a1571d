#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "mapping/expression.hpp"
#include "mapping/fields.hpp"
#include "mapping/mapping.hpp"
#include "mapping/types.hpp"

namespace tributary::mapping {
namespace {

/// "character varying(20)" -> "character varying"; "timestamp(3) without time zone" -> "timestamp without time zone"
std::string without_modifier(std::string type) {
  const auto open = type.find('(');
  const auto close = type.find(')');
  if (open != std::string::npos && close != std::string::npos && open < close) type.erase(open, close - open + 1);
  return type;
}

/// Whether every value of the source type becomes one of the target type without a session setting (TimeZone) having a say.
bool can_become(const std::string& source, ColumnType target) {
  const auto is_one_of = [&](std::initializer_list<std::string_view> types) {
    return std::ranges::find(types, source) != types.end();
  };
  switch (target) {
    case ColumnType::text:
      return true;  // every type has a text form; enums are read this way
    case ColumnType::integer:
      return is_one_of({"smallint", "integer"});
    case ColumnType::bigint:
      return is_one_of({"smallint", "integer", "bigint"});
    case ColumnType::double_precision:
      return is_one_of({"smallint", "integer", "real", "double precision"});
    case ColumnType::jsonb:
      return is_one_of({"json", "jsonb"});
    default:
      return source == type_info(target).postgres_name;
  }
}

/// A key is compared in the source by its target type, which an index serves only if the types are the same.
bool can_be_key(const std::string& source, ColumnType target) {
  return source == type_info(target).postgres_name || (target == ColumnType::text && source == "character varying");
}

class SourceCheck {
 public:
  SourceCheck(const Mapping& mapping, std::span<const SourceColumn> catalog) : mapping_(mapping), report_(mapping.file) {
    for (const auto& column : catalog) tables_[column.table][column.column] = without_modifier(column.type);
  }

  std::vector<Problem> run() {
    if (!has_table(mapping_.source_table, mapping_.source_position)) return report_.take();
    check_key();
    for (const auto& column : mapping_.columns) {
      if (column.sql.empty())
        check_from(column);
      else
        check_references(column.sql, fmt::format("column \"{}\"", column.name), column.position);
    }
    for (const auto& dependency : mapping_.dependencies) check_dependency(dependency);
    return report_.take();
  }

 private:
  void problem(Position at, std::string message) { report_.add(at, std::move(message)); }

  bool has_table(const std::string& table, Position at) {
    if (tables_.contains(table)) return true;
    problem(at, fmt::format("the source has no table \"{}\"", table));
    return false;
  }

  const std::string* type_of(const std::string& table, const std::string& column) const {
    const auto found_table = tables_.find(table);
    if (found_table == tables_.end()) return nullptr;
    const auto found = found_table->second.find(column);
    return found == found_table->second.end() ? nullptr : &found->second;
  }

  void check_key() {
    for (const auto& name : mapping_.source_key) {
      if (type_of(mapping_.source_table, name) == nullptr) {
        problem(mapping_.source_position,
                fmt::format("source: table \"{}\" has no key column \"{}\"", mapping_.source_table, name));
      }
    }
    const auto* tenancy = type_of(mapping_.source_table, mapping_.tenancy_column);
    if (tenancy != nullptr && *tenancy != "uuid") {
      problem(mapping_.source_position,
              fmt::format("source: the tenancy column \"{}\" is of type {}, not uuid", mapping_.tenancy_column, *tenancy));
    }
  }

  void check_from(const Column& column) {
    const auto* type = type_of(mapping_.source_table, column.from);
    if (type == nullptr) {
      problem(column.position,
              fmt::format("column \"{}\": table \"{}\" has no column \"{}\"", column.name, mapping_.source_table, column.from));
      return;
    }
    const bool in_key = std::ranges::find(mapping_.target_key, column.name) != mapping_.target_key.end();
    if (in_key ? can_be_key(*type, column.type) : can_become(*type, column.type)) return;
    const auto* why = in_key ? "not {}; a key keeps its type" : "which does not become {}";
    problem(column.position, fmt::format("column \"{}\": \"{}\" is of type {}, ", column.name, column.from, *type) +
                                 fmt::format(fmt::runtime(why), type_info(column.type).name));
  }

  void check_dependency(const Dependency& dependency) {
    const auto what = fmt::format("dependency \"{}\"", dependency.alias);
    if (!has_table(dependency.table, dependency.position)) return;
    for (const auto& [name, key] : dependency.on) {
      const auto* type = type_of(dependency.table, name);
      const auto* key_type = type_of(mapping_.source_table, key);
      if (type == nullptr) {
        problem(dependency.position, fmt::format("{}: table \"{}\" has no column \"{}\"", what, dependency.table, name));
      } else if (key_type != nullptr && *type != *key_type) {
        problem(dependency.position,
                fmt::format("{}: \"{}\" is of type {}, but \"{}\" of type {}", what, name, *type, key, *key_type));
      }
    }
    check_references(dependency.where, what, dependency.position);
  }

  /// What cannot be told from here (an unquoted name, a function) the server says when the statement is prepared.
  void check_references(const std::string& sql, const std::string& what, Position at) {
    for (const auto& reference : column_references(sql)) {
      if (is_known(reference)) continue;
      const auto name = reference.qualifier.empty() ? "" : reference.qualifier + ".";
      problem(at, fmt::format("{}: there is no column {}\"{}\"", what, name, reference.column));
    }
  }

  bool is_known(const ColumnReference& reference) const {
    const auto is_named = [&](std::string_view alias) { return reference.qualifier.empty() || reference.qualifier == alias; };
    if (is_named(kSourceAlias) && type_of(mapping_.source_table, reference.column) != nullptr) return true;
    return std::ranges::any_of(mapping_.dependencies, [&](const Dependency& dependency) {
      // A missing table is reported once, not for each of its columns.
      return is_named(dependency.alias) &&
             (!tables_.contains(dependency.table) || type_of(dependency.table, reference.column) != nullptr);
    });
  }

  const Mapping& mapping_;
  std::map<std::string, std::map<std::string, std::string>> tables_;  ///< type by table and column
  Report report_;
};

}  // namespace

std::vector<Problem> check_against_source(const Mapping& mapping, std::span<const SourceColumn> catalog) {
  return SourceCheck(mapping, catalog).run();
}

}  // namespace tributary::mapping
