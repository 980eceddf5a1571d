#include <fmt/format.h>

#include <algorithm>

#include "mapping/sql.hpp"
#include "mapping/sql_parts.hpp"

// The tables of a Postgres destination, and whether one that is there already will do.

namespace tributary::mapping {
namespace {

/// Everything revoked first: default privileges of the customer's may have granted more than reading.
void append_grants(std::vector<std::string>& statements, const std::string& table) {
  statements.push_back(fmt::format("REVOKE ALL ON TABLE {} FROM PUBLIC", table));
  statements.push_back(fmt::format("GRANT SELECT ON TABLE {} TO PUBLIC", table));
}

std::string definition(const Column& column) {
  auto text = fmt::format("{} {}", quote_identifier(column.name), postgres_type(column));
  if (!column.nullable) text += " NOT NULL";
  if (column.default_sql) text += " DEFAULT " + *column.default_sql;
  return text;
}

/// "timestamp(3) without time zone" is "timestamp without time zone" of lower precision: the same bytes on the wire.
std::string without_precision(std::string type) {
  const auto open = type.find('(');
  const auto close = type.find(')');
  if (type.starts_with("timestamp") && open != std::string::npos && close != std::string::npos && open < close) {
    type.erase(open, close - open + 1);
  }
  return type;
}

}  // namespace

std::vector<std::string> create_target_sql(const Mapping& mapping) {
  const auto table = public_table(mapping.target_table);
  auto create = fmt::format("CREATE TABLE IF NOT EXISTS {} (\n", table);
  for (const auto& column : mapping.columns_for(DestinationKind::postgres)) create += fmt::format("  {},\n", definition(column));
  create += fmt::format("  PRIMARY KEY ({})\n)", identifier_list(mapping.target_key));
  std::vector<std::string> statements{std::move(create)};
  append_grants(statements, table);
  return statements;
}

std::vector<std::string> create_metadata_sql() {
  const auto table = public_table("_stack_sync_metadata");
  std::vector<std::string> statements;
  statements.push_back(
      fmt::format("CREATE TABLE IF NOT EXISTS {} (\n"
                  "  \"mapping_name\" text PRIMARY KEY,\n"
                  "  \"last_synced_sequence_id\" bigint NOT NULL DEFAULT -1,\n"
                  "  \"updated_at\" timestamp with time zone NOT NULL DEFAULT now()\n"
                  ")",
                  table));
  statements.push_back(add_metadata_columns_sql());
  append_grants(statements, table);
  return statements;
}

// Apart from CREATE TABLE, because the reference product's table has its three columns only. Constant defaults: no rewrite.
std::string add_metadata_columns_sql() {
  return fmt::format(
      "ALTER TABLE {}\n"
      "  ADD COLUMN IF NOT EXISTS \"installation_id\" uuid,\n"
      "  ADD COLUMN IF NOT EXISTS \"tenancy_id\" uuid,\n"
      "  ADD COLUMN IF NOT EXISTS \"generation\" bigint NOT NULL DEFAULT 0,\n"
      "  ADD COLUMN IF NOT EXISTS \"complete_until\" timestamp with time zone,\n"
      "  ADD COLUMN IF NOT EXISTS \"loading\" boolean NOT NULL DEFAULT false,\n"
      "  ADD COLUMN IF NOT EXISTS \"complete_through\" bigint NOT NULL DEFAULT -1",
      public_table("_stack_sync_metadata"));
}

std::string target_difference(const Mapping& mapping, const std::vector<TargetColumn>& actual,
                              const std::vector<std::string>& required_extra) {
  const auto columns = mapping.columns_for(DestinationKind::postgres);
  const auto table = "public." + mapping.target_table;
  for (const auto& column : columns) {
    const auto found = std::ranges::find(actual, column.name, &TargetColumn::name);
    if (found == actual.end()) return fmt::format("{} has no column \"{}\" ({})", table, column.name, postgres_type(column));
    if (without_precision(found->type) != postgres_type(column)) {
      return fmt::format("{} has column \"{}\" of type {}, not {}", table, column.name, found->type, postgres_type(column));
    }
  }
  std::vector<std::string> key;
  for (const auto& column : actual) {
    if (column.in_primary_key) key.push_back(column.name);
  }
  // The order of the key's columns does not matter to ON CONFLICT.
  if (!std::ranges::is_permutation(key, mapping.target_key)) {
    return fmt::format("{} has {}, not primary key ({})", table,
                       key.empty() ? "no primary key" : "primary key (" + identifier_list(key) + ")",
                       identifier_list(mapping.target_key));
  }
  for (const auto& name : required_extra) {
    if (std::ranges::find(columns, name, &Column::name) == columns.end()) {
      return fmt::format("{} has a column \"{}\" of its own that is NOT NULL without a default", table, name);
    }
  }
  return {};
}

}  // namespace tributary::mapping
