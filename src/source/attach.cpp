#include <fmt/format.h>

#include <set>

#include "base/embedded.hpp"
#include "base/sql_text.hpp"
#include "source/capture.hpp"
#include "source/check.hpp"
#include "source/migrate.hpp"
#include "telemetry/log.hpp"

namespace tributary::source {
namespace {

std::runtime_error not_ready(const std::string& what) { return std::runtime_error("the source is not ready: " + what); }

constexpr std::string_view kRunMigrate = "; run `tributary migrate`";

/// Those mapped and those that values are derived from.
std::vector<std::string> source_tables(std::span<const mapping::Mapping> mappings) {
  std::vector<std::string> tables;
  for (const auto& mapping : mappings) {
    tables.push_back(mapping.source_table);
    for (const auto& dependency : mapping.dependencies) tables.push_back(dependency.table);
  }
  return tables;
}

asio::awaitable<void> check_version(postgres::Connection& connection, Deadline deadline) {
  if (!co_await is_installed(connection, deadline)) throw not_ready("it has no schema \"tributary\"" + std::string(kRunMigrate));
  const int version = co_await installed_version(connection, deadline);
  if (version < schema_version()) {
    throw not_ready(fmt::format("its schema is of version {}, this program needs {}{}", version, schema_version(), kRunMigrate));
  }
  if (version > schema_version()) {
    throw not_ready(
        fmt::format("its schema is of version {}, this program knows {} only; use a newer program", version, schema_version()));
  }
}

/// Ids that a session keeps back for later (CACHE), or that start again (CYCLE), would not become visible in their order (invariant 1).
asio::awaitable<void> check_sequence(postgres::Connection& connection, Deadline deadline) {
  const auto result = co_await connection.execute(
      "SELECT seqcache = 1 AND NOT seqcycle AND seqincrement > 0 FROM pg_sequence WHERE seqrelid = "
      "to_regclass('public.global_seq_id')",
      deadline);
  if (result.empty()) throw not_ready("it has no sequence public.global_seq_id" + std::string(kRunMigrate));
  if (!result.get<bool>(0, 0)) {
    throw not_ready(
        "global_seq_id must be CACHE 1 NO CYCLE; run `ALTER SEQUENCE public.global_seq_id INCREMENT 1 CACHE 1 NO CYCLE`");
  }
}

/// Logical replication fires row triggers only, and tombstones are written by statement: see install_trigger in 0002_capture.sql.
asio::awaitable<void> warn_of_subscriptions(postgres::Connection& connection, std::span<const mapping::Mapping> mappings,
                                            Deadline deadline) {
  const auto tables = source_tables(mappings);
  postgres::Params params;
  params.add_array(std::span<const std::string>(tables));
  const auto result = co_await connection.execute(
      "SELECT c.relname, s.subname\n"
      "FROM pg_subscription_rel AS r\n"
      "JOIN pg_subscription AS s ON s.oid = r.srsubid\n"
      "JOIN pg_class AS c ON c.oid = r.srrelid\n"
      "WHERE c.relnamespace = 'public'::regnamespace AND c.relname = ANY ($1)\n"
      "ORDER BY c.relname, s.subname",
      std::move(params), deadline);
  for (std::size_t row = 0; row < result.rows(); ++row) {
    telemetry::log(
        telemetry::Level::warning, "source",
        "logical replication writes a mapped table: rows that it deletes stay at the destinations",
        {{"table", result.get<std::string>(row, 0)},
         {"subscription", result.get<std::string>(row, 1)},
         {"what_to_do",
          "take the table out of the publication, or publish its inserts and updates only (publish = 'insert, update') "
          "and delete its rows here"}});
  }
}

/// What policies hide from this role could be neither numbered nor read, and nothing would tell.
asio::awaitable<void> check_row_security(postgres::Connection& connection, std::span<const mapping::Mapping> mappings,
                                         Deadline deadline) {
  auto tables = source_tables(mappings);
  tables.emplace_back("DeletedRow");
  tables.emplace_back("Tenancy");
  tables.emplace_back("Project");
  postgres::Params params;
  params.add_array(std::span<const std::string>(tables));
  const auto result = co_await connection.execute(
      "SELECT c.relname::text, current_user::text\n"
      "FROM pg_class AS c\n"
      "WHERE c.relnamespace = 'public'::regnamespace AND c.relname = ANY ($1) AND row_security_active(c.oid)\n"
      "ORDER BY c.relname",
      std::move(params), deadline);
  if (result.empty()) co_return;
  const auto role = result.get<std::string>(0, 1);
  throw not_ready(fmt::format("row level security hides rows of \"{0}\" from role \"{1}\"; run `ALTER ROLE \"{1}\" BYPASSRLS`",
                              result.get<std::string>(0, 0), role));
}

asio::awaitable<void> check_capture(postgres::Connection& connection, std::span<const mapping::Mapping> mappings,
                                    Deadline deadline) {
  std::string values;
  for (const auto& step : capture_steps(mappings)) {
    if (step.name == kMarkedTablesStep) continue;  // who has another set of mappings may have migrated since
    values += fmt::format("{}({}, {})", values.empty() ? "" : ", ", quote_literal(step.name), step.done);
  }
  if (values.empty()) co_return;
  const auto query = "SELECT step.name FROM (VALUES " + values + ") AS step (name, done) WHERE NOT step.done LIMIT 1";
  const auto result = co_await connection.execute(query, deadline);
  if (!result.empty())
    throw not_ready(fmt::format("capture is not installed ({}){}", result.get<std::string>(0, 0), kRunMigrate));
}

}  // namespace

int schema_version() { return static_cast<int>(embedded_migrations().size()); }

asio::awaitable<bool> is_installed(postgres::Connection& connection, Deadline deadline) {
  const auto result = co_await connection.execute("SELECT to_regclass('tributary.installation') IS NOT NULL", deadline);
  co_return result.get<bool>(0, 0);
}

asio::awaitable<int> installed_version(postgres::Connection& connection, Deadline deadline) {
  const auto result = co_await connection.execute("SELECT max(schema_version) FROM tributary.installation", deadline);
  co_return result.get<std::optional<std::int32_t>>(0, 0).value_or(0);
}

void check_server_version(int version) {
  constexpr int kOldest = 150000;
  if (version < kOldest)
    throw std::runtime_error(fmt::format("the source is PostgreSQL {}: {} or newer is needed", version / 10000, kOldest / 10000));
}

asio::awaitable<void> check_mappings(postgres::Connection& connection, std::span<const mapping::Mapping> mappings,
                                     Deadline deadline) {
  const auto tables = source_tables(mappings);
  postgres::Params params;
  params.add_array(std::span<const std::string>(tables));
  const auto result = co_await connection.execute(
      "SELECT c.relname, a.attname, format_type(a.atttypid, NULL), c.relkind = 'p'\n"
      "FROM pg_class AS c\n"
      "JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped\n"
      "WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname = ANY ($1)",
      std::move(params), deadline);
  std::vector<mapping::SourceColumn> catalog;
  std::set<std::string> partitioned;
  for (std::size_t row = 0; row < result.rows(); ++row) {
    if (result.get<bool>(row, 3)) partitioned.insert(result.get<std::string>(row, 0));
    catalog.push_back({result.get<std::string>(row, 0), result.get<std::string>(row, 1), result.get<std::string>(row, 2)});
  }
  std::string problems;
  for (const auto& mapping : mappings) {
    for (const auto& problem : mapping::check_against_source(mapping, catalog)) problems += "\n  " + problem.to_string();
    if (!partitioned.contains(mapping.source_table)) continue;
    const mapping::Problem problem{
        mapping.file, mapping.source_position.line, mapping.source_position.column,
        fmt::format(
            "table \"{}\" is partitioned: capture needs indexes that can be built while it is in use, and a unique sequence id, "
            "which a partitioned table cannot have",
            mapping.source_table)};
    problems += "\n  " + problem.to_string();
  }
  if (!problems.empty()) throw std::runtime_error("mappings do not fit the source:" + problems);
}

asio::awaitable<Installation> attach(postgres::Connection& connection, std::span<const mapping::Mapping> mappings,
                                     Deadline deadline) {
  check_server_version(connection.server_version());
  co_await check_version(connection, deadline);
  co_await check_sequence(connection, deadline);
  co_await check_mappings(connection, mappings, deadline);
  co_await check_row_security(connection, mappings, deadline);
  co_await check_capture(connection, mappings, deadline);
  co_await warn_of_subscriptions(connection, mappings, deadline);
  const auto result = co_await connection.execute("SELECT id, shard_count FROM tributary.installation", deadline);
  co_return Installation{result.get<Uuid>(0, 0), result.get<std::int32_t>(0, 1)};
}

}  // namespace tributary::source
