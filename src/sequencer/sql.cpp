#include "sequencer/sql.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/sql_text.hpp"
#include "source/capture.hpp"

// How these texts keep their plans. The index of flagged rows is ordered NULLS FIRST, which no other index is, and the session has sorting switched off: a query
// that ranges over the tenancy and asks for this order can only be planned on that index. (An equality would make the order moot, hence
// `>= id AND <= id`.) What was found is joined to the UPDATE by ctid. Single rows are looked up by their whole key.

namespace tributary::sequencer {
namespace {

using source::CapturedTable;

struct Numbered {
  std::string table;  ///< quoted, with schema
  std::string name;
  std::string tenancy;  ///< quoted
  const CapturedTable* parent = nullptr;  ///< set where markers name its rows
};

std::vector<Numbered> numbered_tables(const std::vector<CapturedTable>& tables, std::span<const mapping::Mapping> mappings) {
  const auto marked = source::marked_tables(mappings);
  std::vector<Numbered> numbered;
  for (const auto& table : tables) {
    const bool is_parent = std::ranges::find(marked, table.name) != marked.end();
    numbered.push_back(
        {source::public_table(table.name), table.name, quote_identifier(table.tenancy_column), is_parent ? &table : nullptr});
  }
  numbered.push_back({"public.\"DeletedRow\"", "DeletedRow", "\"tenancyId\""});
  return numbered;
}

std::string columns(std::string_view alias, const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += fmt::format("{}{}.{}", text.empty() ? "" : ", ", alias, quote_identifier(name));
  return text;
}

constexpr std::string_view kSwitchedOn =
    "COALESCE((SELECT bool_and(\"sequencerEnabled\") FROM public.\"ExternalDbSyncMetadata\"), true)";

/// The tenancies to work on: those given that are of the shard, none where its lock was not had or the sequencer is switched off.
const std::string kDue =
    "WITH due AS MATERIALIZED (\n"
    "  SELECT given.id\n"
    "  FROM unnest($1::uuid[]) AS given (id)\n"
    "  WHERE given.id >= $2 AND given.id <= $3\n"
    "    AND current_setting('tributary.shard', true) = $4\n"
    "    AND " +
    std::string(kSwitchedOn) + "\n)";

/// Flagged rows of one tenancy: FROM to ORDER BY.
std::string flagged_of_due(const Numbered& table) {
  return fmt::format(
      "    FROM {0} AS r\n"
      "    WHERE r.{1} >= due.id AND r.{1} <= due.id AND r.\"shouldUpdateSequenceId\"\n",
      table.table, table.tenancy);
}

std::string picked(const Numbered& table, std::size_t i) {
  return fmt::format(
      ",\npicked_{} AS MATERIALIZED (\n"
      "  SELECT flagged.place, flagged.writer\n"
      "  FROM due\n"
      "  CROSS JOIN LATERAL (\n"
      "    SELECT r.ctid AS place, r.xmin AS writer\n{}"
      "    ORDER BY r.{} NULLS FIRST\n"
      "    LIMIT $5\n"
      "    FOR NO KEY UPDATE SKIP LOCKED\n"
      "  ) AS flagged\n"
      ")",
      i, flagged_of_due(table), table.tenancy);
}

/// Condition on a marker (alias `alias`): it is for this process. Not one that is for a process of another version, which knows that table as a parent.
std::string is_for_us(std::string_view alias, const std::vector<Numbered>& tables) {
  std::string names = "''";
  for (const auto& table : tables) {
    if (table.parent != nullptr) names += ", " + quote_literal(table.name);
  }
  return fmt::format(
      "({0}.\"tableName\" IN ({1}) OR {0}.\"tableName\" <> ALL (coalesce((SELECT marked_tables FROM tributary.installation), "
      "'{{}}')))",
      alias, names);
}

std::string marked(const std::vector<Numbered>& tables) {
  return fmt::format(
      ",\nmarked AS MATERIALIZED (\n"
      "  SELECT marker.*\n"
      "  FROM due\n"
      "  CROSS JOIN LATERAL (\n"
      "    SELECT m.ctid AS place, m.\"tenancyId\", m.\"tableName\", m.\"primaryKey\"\n"
      "    FROM tributary.marker AS m\n"
      "    WHERE m.\"tenancyId\" >= due.id AND m.\"tenancyId\" <= due.id\n"
      "      AND {}\n"
      "    ORDER BY m.\"tenancyId\" NULLS FIRST\n"
      "    LIMIT $5\n"
      "    FOR UPDATE SKIP LOCKED\n"
      "  ) AS marker\n"
      ")",
      is_for_us("m", tables));
}

/// The row of a parent table that a marker's key (alias `key`, as a record `wanted`) names, within the marker's tenancy, which is of the shard.
std::string row_of_marker(const Numbered& table) {
  return fmt::format(
      "    FROM {0} AS r\n"
      "    WHERE ({1}) = ({2}) AND r.{3} = key.\"tenancyId\"\n",
      table.table, columns("r", table.parent->key), columns("wanted", table.parent->key), table.tenancy);
}

std::string key_of_markers(const Numbered& table) {
  return fmt::format(
      "  FROM (SELECT DISTINCT \"tenancyId\", \"primaryKey\" FROM marked WHERE \"tableName\" = {}) AS key\n"
      "  CROSS JOIN LATERAL jsonb_populate_record(NULL::{}, key.\"primaryKey\") AS wanted\n",
      quote_literal(table.name), table.table);
}

/// Parents that are not flagged: `place` is NULL where somebody holds the row. A flagged one will be numbered for that; one that this snapshot does not show,
/// though it shows the marker, is yet to be inserted, flagged, or gone.
std::string parents(const Numbered& table, std::size_t i) {
  return fmt::format(
      ",\nparent_{0} AS MATERIALIZED (\n"
      "  SELECT key.\"primaryKey\", free.place\n{1}"
      "  CROSS JOIN LATERAL (\n"
      "    SELECT\n{2}"
      "      AND NOT r.\"shouldUpdateSequenceId\"\n"
      "    OFFSET 0\n"  // looked up one by one: not to be joined by what the planner thinks of the tenancy's size
      "  ) AS unflagged\n"
      "  LEFT JOIN LATERAL (\n"
      "    SELECT r.ctid AS place\n{2}"
      "      AND NOT r.\"shouldUpdateSequenceId\"\n"
      "    FOR NO KEY UPDATE SKIP LOCKED\n"
      "  ) AS free ON true\n"
      ")",
      i, key_of_markers(table), row_of_marker(table));
}

std::string updated(const Numbered& table, std::size_t i) {
  auto places = fmt::format("SELECT place FROM picked_{}", i);
  if (table.parent != nullptr) places += fmt::format(" UNION ALL SELECT place FROM parent_{} WHERE place IS NOT NULL", i);
  return fmt::format(
      ",\nupdated_{} AS (\n"
      "  UPDATE {} AS r\n"
      "  SET \"sequenceId\" = nextval('public.global_seq_id'), \"shouldUpdateSequenceId\" = false\n"
      "  FROM ({}) AS chosen\n"
      "  WHERE r.ctid = chosen.place\n"
      "  RETURNING r.{} AS id\n"
      ")",
      i, table.table, places, table.tenancy);
}

/// Microseconds since the commits that flagged a few of the rows; NULL where the source does not keep these times, and then nothing of it is evaluated.
std::string commit_ages(std::span<const std::size_t> picks) {
  std::string few;
  for (const auto i : picks) few += fmt::format("{}(SELECT writer FROM picked_{} LIMIT 4)", few.empty() ? "" : " UNION ALL ", i);
  return "(CASE WHEN current_setting('track_commit_timestamp') = 'on' THEN ARRAY(\n"
         "          SELECT (extract(epoch FROM clock_timestamp() - committed.at) * 1000000)::bigint\n"
         "          FROM (" +
         few +
         ") AS few\n"
         "          CROSS JOIN LATERAL pg_xact_commit_timestamp(few.writer) AS committed (at)\n"
         "          WHERE committed.at IS NOT NULL) END)";
}

/// A marker is done with unless its parent could neither be numbered now nor will be for being flagged.
std::string settled(const std::vector<Numbered>& tables) {
  std::string text =
      ",\nsettled AS (\n"
      "  DELETE FROM tributary.marker AS m\n"
      "  USING marked\n"
      "  WHERE m.ctid = marked.place\n";
  for (std::size_t i = 0; i < tables.size(); ++i) {
    if (tables[i].parent == nullptr) continue;
    text += fmt::format(
        "    AND NOT (marked.\"tableName\" = {} AND marked.\"primaryKey\" IN (SELECT \"primaryKey\" FROM parent_{} WHERE place "
        "IS NULL))\n",
        quote_literal(tables[i].name), i);
  }
  return text + "  RETURNING m.\"tenancyId\" AS id\n)";
}

/// Loose index scan: the first tenancy in the range, then from each to the next.
std::string tenancies_of(std::string_view table, std::string_view tenancy, std::string_view condition) {
  return fmt::format(
      "    (WITH RECURSIVE walk (id) AS (\n"
      "       (SELECT r.{1} FROM {0} AS r WHERE r.{1} >= range.first AND r.{1} <= range.last{2} ORDER BY r.{1} NULLS FIRST LIMIT "
      "1)\n"
      "       UNION ALL\n"
      "       SELECT next.id\n"
      "       FROM walk\n"
      "       CROSS JOIN LATERAL (\n"
      "         SELECT r.{1} AS id FROM {0} AS r WHERE r.{1} > walk.id AND r.{1} <= range.last{2} ORDER BY r.{1} NULLS FIRST "
      "LIMIT 1\n"
      "       ) AS next\n"
      "     )\n"
      "     SELECT id FROM walk LIMIT $3)\n",
      table, tenancy, condition);
}

}  // namespace

std::vector<std::string> sequenced_tables(std::span<const mapping::Mapping> mappings) {
  std::vector<std::string> names;
  for (const auto& table : source::captured_tables(mappings)) names.push_back(table.name);
  names.emplace_back("DeletedRow");
  return names;
}

std::string look_sql(std::span<const mapping::Mapping> mappings) {
  std::string text =
      "SELECT found.id\n"
      "FROM unnest($1::uuid[], $2::uuid[]) AS range (first, last)\n"
      "CROSS JOIN LATERAL (\n"
      "  SELECT flagged.id\n"
      "  FROM (\n";
  const auto tables = numbered_tables(source::captured_tables(mappings), mappings);
  for (const auto& table : tables)
    text += tenancies_of(table.table, table.tenancy, " AND r.\"shouldUpdateSequenceId\"") + "    UNION\n";
  text += tenancies_of("tributary.marker", "\"tenancyId\"", " AND " + is_for_us("r", tables));
  return text +
         "  ) AS flagged (id)\n"
         "  ORDER BY flagged.id\n"
         "  LIMIT $3\n"
         ") AS found\n"
         "WHERE " +
         std::string(kSwitchedOn);
}

std::string sequencing_sql(std::span<const mapping::Mapping> mappings, std::optional<std::size_t> only) {
  const auto captured = source::captured_tables(mappings);
  auto tables = numbered_tables(captured, mappings);
  if (only) {
    for (auto& table : tables) table.parent = nullptr;
  }
  std::string text(kDue);
  if (!only) text += marked(tables);
  std::string touched;
  std::string counts;
  std::vector<std::size_t> picks;
  for (std::size_t i = 0; i < tables.size(); ++i) {
    if (only && *only != i) {
      counts += ",\n       0::bigint, 0::bigint";
      continue;
    }
    picks.push_back(i);
    text += picked(tables[i], i);
    if (tables[i].parent != nullptr) text += parents(tables[i], i);
    text += updated(tables[i], i);
    touched += fmt::format("{}SELECT id FROM updated_{}", touched.empty() ? "" : " UNION ", i);
    counts += fmt::format(",\n       (SELECT count(*) FROM updated_{0}), (SELECT count(DISTINCT id) FROM updated_{0})", i);
  }
  if (!only) text += settled(tables);
  // A reader may be waiting for the marker alone to be gone: until then it does not call the tenancy complete.
  text += ",\ntouched AS MATERIALIZED (\n  " +
          (only ? fmt::format("SELECT DISTINCT id FROM updated_{}", *only) : touched + " UNION SELECT id FROM settled") + "\n)";
  // Other tenancies' rows are numbered too, so that nothing stays flagged, but nobody syncs them.
  text +=
      ",\nenqueued AS MATERIALIZED (\n"
      "  SELECT tributary.enqueue(ARRAY(\n"
      "    SELECT t.id\n"
      "    FROM touched AS t\n"
      "    WHERE (SELECT y.\"hasNoOrganization\" FROM public.\"Tenancy\" AS y WHERE y.id = t.id) = 'TRUE'\n"
      "       OR EXISTS (SELECT FROM tributary.deleted_tenancy AS d WHERE d.\"tenancyId\" = t.id))) AS tenancies\n"
      ")\n";
  return text +
         fmt::format(
             "SELECT ARRAY(SELECT id FROM touched),\n"
             "       (SELECT tenancies FROM enqueued),\n"
             "       {}",
             only ? "0::bigint" : "(SELECT count(*) FROM settled)") +
         counts + ",\n       " + commit_ages(picks) +
         ",\n       (SELECT pg_notify('tributary_queue', coalesce(current_setting('tributary.process', true), ''))::text\n"
         "        FROM enqueued WHERE tenancies > 0)";
}

std::string waiting_sql(std::span<const mapping::Mapping> mappings) {
  // A row whose xmax is set may be held by an open transaction. The row is then locked by its key, as its holder may leave a newer version.
  constexpr std::string_view kAFew = "4";
  const auto captured = source::captured_tables(mappings);
  const auto tables = numbered_tables(captured, mappings);
  std::string text = fmt::format(
      "{},\nmarked AS MATERIALIZED (\n"
      "  SELECT m.\"tenancyId\", m.\"tableName\", m.\"primaryKey\"\n"
      "  FROM due\n"
      "  CROSS JOIN LATERAL (\n"
      "    SELECT * FROM tributary.marker AS m\n"
      "    WHERE m.\"tenancyId\" >= due.id AND m.\"tenancyId\" <= due.id\n"
      "    ORDER BY m.\"tenancyId\" NULLS FIRST LIMIT {}\n"
      "  ) AS m\n"
      ")",
      kDue, kAFew);
  std::string counts;
  for (std::size_t i = 0; i < captured.size(); ++i) {
    const auto key = columns("r", captured[i].key);
    text += fmt::format(
        ",\nheld_{0} AS MATERIALIZED (\n"
        "  SELECT held.*\n"
        "  FROM due\n"
        "  CROSS JOIN LATERAL (\n"
        "    SELECT {1}\n{2}"
        "      AND r.xmax <> '0'::xid\n"
        "    ORDER BY r.{3} NULLS FIRST LIMIT {4}\n"
        "  ) AS held\n",
        i, key, flagged_of_due(tables[i]), tables[i].tenancy, kAFew);
    if (tables[i].parent != nullptr)
      text += fmt::format("  UNION ALL\n  SELECT {}\n{}", columns("wanted", captured[i].key), key_of_markers(tables[i]));
    text += fmt::format(
        "),\nwaited_{0} AS MATERIALIZED (\n"
        "  SELECT 1\n"
        "  FROM held_{0} AS held\n"
        "  CROSS JOIN LATERAL (\n"
        "    SELECT FROM {1} AS r WHERE ({2}) >= ({3}) AND ({2}) <= ({3}) ORDER BY {2} LIMIT 1 FOR NO KEY UPDATE\n"
        "  ) AS waited\n"
        ")",
        i, tables[i].table, key, columns("held", captured[i].key));
    counts += fmt::format("{}(SELECT count(*) FROM waited_{})", counts.empty() ? "" : " + ", i);
  }
  return text + "\nSELECT " + counts;
}

}  // namespace tributary::sequencer
