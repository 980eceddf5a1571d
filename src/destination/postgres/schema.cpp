#include "destination/postgres/target.hpp"
#include "mapping/sql.hpp"
#include "telemetry/log.hpp"

namespace tributary::destination::postgres_target {
namespace {

constexpr std::string_view kMetadataTable = "_stack_sync_metadata";

constexpr std::string_view kCatalog = R"sql(
SELECT c.relname::text,
       a.attname::text,
       format_type(a.atttypid, a.atttypmod),
       a.attnotnull,
       coalesce(a.attnum = ANY (i.indkey), false),
       a.attnotnull AND NOT a.atthasdef AND a.attidentity = '' AND a.attgenerated = ''
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname = 'public'
LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_index AS i ON i.indrelid = c.oid AND i.indisprimary
WHERE c.relname = ANY ($1)
ORDER BY c.relname, a.attnum)sql";

// A data table that is gone takes its watermark with it, in the transaction that makes the new one: an empty table under a high watermark
// would stay empty for ever.
constexpr std::string_view kStartOver = R"sql(
UPDATE public._stack_sync_metadata
SET last_synced_sequence_id = -1, generation = generation + 1, loading = true, complete_until = NULL, complete_through = -1, updated_at = now()
WHERE mapping_name = ANY ($1))sql";

// Rows of before there was an owner are adopted; those of somebody else stay as they are and are found out by the next statement.
constexpr std::string_view kOwn = R"sql(
INSERT INTO public._stack_sync_metadata AS m (mapping_name, installation_id, tenancy_id, loading)
SELECT v.name, $2, $3, v.loading
FROM unnest($1::text[], $4::boolean[]) AS v (name, loading)
ON CONFLICT (mapping_name) DO UPDATE
SET installation_id = EXCLUDED.installation_id, tenancy_id = EXCLUDED.tenancy_id
WHERE m.installation_id IS NULL AND m.tenancy_id IS NULL)sql";

constexpr std::string_view kPositions = R"sql(
SELECT m.last_synced_sequence_id, m.generation, m.loading,
       m.installation_id IS NOT DISTINCT FROM $2 AND m.tenancy_id IS NOT DISTINCT FROM $3,
       coalesce(m.installation_id::text, ''), coalesce(m.tenancy_id::text, ''),
       m.last_synced_sequence_id = -1 AND NOT m.loading AND m.complete_until IS NULL,
       m.last_synced_sequence_id = m.complete_through
FROM unnest($1::text[]) WITH ORDINALITY AS v (name, place)
LEFT JOIN public._stack_sync_metadata AS m ON m.mapping_name = v.name
ORDER BY v.place)sql";

struct Table {
  std::vector<mapping::TargetColumn> columns;
  std::vector<std::string> required;  ///< NOT NULL without a default: a row of ours would be refused where the column is not ours
};
using Catalog = std::map<std::string, Table>;
using Mappings = std::span<const mapping::Mapping* const>;

asio::awaitable<Catalog> read_catalog(pg::Connection& connection, Mappings mappings, Deadline deadline) {
  std::vector<std::string> names{std::string(kMetadataTable)};
  for (const auto* mapping : mappings) names.push_back(mapping->target_table);
  pg::Params params;
  params.add_array(std::span<const std::string>(names));
  const auto result = co_await connection.execute(kCatalog, std::move(params), deadline);
  Catalog catalog;
  for (std::size_t row = 0; row < result.rows(); ++row) {
    auto& table = catalog[result.get<std::string>(row, 0)];
    if (result.is_null(row, 1)) continue;
    auto name = result.get<std::string>(row, 1);
    if (result.get<bool>(row, 5)) table.required.push_back(name);
    table.columns.push_back(
        {std::move(name), result.get<std::string>(row, 2), result.get<bool>(row, 3), result.get<bool>(row, 4)});
  }
  co_return catalog;
}

pg::Error misshapen(std::string message) {
  pg::Error::Details details;
  details.kind = pg::ErrorKind::server;
  details.sqlstate = "42P16";
  details.message = std::move(message);
  return pg::Error(std::move(details));
}

/// What the reference product's table has, ours is made of by adding columns; anything else is somebody else's table.
void check_metadata(const Catalog& catalog) {
  const auto metadata = catalog.find(std::string(kMetadataTable));
  if (metadata == catalog.end()) return;
  for (const auto* name : {"mapping_name", "last_synced_sequence_id", "updated_at"}) {
    if (std::ranges::find(metadata->second.columns, name, &mapping::TargetColumn::name) == metadata->second.columns.end()) {
      throw misshapen(
          fmt::format("public.{} has no column \"{}\": it is not Tributary's; rename or drop it", kMetadataTable, name));
    }
  }
}

/// Its name: a customer may have added columns, too.
bool metadata_has(const Catalog& catalog, std::string_view column) {
  const auto metadata = catalog.find(std::string(kMetadataTable));
  return metadata != catalog.end() &&
         std::ranges::find(metadata->second.columns, column, &mapping::TargetColumn::name) != metadata->second.columns.end();
}

bool is_complete(const Catalog& catalog, Mappings mappings) {
  if (!metadata_has(catalog, "loading") || !metadata_has(catalog, "complete_through")) return false;
  return std::all_of(mappings.begin(), mappings.end(),
                     [&](const auto* mapping) { return catalog.contains(mapping->target_table); });
}

/// All in one transaction: see kStartOver. A table of ours is only added to: whoever owns it may have lost the right to create others since.
asio::awaitable<void> create_missing(pg::Connection& connection, const Catalog& catalog, Mappings mappings, Deadline deadline) {
  auto texts = metadata_has(catalog, "installation_id") ? std::vector{mapping::add_metadata_columns_sql()}
                                                        : mapping::create_metadata_sql();
  std::vector<std::string> made;
  for (const auto* mapping : mappings) {
    if (catalog.contains(mapping->target_table)) continue;
    made.push_back(mapping->name);
    for (auto& text : mapping::create_target_sql(*mapping)) texts.push_back(std::move(text));
  }
  std::vector<pg::Command> commands;
  for (const auto& text : texts) commands.push_back({.sql = text, .params = {}, .prepare = false});
  pg::Params params;
  params.add_array(std::span<const std::string>(made));
  commands.push_back({.sql = kStartOver, .params = std::move(params), .prepare = false});
  co_await connection.execute_pipeline(std::move(commands), deadline);
}

/// Two workers that create the same table at once: IF NOT EXISTS does not keep the second from failing in the catalog's unique indexes.
bool somebody_else_created_it(const pg::Error& error) {
  const auto state = error.sqlstate();
  return state == "23505" || state == "42P07" || state == "42710" || state == "42701" || state == "40P01" || state == "XX000";
}

asio::awaitable<Catalog> complete_catalog(pg::Connection& connection, Mappings mappings, Deadline deadline) {
  constexpr int kMostTries = 5;
  for (int tries = 0;; ++tries) {
    auto catalog = co_await read_catalog(connection, mappings, deadline);
    check_metadata(catalog);
    if (is_complete(catalog, mappings)) co_return catalog;
    if (tries == kMostTries) {
      throw misshapen("tables that were created in schema public are not there: look for an event trigger that drops them");
    }
    try {
      co_await create_missing(connection, catalog, mappings, deadline);
    } catch (const pg::Error& error) {
      if (!somebody_else_created_it(error) || tries + 1 == kMostTries) throw;
    }
  }
}

asio::awaitable<pg::Result> own(pg::Connection& connection, Mappings mappings, const Owner& owner, Deadline deadline) {
  std::vector<std::string> names;
  for (const auto* mapping : mappings) names.push_back(mapping->name);
  pg::Params params;
  params.add_array(std::span<const std::string>(names)).add(owner.installation).add(owner.tenancy);
  auto positions = co_await connection.execute(kPositions, params, deadline);
  bool all_known = true;
  for (std::size_t row = 0; row < positions.rows(); ++row)
    all_known = all_known && !positions.is_null(row, 0) && !positions.get<std::string>(row, 5).empty();
  if (all_known) co_return positions;

  pg::ArrayBuilder loading(pg::oid::kBool, pg::oid::kBoolArray);
  for (const auto* mapping : mappings) {
    const auto text = "SELECT NOT EXISTS (SELECT FROM public." + mapping::quote_identifier(mapping->target_table) + ")";
    const auto empty = co_await connection.execute(text, deadline);
    loading.append(empty.bytes(0, 0));
  }
  auto own_params = params;
  own_params.add_array(loading);
  co_await connection.execute(kOwn, std::move(own_params), deadline);
  co_return co_await connection.execute(kPositions, std::move(params), deadline);
}

}  // namespace

asio::awaitable<std::string> table_difference(pg::Connection& connection, const mapping::Mapping& mapping, Deadline deadline) {
  const auto* const one = &mapping;
  const auto catalog = co_await read_catalog(connection, Mappings(&one, 1), deadline);
  const auto table = catalog.find(mapping.target_table);
  co_return table == catalog.end() ? "" : mapping::target_difference(mapping, table->second.columns, {});
}

asio::awaitable<Positions> establish(pg::Connection& connection, Mappings mappings, const Owner& owner, Deadline deadline) {
  const auto catalog = co_await complete_catalog(connection, mappings, deadline);
  const auto rows = co_await own(connection, mappings, owner, deadline);
  Positions positions;
  for (std::size_t i = 0; i < mappings.size(); ++i) {
    if (!rows.get<bool>(i, 3)) {
      positions.of_another = true;
      if (rows.get<std::string>(i, 4) == owner.installation.to_string())
        positions.owner = Uuid::parse(rows.get<std::string>(i, 5));
      positions.failure = Failure{
          .kind = FailureKind::refused,
          .sqlstate = "",
          .message = fmt::format(
              "this database belongs to another tenancy (tenancy {} of installation {}, says public._stack_sync_metadata): "
              "name another database, or drop that table to hand this one over",
              rows.get<std::string>(i, 5), rows.get<std::string>(i, 4))};
      co_return positions;
    }
    const auto& table = catalog.at(mappings[i]->target_table);
    const auto difference = mapping::target_difference(*mappings[i], table.columns, table.required);
    if (!difference.empty()) {
      positions.of_mappings.emplace_back(Failure{.kind = FailureKind::refused, .sqlstate = "42P16", .message = difference});
      continue;
    }
    positions.of_mappings.emplace_back(Position{rows.get<std::int64_t>(i, 0), rows.get<std::int64_t>(i, 1), rows.get<bool>(i, 2),
                                                rows.get<bool>(i, 6), rows.get<bool>(i, 7)});
  }
  co_return positions;
}

}  // namespace tributary::destination::postgres_target
