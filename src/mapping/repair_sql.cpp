#include <fmt/format.h>

#include "mapping/compare_sql.hpp"
#include "mapping/sql.hpp"
#include "mapping/sql_parts.hpp"

// What makes rows of given keys due again, and what becomes of old tombstones. Aliases of ours: source, changed, wanted, found, newest, locked, free, deleted.

namespace tributary::mapping {
namespace {

/// unnest($2::text[], $3::text[])
std::string given_keys(const Mapping& mapping) {
  int parameter = 1;
  return fmt::format("unnest({})",
                     joined(mapping.target_key, ", ", [&](const auto&) { return fmt::format("${}::text[]", ++parameter); }));
}

/// The row of a wanted key, where there is one: where it stands and whether it is flagged. Of rows that share the key the newest: were an older one numbered
/// beside it, that one might come out as the newer.
std::string row_of_wanted(const Mapping& mapping, std::string_view indent) {
  auto text = fmt::format("{0}SELECT source.ctid AS place, source.\"shouldUpdateSequenceId\" AS flagged\n{0}FROM {1} AS source\n",
                          indent, public_table(mapping.source_table));
  text += fmt::format("{}WHERE source.{} = $1", indent, quote_identifier(mapping.tenancy_column));
  for (const auto& column : key_columns(mapping)) {
    text += fmt::format(" AND {} = {}::{}", qualified("source", column.from), qualified("wanted", column.name),
                        postgres_type(column));
  }
  if (target_key_is_shared(mapping))
    text += fmt::format("\n{}ORDER BY COALESCE(source.\"sequenceId\", 9223372036854775807) DESC LIMIT 1", indent);
  return text + '\n';
}

}  // namespace

std::string flag_rows_sql(const Mapping& mapping) {
  return fmt::format(
      "UPDATE {} AS changed\n"
      "SET \"shouldUpdateSequenceId\" = TRUE\n"
      "FROM {} AS wanted ({})\n"
      "CROSS JOIN LATERAL (\n{}) AS newest\n"
      "WHERE changed.ctid = newest.place",
      public_table(mapping.source_table), given_keys(mapping), identifier_list(mapping.target_key), row_of_wanted(mapping, "  "));
}

std::string flag_free_rows_sql(const Mapping& mapping) {
  return fmt::format(
      "WITH newest AS MATERIALIZED (\n"
      "  SELECT wanted.number, found.place\n"
      "  FROM {0} WITH ORDINALITY AS wanted ({1}, number)\n"
      "  CROSS JOIN LATERAL (\n{2}  ) AS found\n"
      "  WHERE NOT found.flagged\n"
      "), free AS MATERIALIZED (\n"
      "  SELECT newest.number, locked.place\n"
      "  FROM newest\n"
      "  CROSS JOIN LATERAL (\n"
      "    SELECT source.ctid AS place FROM {3} AS source WHERE source.ctid = newest.place FOR NO KEY UPDATE SKIP LOCKED\n"
      "  ) AS locked\n"
      "), flagged AS (\n"
      "  UPDATE {3} AS changed SET \"shouldUpdateSequenceId\" = TRUE FROM free WHERE changed.ctid = free.place\n"
      ")\n"
      "SELECT number - 1 FROM newest EXCEPT SELECT number - 1 FROM free",
      given_keys(mapping), identifier_list(mapping.target_key), row_of_wanted(mapping, "    "),
      public_table(mapping.source_table));
}

std::string insert_tombstones_sql(const Mapping& mapping) {
  const auto key = joined(key_columns(mapping), ", ", [](const Column& column) {
    return fmt::format("{}, {}", quote_literal(column.from), qualified("wanted", column.name));
  });
  return fmt::format(
      "INSERT INTO public.\"DeletedRow\"\n"
      "  (id, \"tenancyId\", \"tableName\", \"primaryKey\", data, \"deletedAt\", \"shouldUpdateSequenceId\")\n"
      "SELECT gen_random_uuid(), $1, {0}, jsonb_build_object({1}, $1::text, {2}), '{{}}', now() AT TIME ZONE 'UTC', TRUE\n"
      "FROM {3} AS wanted ({4})",
      quote_literal(mapping.source_table), quote_literal(mapping.tenancy_column), key, given_keys(mapping),
      identifier_list(mapping.target_key));
}

std::string collect_tombstones_sql(std::span<const Mapping> mappings) {
  const auto table = quote_literal(mappings.front().source_table);
  std::string kept;
  for (const auto& mapping : mappings) {
    kept += fmt::format(
        "\n    AND NOT EXISTS (SELECT FROM tributary.quarantine AS refused WHERE refused.tenancy_id = $1 AND refused.mapping = "
        "{}{})",
        quote_literal(mapping.name), joined(key_columns(mapping), "", [](const Column& column) {
          return fmt::format(" AND refused.key ->> {} = deleted.\"primaryKey\" ->> {}", quote_literal(column.name),
                             quote_literal(column.from));
        }));
  }
  return fmt::format(
      "WITH old AS (\n"
      "  SELECT deleted.ctid AS place\n"
      "  FROM public.\"DeletedRow\" AS deleted\n"
      "  WHERE deleted.\"tenancyId\" = $1 AND deleted.\"tableName\" = {0} AND deleted.\"sequenceId\" <= $2\n"
      "    AND NOT deleted.\"shouldUpdateSequenceId\"\n"
      "    AND deleted.\"deletedAt\" <= clock_timestamp() AT TIME ZONE 'UTC' - $3 * interval '1 millisecond'{1}\n"
      "  ORDER BY deleted.\"sequenceId\"\n"
      "  LIMIT $4\n"
      "), gone AS (\n"
      "  DELETE FROM public.\"DeletedRow\" AS deleted USING old WHERE deleted.ctid = old.place RETURNING deleted.\"sequenceId\"\n"
      "), noted AS (\n"
      "  INSERT INTO tributary.collected AS c (tenancy_id, table_name, through)\n"
      "  SELECT $1, {0}, max(\"sequenceId\") FROM gone HAVING count(*) > 0\n"
      "  ON CONFLICT (tenancy_id, table_name) DO UPDATE SET through = greatest(c.through, EXCLUDED.through), collected_at = "
      "now()\n"
      ")\n"
      "SELECT count(*) FROM gone",
      table, kept);
}

}  // namespace tributary::mapping
