#pragma once
#include <chrono>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/uuid.hpp"
#include "mapping/mapping.hpp"

/// SQL texts of the shared ClickHouse, generated from the mappings: what stands in database analytics_internal (tables) and in database default (a view
/// of each for tenants). Pure: no I/O, no clock; the same mapping gives the same text. Every name of a mapping goes through quote_clickhouse_identifier().
/// Who may read what is in clickhouse_access.hpp, which of these statements are needed in clickhouse_plan.hpp.
namespace tributary::mapping::clickhouse {

inline constexpr std::string_view kDatabase = "analytics_internal";
inline constexpr std::string_view kViewDatabase = "default";  ///< of every ClickHouse server; the one that clients see first
/// Where each tenancy stands with each mapping. Each of its values is a maximum, see create_metadata_sql().
inline constexpr std::string_view kMetadataTable = "_stack_sync_metadata";
inline constexpr std::string_view kSchemaTable = "_tributary_schema";  ///< steps that were done, and whose installation this is
/// The user in the embedded engine with whose rights views read.
inline constexpr std::string_view kEmbeddedDefiner = "admin";

/// Which ClickHouse the statements are for.
struct Options {
  bool embedded = false;  ///< the embedded engine: one machine, and no statements about users (see clickhouse_access.hpp)
  /// Statements run ON CLUSTER, tables are replicated. One shard: each replica has every row. Empty: a single server.
  /// REQUIRES: empty where embedded.
  std::string cluster;
  /// User with whose rights views read, on a server. He needs SELECT on analytics_internal.*. Empty: whoever runs the statements.
  std::string definer;
  /// Recorded as the owner of the schema. Nil: not owned by anyone yet.
  Uuid installation;
};

// ---- columns ------------------------------------------------------------------------------------------------------------------------

/// A column as system.columns describes it.
struct TableColumn {
  std::string name;
  std::string type;  ///< in the engine's own spelling: LowCardinality(Nullable(String))
  friend bool operator==(const TableColumn&, const TableColumn&) = default;
};

std::string clickhouse_type(const Column& column);

/// Columns that an INSERT gives, in this order: project_id, branch_id, the mapping's, sync_sequence_id, sync_is_deleted.
/// A deleted row is one with its key, the timestamps of its tombstone, sync_is_deleted 1, and in all else NULL where nullable or the type's default.
std::vector<TableColumn> insert_columns(const Mapping& mapping);
/// What tenants see of a row in the view.
std::vector<TableColumn> view_columns(const Mapping& mapping);
/// insert_columns() and sync_created_at, which the server sets.
std::vector<TableColumn> table_columns(const Mapping& mapping);

// ---- tables and views ---------------------------------------------------------------------------------------------------------------

std::string create_database_sql(const Options& options);
/// ReplacingMergeTree(sync_sequence_id, sync_is_deleted) in the order of (project_id, branch_id, target key…), not partitioned: the newest version of a
/// row meets every older one, its tombstone included, whatever values they have.
std::string create_table_sql(const Mapping& mapping, const Options& options);
/// For columns that a mapping has got since its table was made. Rows that are there have the type's default in them until a resync.
/// REQUIRES: columns is not empty.
std::string add_columns_sql(const Mapping& mapping, const std::vector<TableColumn>& columns, const Options& options);
/// The view of the same name for tenants: the newest versions that are not deleted, without the sync_ columns. It reads with its definer's rights, so that
/// whoever reads it needs none on the table.
std::string create_view_sql(const Mapping& mapping, const Options& options);

/// (tenancy_id, mapping_name, generation) → the highest last_synced_sequence_id, complete_until, updated_at and complete_through ever inserted. All only grow within a
/// generation, so rows of a worker that was overtaken change nothing, and complete_until may be left out. A resync inserts a higher generation.
/// complete_through: the highest last_synced_sequence_id that came from a read in which every change had its id.
std::string create_metadata_sql(const Options& options);
/// For a table that was made before it had complete_through.
std::string add_complete_through_sql(const Options& options);
std::string create_schema_sql(const Options& options);

// ---- reading and writing ------------------------------------------------------------------------------------------------------------

/// INSERT INTO … (insert_columns()) FORMAT Native: data follows.
std::string insert_sql(const Mapping& mapping);
/// INSERT INTO … (tenancy_id, mapping_name, generation, last_synced_sequence_id, complete_until, complete_through) FORMAT Native: data follows. Types: UUID,
/// String, Int64, Int64, Nullable(DateTime64(6, 'UTC')), Int64.
std::string insert_metadata_sql();
/// Where tenancies stand, parameter {tenancies:Array(UUID)}: (tenancy_id UUID, mapping_name String, generation Int64, last_synced_sequence_id Int64,
/// complete_until Nullable(DateTime64(6, 'UTC')), complete_through Int64), one row of the highest generation for each tenancy and mapping that was ever written.
/// Asks for no merge: right at any time.
std::string read_metadata_sql();
/// Highest sync_sequence_id up to {bound:Int64} of a tenant's rows, {project:String} and {branch:String}, in the table of each mapping: one row of Int64; -1: none.
std::string newest_rows_sql(std::span<const Mapping* const> mappings);
/// Records that a numbered step was done by this installation. Twice is once.
std::string record_step_sql(int version, std::string_view name, const Options& options);
/// Steps that were recorded: (version UInt32, installation_id UUID). Fails where the table is not there: see clickhouse_plan.hpp.
std::string read_schema_sql();
/// Removes superseded versions from the disk, then the tombstones that are older than `kept`. To be run in this order, each to its end, and the second only
/// if the first did merge everything: a tombstone that goes before the row which it hides would show that row again. Only with a `kept` beyond every lease:
/// nothing else tells an old row from a new one then. Not FINAL CLEANUP, which takes the newest tombstone like the oldest.
std::vector<std::string> clean_up_sql(const Mapping& mapping, std::chrono::milliseconds kept);

/// Takes off the disk whatever stands under {project:String} and {branch:String}, tombstones included. Not by tombstones: these would hide rows of the same
/// keys and older ids, should they come back.
std::string vacate_sql(const Mapping& mapping);
/// Int64: how many changes of whole parts, as the above, are not through.
std::string open_mutations_sql();

}  // namespace tributary::mapping::clickhouse
