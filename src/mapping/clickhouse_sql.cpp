#include "mapping/clickhouse_sql.hpp"

#include <fmt/format.h>

#include "base/sql_text.hpp"
#include "mapping/clickhouse_parts.hpp"
#include "mapping/sql_parts.hpp"
#include "mapping/types.hpp"

namespace tributary::mapping::clickhouse {
namespace {

constexpr std::string_view kVersionColumns = "`sync_sequence_id`, `sync_is_deleted`";

/// What is acknowledged is on the disk, file and directory entry. CLEANUP is asked for by name only: no merge does it by itself, and nor do we.
constexpr std::string_view kDurable = "fsync_after_insert = 1, fsync_part_directory = 1";
constexpr std::string_view kCleanUpAllowed = "allow_experimental_replacing_merge_with_cleanup = 1";
/// A batch may come twice, and row versions make that harmless. The engine's own memory of inserts would also drop rows that are meant: those of a
/// resync after its TRUNCATE.
constexpr std::string_view kNoMemoryOfInserts = "replicated_deduplication_window = 0";

constexpr std::string_view kCompleteThrough = "`complete_through` SimpleAggregateFunction(max, Int64) DEFAULT -1";
constexpr std::string_view kCreatedAt = "sync_created_at";

std::string definition(const TableColumn& column) {
  const auto* value = column.name == kCreatedAt ? " DEFAULT now64(3, 'UTC')" : "";
  return fmt::format("{} {}{}", quote_clickhouse_identifier(column.name), column.type, value);
}

std::string names(const std::vector<TableColumn>& columns) {
  return joined(columns, ", ", [](const TableColumn& column) { return quote_clickhouse_identifier(column.name); });
}

/// ReplacingMergeTree(…), or its replicated form. `name` tells the tables of this schema apart in Keeper; no macro of the table's own id, because a replica
/// that joins later would get another one and hence no rows.
std::string engine(std::string_view family, std::string_view name, std::string_view arguments, const Options& options) {
  if (options.cluster.empty()) return fmt::format("{}({})", family, arguments);
  return fmt::format("Replicated{}('/clickhouse/tables/{{shard}}/{}/{}', '{{replica}}'{}{})", family, kDatabase, name,
                     arguments.empty() ? "" : ", ", arguments);
}

std::string table_settings(const Options& options) {
  if (options.cluster.empty()) return std::string(kDurable);
  return fmt::format("{}, {}", kDurable, kNoMemoryOfInserts);
}

std::string plain_type(const Column& column) {
  const std::string type(type_info(column.type).clickhouse_name);
  return column.nullable ? "Nullable(" + type + ')' : type;
}

/// A column of a view. Not as a dictionary: that has the values of all tenants whose rows stand in the same granule, and a function of a tenant's query is
/// called for each of them (throwIf tells whether one is there), whatever rows the row policy lets through.
std::string view_column(const Column& column) {
  const auto name = quote_clickhouse_identifier(column.name);
  return column.low_cardinality ? fmt::format("CAST({0} AS {1}) AS {0}", name, plain_type(column)) : name;
}

}  // namespace

std::string clickhouse_type(const Column& column) {
  auto type = plain_type(column);
  if (column.low_cardinality) type = "LowCardinality(" + type + ')';
  return type;
}

std::vector<TableColumn> view_columns(const Mapping& mapping) {
  std::vector<TableColumn> columns{{"project_id", "String"}, {"branch_id", "String"}};
  for (const auto& column : mapping.columns_for(DestinationKind::clickhouse))
    columns.push_back({column.name, plain_type(column)});
  return columns;
}

std::vector<TableColumn> insert_columns(const Mapping& mapping) {
  std::vector<TableColumn> columns{{"project_id", "String"}, {"branch_id", "String"}};
  for (const auto& column : mapping.columns_for(DestinationKind::clickhouse)) {
    columns.push_back({column.name, clickhouse_type(column)});
  }
  columns.push_back({"sync_sequence_id", "Int64"});
  columns.push_back({"sync_is_deleted", "UInt8"});
  return columns;
}

std::vector<TableColumn> table_columns(const Mapping& mapping) {
  auto columns = insert_columns(mapping);
  columns.push_back({std::string(kCreatedAt), "DateTime64(3, 'UTC')"});
  return columns;
}

std::string create_database_sql(const Options& options) {
  return fmt::format("CREATE DATABASE IF NOT EXISTS {}{}", kDatabase, on_cluster(options));
}

std::string create_table_sql(const Mapping& mapping, const Options& options) {
  return fmt::format(
      "CREATE TABLE IF NOT EXISTS {}{} (\n"
      "  {}\n"
      ")\n"
      "ENGINE = {}\n"
      "ORDER BY (`project_id`, `branch_id`, {})\n"
      "SETTINGS {}, {}",
      table_name(mapping), on_cluster(options), joined(table_columns(mapping), ",\n  ", definition),
      engine("ReplacingMergeTree", mapping.name, kVersionColumns, options),
      joined(mapping.target_key, ", ", quote_clickhouse_identifier), table_settings(options), kCleanUpAllowed);
}

std::string add_columns_sql(const Mapping& mapping, const std::vector<TableColumn>& columns, const Options& options) {
  const auto additions =
      joined(columns, ",\n  ", [](const TableColumn& column) { return "ADD COLUMN IF NOT EXISTS " + definition(column); });
  return fmt::format("ALTER TABLE {}{}\n  {}", table_name(mapping), on_cluster(options), additions);
}

std::string create_view_sql(const Mapping& mapping, const Options& options) {
  auto definer = options.embedded ? std::string(kEmbeddedDefiner) : options.definer;
  definer = definer.empty() ? "CURRENT_USER" : quote_clickhouse_identifier(definer);
  return fmt::format(
      "CREATE OR REPLACE VIEW {}{}\n"
      "DEFINER = {} SQL SECURITY DEFINER\n"
      "AS SELECT `project_id`, `branch_id`, {}\n"
      "FROM {} FINAL\n"
      "WHERE `sync_is_deleted` = 0",
      view_name(mapping), on_cluster(options), definer,
      joined(mapping.columns_for(DestinationKind::clickhouse), ", ", view_column), table_name(mapping));
}

std::string create_metadata_sql(const Options& options) {
  return fmt::format(
      "CREATE TABLE IF NOT EXISTS {}.{}{} (\n"
      "  `tenancy_id` UUID,\n"
      "  `mapping_name` String,\n"
      "  `generation` Int64,\n"
      "  `last_synced_sequence_id` SimpleAggregateFunction(max, Int64),\n"
      "  `complete_until` SimpleAggregateFunction(max, Nullable(DateTime64(6, 'UTC'))),\n"
      "  `updated_at` SimpleAggregateFunction(max, DateTime64(3, 'UTC')) DEFAULT now64(3, 'UTC'),\n"
      "  {}\n"
      ")\n"
      "ENGINE = {}\n"
      "ORDER BY (`tenancy_id`, `mapping_name`, `generation`)\n"
      "SETTINGS {}",
      kDatabase, kMetadataTable, on_cluster(options), kCompleteThrough,
      engine("AggregatingMergeTree", kMetadataTable, "", options), table_settings(options));
}

std::string add_complete_through_sql(const Options& options) {
  return fmt::format("ALTER TABLE {}.{}{}\n  ADD COLUMN IF NOT EXISTS {}", kDatabase, kMetadataTable, on_cluster(options),
                     kCompleteThrough);
}

std::string create_schema_sql(const Options& options) {
  return fmt::format(
      "CREATE TABLE IF NOT EXISTS {}.{}{} (\n"
      "  `version` UInt32,\n"
      "  `name` String,\n"
      "  `installation_id` UUID,\n"
      "  `applied_at` DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')\n"
      ")\n"
      "ENGINE = {}\n"
      "ORDER BY (`version`, `installation_id`)\n"
      "SETTINGS {}",
      kDatabase, kSchemaTable, on_cluster(options), engine("ReplacingMergeTree", kSchemaTable, "", options),
      table_settings(options));
}

std::string insert_sql(const Mapping& mapping) {
  return fmt::format("INSERT INTO {} ({}) FORMAT Native", table_name(mapping), names(insert_columns(mapping)));
}

std::string insert_metadata_sql() {
  return fmt::format(
      "INSERT INTO {}.{} (`tenancy_id`, `mapping_name`, `generation`, `last_synced_sequence_id`, `complete_until`, "
      "`complete_through`) FORMAT Native",
      kDatabase, kMetadataTable);
}

std::string newest_rows_sql(std::span<const Mapping* const> mappings) {
  // The value of a subquery is Nullable, and would have a byte more on the wire.
  std::string text;
  for (const auto* mapping : mappings) {
    text += fmt::format(
        "{}CAST((SELECT toInt64(max(`sync_sequence_id`)) - toInt64(count() = 0) FROM {}\n"
        "  WHERE `project_id` = {{project:String}} AND `branch_id` = {{branch:String}} AND `sync_sequence_id` <= "
        "{{bound:Int64}}) AS Int64)",
        text.empty() ? "SELECT " : ",\n       ", table_name(*mapping));
  }
  return text;
}

std::string read_metadata_sql() {
  // The casts take off the name of the aggregate function, which would be the column's type on the wire.
  return fmt::format(
      "SELECT `tenancy_id`,\n"
      "       `mapping_name`,\n"
      "       `generation`,\n"
      "       CAST(max(`last_synced_sequence_id`) AS Int64) AS `last_synced_sequence_id`,\n"
      "       CAST(max(`complete_until`) AS Nullable(DateTime64(6, 'UTC'))) AS `complete_until`,\n"
      "       CAST(max(`complete_through`) AS Int64) AS `complete_through`\n"
      "FROM {}.{}\n"
      "WHERE `tenancy_id` IN {{tenancies:Array(UUID)}}\n"
      "GROUP BY `tenancy_id`, `mapping_name`, `generation`\n"
      "ORDER BY `tenancy_id`, `mapping_name`, `generation` DESC\n"
      "LIMIT 1 BY `tenancy_id`, `mapping_name`",
      kDatabase, kMetadataTable);
}

std::string record_step_sql(int version, std::string_view name, const Options& options) {
  return fmt::format("INSERT INTO {}.{} (`version`, `name`, `installation_id`) VALUES ({}, {}, '{}')", kDatabase, kSchemaTable,
                     version, quote_clickhouse_literal(name), options.installation.to_string());
}

std::string read_schema_sql() {
  return fmt::format("SELECT DISTINCT `version`, `installation_id` FROM {}.{} ORDER BY `version`, `installation_id`", kDatabase,
                     kSchemaTable);
}

std::vector<std::string> clean_up_sql(const Mapping& mapping, std::chrono::milliseconds kept) {
  return {fmt::format("OPTIMIZE TABLE {} FINAL", table_name(mapping)),
          fmt::format(
              "ALTER TABLE {} DELETE WHERE `sync_is_deleted` = 1 AND `sync_created_at` < now64(3) - toIntervalMillisecond({})",
              table_name(mapping), kept.count())};
}

std::string open_mutations_sql() {
  return fmt::format("SELECT toInt64(count()) FROM system.mutations WHERE database = '{}' AND NOT is_done", kDatabase);
}

std::string vacate_sql(const Mapping& mapping) {
  return fmt::format("ALTER TABLE {} DELETE WHERE `project_id` = {{project:String}} AND `branch_id` = {{branch:String}}",
                     table_name(mapping));
}

}  // namespace tributary::mapping::clickhouse
