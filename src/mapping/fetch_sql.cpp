#include <fmt/format.h>

#include <array>
#include <boost/json.hpp>

#include "mapping/sql.hpp"
#include "mapping/sql_parts.hpp"

// Reading the source. Aliases of ours: source, deleted, gone, alive, change, wanted, found; parse() keeps them from being a dependency's.

namespace tributary::mapping {
namespace {

/// A range of one tenancy's ids as a comparison of rows. `tenancy = $1 AND id > $2` means the same, but lets the planner take the unique index
/// on "sequenceId" and filter by tenancy wherever its statistics know of a single tenancy: that reads every other tenancy's rows. No index but
/// the one that begins with these columns serves a comparison of rows, nor its order.
std::string id_range(std::string_view columns, std::string_view prefix, const FetchArguments& arguments) {
  return fmt::format("({0}) > ({1}, {2})\n      AND ({0}) <= ({1}, 9223372036854775807)", columns, prefix, arguments.after);
}

std::string row_columns(const Mapping& mapping, std::span<const Column> columns) {
  auto text =
      fmt::format("    SELECT {} AS \"sync_tenancy\",\n           {} AS \"sequence_id\",\n           FALSE AS \"is_deleted\"",
                  qualified(kSourceAlias, mapping.tenancy_column), qualified(kSourceAlias, "sequenceId"));
  for (const auto& column : columns)
    text += fmt::format(",\n           {} AS {}", row_value(column), quote_identifier(column.name));
  return text + '\n' + row_sources(mapping, "    ");
}

std::string row_order(const Mapping& mapping) {
  return qualified(kSourceAlias, mapping.tenancy_column) + ", " + qualified(kSourceAlias, "sequenceId");
}

/// Changed rows in order: WHERE to LIMIT.
std::string changed_rows(const Mapping& mapping, const FetchArguments& arguments) {
  const auto order = row_order(mapping);
  // The index is partial, and a comparison of rows does not prove to the planner that the id is not NULL.
  return fmt::format("    WHERE {}\n      AND {} IS NOT NULL\n    ORDER BY {}\n    LIMIT {}\n",
                     id_range(order, arguments.tenancy, arguments), qualified(kSourceAlias, "sequenceId"), order,
                     arguments.limit);
}

/// Each branch stops at the limit by itself, so that it is planned for its first rows and in the order of its index.
std::string row_branch(const Mapping& mapping, std::span<const Column> columns, const FetchArguments& arguments) {
  return row_columns(mapping, columns) + changed_rows(mapping, arguments);
}

/// All of the tenancy's rows. The id stands in an expression, or the planner might walk the unique index on it through every other tenancy's rows.
std::string whole_row_branch(const Mapping& mapping, std::span<const Column> columns, const FetchArguments& arguments) {
  return row_columns(mapping, columns) + fmt::format("    WHERE {} = {}\n      AND {} + 0 > {}\n",
                                                     qualified(kSourceAlias, mapping.tenancy_column), arguments.tenancy,
                                                     qualified(kSourceAlias, "sequenceId"), arguments.after);
}

/// What is left of a deleted row; no row at all where its target key is alive again. Not NOT EXISTS: that the planner may answer by hashing the whole
/// table, which no setting forbids. A scalar subquery is looked up row by row.
///
/// ClickHouse knows rows by project and branch: there the key may also be alive in a tenancy that has taken the place of a deleted one. Two tenancies are
/// numbered by different shards, so that the tombstone may have the higher id.
std::string gone_query(const Mapping& mapping, std::span<const Column> columns, DestinationKind kind) {
  std::string key;
  for (const auto& column : key_columns(mapping)) {
    key += fmt::format("\n          AND {} = {}", qualified("alive", column.from), tombstone_value(mapping, column));
  }
  std::string text = "      SELECT TRUE AS \"is_deleted\"";
  for (const auto& column : columns) {
    const auto value = tombstone_value(mapping, column);
    if (!value.empty()) text += fmt::format(",\n             {} AS {}", value, quote_identifier(column.name));
  }
  text += fmt::format("\n      WHERE (\n        SELECT TRUE\n        FROM {} AS alive\n        WHERE {} = {}",
                      public_table(mapping.source_table), qualified("alive", mapping.tenancy_column),
                      qualified("deleted", "tenancyId"));
  text += key + "\n        LIMIT 1\n      ) IS NULL\n";
  if (kind != DestinationKind::clickhouse) return text;
  return text + fmt::format(
                    "      AND (\n"
                    "        SELECT TRUE\n"
                    "        FROM {} AS alive\n"
                    "        WHERE {} = tributary.successor(deleted.\"tenancyId\"){}\n"
                    "        LIMIT 1\n"
                    "      ) IS NULL\n",
                    public_table(mapping.source_table), qualified("alive", mapping.tenancy_column), key);
}

/// The tenancy's tombstones, in order and up to the limit where there is one: WHERE to LIMIT.
std::string changed_tombstones(const Mapping& mapping, const FetchArguments& arguments) {
  const auto table = quote_literal(mapping.source_table);
  // The equality is implied by the range; it tells the planner that within the range the order is that of the ids.
  auto text = fmt::format("    WHERE deleted.\"tableName\" = {}\n      AND {}\n", table,
                          id_range("deleted.\"tenancyId\", deleted.\"tableName\", deleted.\"sequenceId\"",
                                   arguments.tenancy + ", " + table, arguments));
  if (arguments.limit.empty()) return text;
  return text + fmt::format("    ORDER BY deleted.\"tenancyId\", deleted.\"sequenceId\"\n    LIMIT {}\n", arguments.limit);
}

std::string tombstone_branch(const Mapping& mapping, std::span<const Column> columns, const FetchArguments& arguments,
                             DestinationKind kind) {
  std::string text = "    SELECT deleted.\"tenancyId\",\n           deleted.\"sequenceId\",\n           gone.\"is_deleted\"";
  for (const auto& column : columns) {
    const bool is_known = !tombstone_value(mapping, column).empty();
    text += ",\n           " + (is_known ? qualified("gone", column.name) : "NULL::" + postgres_type(column));
  }
  text += "\n    FROM public.\"DeletedRow\" AS deleted\n    LEFT JOIN LATERAL (\n" + gone_query(mapping, columns, kind);
  text += "    ) AS gone ON TRUE\n";
  return text + changed_tombstones(mapping, arguments);
}
/// Rows and tombstones together, without order.
std::string changes(std::span<const Column> columns, const std::string& rows, const std::string& tombstones) {
  std::string text = "SELECT change.\"sequence_id\",\n       change.\"is_deleted\"";
  for (const auto& column : columns) text += ",\n       " + qualified("change", column.name);
  return text + "\nFROM (\n  (\n" + rows + "  )\n  UNION ALL\n  (\n" + tombstones + "  )\n) AS change\n";
}

/// Whether a row of tenancy $1 is waiting for the sequencer. Capture's indexes on waiting rows are (tenancy NULLS FIRST): asking for that order, and for a
/// range instead of an equality, which would make any order good enough, leaves the planner no other. EXISTS would drop the ORDER BY.
std::string has_any(std::string_view table, std::string_view tenancy_column, std::string_view condition) {
  return fmt::format(
      "(\n"
      "  SELECT TRUE\n"
      "  FROM {0}\n"
      "  WHERE {1} >= $1\n"
      "    AND {1} <= $1{2}\n"
      "  ORDER BY {1} NULLS FIRST\n"
      "  LIMIT 1\n"
      ") IS NOT NULL",
      table, quote_identifier(tenancy_column), condition);
}

}  // namespace

std::span<const std::pair<std::string_view, std::string_view>> reader_settings() {
  // A planner that believes a table to be small takes whatever is cheap on a small table, and pays for it on a large one. What is left to it
  // here is good on both.
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 10> kSettings{
      {{"search_path", ""},
       {"enable_seqscan", "off"},
       {"enable_bitmapscan", "off"},
       {"enable_hashjoin", "off"},
       {"enable_mergejoin", "off"},
       {"enable_sort", "off"},
       {"enable_incremental_sort", "off"},
       {"enable_material", "off"},
       {"max_parallel_workers_per_gather", "0"},
       {"jit", "off"}}};
  return kSettings;
}

std::string fetch_sql(const Mapping& mapping, const FetchArguments& arguments, DestinationKind kind) {
  const auto columns = mapping.columns_for(kind);
  return changes(columns, row_branch(mapping, columns, arguments), tombstone_branch(mapping, columns, arguments, kind)) +
         fmt::format("ORDER BY change.\"sync_tenancy\", change.\"sequence_id\"\nLIMIT {}", arguments.limit);
}

std::string fetch_whole_sql(const Mapping& mapping, const FetchArguments& arguments, DestinationKind kind) {
  const auto columns = mapping.columns_for(kind);
  const FetchArguments without_limit{.tenancy = arguments.tenancy, .after = arguments.after, .limit = ""};
  auto text = changes(columns, whole_row_branch(mapping, columns, without_limit),
                      tombstone_branch(mapping, columns, without_limit, kind));
  text.pop_back();
  return text;
}

std::string count_changes_sql(const Mapping& mapping, const FetchArguments& arguments) {
  return fmt::format(
      "SELECT (SELECT count(*) FROM (\n    SELECT\n    FROM {} AS {}\n{}  ) AS row)\n"
      "     + (SELECT count(*) FROM (\n    SELECT\n    FROM public.\"DeletedRow\" AS deleted\n{}  ) AS tombstone)",
      public_table(mapping.source_table), kSourceAlias, changed_rows(mapping, arguments), changed_tombstones(mapping, arguments));
}

std::string estimate_rows_sql(const Mapping& mapping, std::string_view tenancy) {
  return fmt::format("EXPLAIN (FORMAT JSON) SELECT FROM {} WHERE {} = {}", public_table(mapping.source_table),
                     quote_identifier(mapping.tenancy_column), tenancy);
}

std::int64_t estimated_rows(std::string_view plan) {
  return boost::json::parse(plan).at_pointer("/0/Plan/Plan Rows").to_number<std::int64_t>();
}

std::string fetch_keys_sql(const Mapping& mapping) {
  const auto columns = mapping.columns_for(DestinationKind::postgres);
  std::string text = "SELECT 0::bigint AS \"sequence_id\",\n       COALESCE(found.\"is_deleted\", TRUE) AS \"is_deleted\"";
  for (const auto& column : columns) {
    text += ",\n       " + qualified(is_target_key(mapping, column.name) ? "wanted" : "found", column.name);
  }
  int parameter = 1;
  text += fmt::format("\nFROM unnest({}) AS wanted({})\n",
                      joined(key_columns(mapping), ", ",
                             [&](const Column& column) { return fmt::format("${}::{}[]", ++parameter, postgres_type(column)); }),
                      identifier_list(mapping.target_key));
  text += "LEFT JOIN LATERAL (\n  SELECT FALSE AS \"is_deleted\"";
  for (const auto& column : columns) {
    if (!is_target_key(mapping, column.name))
      text += fmt::format(",\n         {} AS {}", row_value(column), quote_identifier(column.name));
  }
  text += '\n' + row_sources(mapping, "  ") + fmt::format("  WHERE {} = $1", qualified(kSourceAlias, mapping.tenancy_column));
  for (const auto& column : key_columns(mapping)) {
    text += fmt::format("\n    AND {} = {}", qualified(kSourceAlias, column.from), qualified("wanted", column.name));
  }
  // An expression: an index in the order of ids would be walked through other keys' rows.
  if (target_key_is_shared(mapping))
    text += fmt::format("\n  ORDER BY COALESCE({}, 9223372036854775807) DESC\n  LIMIT 1", qualified(kSourceAlias, "sequenceId"));
  return text + "\n) AS found ON TRUE";
}

std::string has_unsequenced_sql(const Mapping& mapping) {
  const auto of_table = fmt::format("\n    AND \"tableName\" = {}", quote_literal(mapping.source_table));
  return "SELECT " + has_any(public_table(mapping.source_table), mapping.tenancy_column, "\n    AND \"shouldUpdateSequenceId\"") +
         "\nOR " + has_any("public.\"DeletedRow\"", "tenancyId", of_table + "\n    AND \"shouldUpdateSequenceId\"") + "\nOR " +
         has_any("tributary.marker", "tenancyId", of_table);
}

std::string has_rows_sql(std::span<const Mapping> mappings) {
  std::string text;
  for (const auto& mapping : mappings)
    text += (text.empty() ? "SELECT " : "\nOR ") + has_any(public_table(mapping.source_table), mapping.tenancy_column, "");
  return text;
}

}  // namespace tributary::mapping
