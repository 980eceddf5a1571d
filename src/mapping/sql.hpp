#pragma once
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/sql_text.hpp"
#include "mapping/mapping.hpp"

/// SQL texts generated from a mapping. Pure: no I/O, no clock; the same mapping gives the same text (golden files in tests/unit/mapping/golden).
/// Every identifier goes through quote_identifier().
namespace tributary::mapping {

using tributary::quote_identifier;

// ---- reading the source -------------------------------------------------------------------------------------------------------------

/// SQL texts put where values belong: "$1" in a prepared statement, a literal of postgres::literal() in COPY.
struct FetchArguments {
  std::string tenancy;  ///< uuid
  std::string after;  ///< bigint: the watermark; only greater sequence ids are read
  std::string limit;  ///< bigint: at most so many changes; of a whole, empty
};

/// Parameters of a session that reads the source, name and value: under these the plans of the statements below are ordered index scans with
/// nested loops whatever the statistics say (tests/integration/mapping/plan_test.cpp).
std::span<const std::pair<std::string_view, std::string_view>> reader_settings();

/// SELECT of the changes of one tenancy in the order of their ids, rows and tombstones together, read in one snapshot:
/// (sequence_id bigint, is_deleted boolean, Mapping::columns_for(kind)…), every value of the Postgres type of its column. What is for another kind of
/// destination only does not leave the source.
/// A tombstone has the target key and the timestamps of "data"; its other columns are NULL. One whose target key is alive in the source at this
/// snapshot deletes nothing, but the watermark must still pass its id: it comes as a step without a row, is_deleted and all columns NULL.
/// Reads the (tenancy, sequenceId) indexes of the table and of "DeletedRow" in order, looks dependencies up row by row, and stops at the limit.
std::string fetch_sql(const Mapping& mapping, const FetchArguments& arguments, DestinationKind kind = DestinationKind::postgres);

/// The same changes, all of them, in no order: what a first load of a tenancy that is not too large reads. With these settings besides, of its transaction, a
/// dependency is joined by hashing the tenancy's rows of it, which costs half of what looking up each does. (Not left to the planner: by statistics of a smaller table it
/// would read all of them again for each row.) `arguments.limit` is not used.
std::string fetch_whole_sql(const Mapping& mapping, const FetchArguments& arguments, DestinationKind kind);
inline constexpr std::string_view kWholeReaderSettings =
    "SET LOCAL enable_hashjoin = on; SET LOCAL enable_nestloop = off; SET LOCAL enable_bitmapscan = on";
/// SELECT of how many changes the tenancy has past the watermark: rows and tombstones, each counted up to the limit.
std::string count_changes_sql(const Mapping& mapping, const FetchArguments& arguments);
/// EXPLAIN that tells how many rows the tenancy has, as the source's statistics have it: counting a million takes as long as reading a quarter of them.
/// `tenancy`: SQL text, as in FetchArguments.
std::string estimate_rows_sql(const Mapping& mapping, std::string_view tenancy);
/// Of the plan that it returns.
std::int64_t estimated_rows(std::string_view plan);

/// SELECT of the current state of given target keys ($1 tenancy uuid, then one array parameter per target key column in key order, of the column's type):
/// the layout of a read for Postgres, sequence_id 0, one tuple per key: of rows that share it the newest; a key that is not there comes with is_deleted = true.
/// For quarantined keys.
std::string fetch_keys_sql(const Mapping& mapping);

/// SELECT EXISTS: whether, for tenancy $1, a row is flagged, a tombstone unnumbered, or a marker of this mapping's table unresolved: one boolean.
std::string has_unsequenced_sql(const Mapping& mapping);
/// SELECT EXISTS: whether tenancy $1 has a row in any of the mappings' tables: one boolean. REQUIRES: not empty.
std::string has_rows_sql(std::span<const Mapping> mappings);

// ---- a Postgres destination, schema public --------------------------------------------------------------------------------------------

/// CREATE TABLE IF NOT EXISTS with primary key, REVOKE ALL FROM PUBLIC, GRANT SELECT TO PUBLIC: statements in order.
/// For a table that is missing: on one that is there, GRANT would undo what its owner has revoked since. Two sessions at once can fail in spite of
/// IF NOT EXISTS (23505 in pg_type or pg_class, 42P07, 42710, XX000 "tuple concurrently updated"): run them again.
std::vector<std::string> create_target_sql(const Mapping& mapping);
/// _stack_sync_metadata: the same for every mapping. Also adds our columns to one that the reference product has made. The same races; ALTER TABLE takes
/// its lock even where no column is missing, so ask the catalog first.
std::vector<std::string> create_metadata_sql();
/// Of that, what one of an earlier version lacks. Needs the table's owner, and no right to create anything.
std::string add_metadata_columns_sql();

/// COPY public.target (columns…) FROM STDIN (FORMAT binary): tuples without the two leading fields.
std::string copy_target_sql(const Mapping& mapping);

/// CREATE TEMP TABLE IF NOT EXISTS pg_temp."tributary_stage_<mapping>" (sequence_id, is_deleted, columns… without constraints) ON COMMIT DELETE ROWS
std::string create_stage_sql(const Mapping& mapping);
std::string copy_stage_sql(const Mapping& mapping);
/// DELETE of the stage's tombstones; INSERT … ON CONFLICT DO UPDATE … WHERE something differs. Of rows that share a target key the newest is taken.
std::string delete_from_stage_sql(const Mapping& mapping);
std::string upsert_from_stage_sql(const Mapping& mapping);

/// The same from array parameters, one per column resp. key column, for a handful of rows.
std::string upsert_arrays_sql(
    const Mapping& mapping);  ///< $1… one array per column in column order; rows in the order of their sequence ids
std::string delete_arrays_sql(const Mapping& mapping);  ///< $1… one array per target key column in key order

/// For a target table that exists: does it have these columns and this key? Pure comparison; the caller reads the catalog.
struct TargetColumn {
  std::string name;
  std::string type;  ///< format_type()
  bool not_null = false;
  bool in_primary_key = false;
};
/// Empty when it fits; else a sentence that names what differs (`public.users has no column "signed_up_at" (timestamp without time zone)`). Additional
/// nullable columns or columns with a default are the customer's own and fit. `required_extra`: columns that an INSERT must give a value (NOT NULL,
/// no default, neither identity nor generated); those of the mapping among them are no difference.
std::string target_difference(const Mapping& mapping, const std::vector<TargetColumn>& actual,
                              const std::vector<std::string>& required_extra);

}  // namespace tributary::mapping
