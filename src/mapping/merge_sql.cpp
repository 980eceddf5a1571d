#include <fmt/format.h>

#include <algorithm>

#include "mapping/sql.hpp"
#include "mapping/sql_parts.hpp"

// Applying changes to a table of a Postgres destination: by way of a staging table, or from array parameters.

namespace tributary::mapping {
namespace {

std::string stage_table(const Mapping& mapping) { return "pg_temp." + quote_identifier("tributary_stage_" + mapping.name); }

/// What follows the rows of an INSERT: what is there is replaced, and left alone (no new row version, no WAL) where nothing differs.
std::string on_conflict(const Mapping& mapping, std::span<const Column> columns) {
  auto text = fmt::format("ON CONFLICT ({}) DO ", identifier_list(mapping.target_key));
  std::vector<Column> values;
  std::ranges::copy_if(columns, std::back_inserter(values),
                       [&](const Column& column) { return !is_target_key(mapping, column.name); });
  if (values.empty()) return text + "NOTHING";
  text += fmt::format("UPDATE SET\n  {}\n", joined(values, ",\n  ", [](const Column& column) {
                        return fmt::format("{} = {}", quote_identifier(column.name), qualified("EXCLUDED", column.name));
                      }));
  const auto row_of = [&](std::string_view alias) {
    return joined(values, ", ", [&](const Column& column) { return qualified(alias, column.name); });
  };
  return text + fmt::format("WHERE ({})\n  IS DISTINCT FROM ({})", row_of("target"), row_of("EXCLUDED"));
}

std::string key_equality(const Mapping& mapping, std::string_view other) {
  return joined(mapping.target_key, "\n  AND ",
                [&](const std::string& name) { return qualified("target", name) + " = " + qualified(other, name); });
}

/// unnest($1::uuid[], $2::text[])
std::string unnested(std::span<const Column> columns) {
  int parameter = 0;
  const auto arrays =
      joined(columns, ", ", [&](const Column& column) { return fmt::format("${}::{}[]", ++parameter, postgres_type(column)); });
  return "unnest(" + arrays + ")";
}

/// Rows of `from` that become rows of the target. Of those that share a target key the latest by `order`: ON CONFLICT DO UPDATE takes no row twice.
std::string upsert(const Mapping& mapping, std::string_view from, std::string_view order) {
  const auto columns = mapping.columns_for(DestinationKind::postgres);
  const auto names = identifier_list(columns);
  const auto key = identifier_list(mapping.target_key);
  const bool shared = target_key_is_shared(mapping);
  const auto distinct = shared ? fmt::format("DISTINCT ON ({}) ", key) : "";
  const auto newest_first = shared ? fmt::format("ORDER BY {}, {} DESC\n", key, quote_identifier(order)) : "";
  return fmt::format("INSERT INTO {} AS target ({})\nSELECT {}{}\nFROM {}\n{}{}", public_table(mapping.target_table), names,
                     distinct, names, from, newest_first, on_conflict(mapping, columns));
}

}  // namespace

std::string copy_target_sql(const Mapping& mapping) {
  return fmt::format("COPY {} ({}) FROM STDIN (FORMAT binary)", public_table(mapping.target_table),
                     identifier_list(mapping.columns_for(DestinationKind::postgres)));
}

std::string create_stage_sql(const Mapping& mapping) {
  auto text = fmt::format("CREATE TEMP TABLE IF NOT EXISTS {} (\n  \"sequence_id\" bigint,\n  \"is_deleted\" boolean",
                          stage_table(mapping));
  for (const auto& column : mapping.columns_for(DestinationKind::postgres)) {
    text += fmt::format(",\n  {} {}", quote_identifier(column.name), postgres_type(column));
  }
  return text + "\n) ON COMMIT DELETE ROWS";
}

std::string copy_stage_sql(const Mapping& mapping) {
  return fmt::format("COPY {} (\"sequence_id\", \"is_deleted\", {}) FROM STDIN (FORMAT binary)", stage_table(mapping),
                     identifier_list(mapping.columns_for(DestinationKind::postgres)));
}

std::string delete_from_stage_sql(const Mapping& mapping) {
  return fmt::format("DELETE FROM {} AS target\nUSING {} AS stage\nWHERE stage.\"is_deleted\"\n  AND {}",
                     public_table(mapping.target_table), stage_table(mapping), key_equality(mapping, "stage"));
}

std::string upsert_from_stage_sql(const Mapping& mapping) {
  return upsert(mapping, stage_table(mapping) + " AS stage\nWHERE NOT stage.\"is_deleted\"", "sequence_id");
}

std::string upsert_arrays_sql(const Mapping& mapping) {
  const auto columns = mapping.columns_for(DestinationKind::postgres);
  const auto names = identifier_list(columns);
  if (!target_key_is_shared(mapping)) return upsert(mapping, fmt::format("{} AS stage({})", unnested(columns), names), "");
  return upsert(mapping, fmt::format("{} WITH ORDINALITY AS stage({}, \"sync_place\")", unnested(columns), names), "sync_place");
}

std::string delete_arrays_sql(const Mapping& mapping) {
  const auto columns = key_columns(mapping);
  return fmt::format("DELETE FROM {} AS target\nUSING {} AS stage({})\nWHERE {}", public_table(mapping.target_table),
                     unnested(columns), identifier_list(columns), key_equality(mapping, "stage"));
}

}  // namespace tributary::mapping
