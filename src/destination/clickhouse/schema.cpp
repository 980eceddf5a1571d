#include "destination/clickhouse/schema.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "clickhouse/row_reader.hpp"

namespace tributary::destination::clickhouse_target {
namespace {

using Mappings = std::span<const mapping::Mapping>;

/// Raises the generation of every tenancy that has a position in a mapping.
std::string start_over_sql() {
  return fmt::format(
      "INSERT INTO {0}.{1} (`tenancy_id`, `mapping_name`, `generation`, `last_synced_sequence_id`)\n"
      "SELECT `tenancy_id`, `mapping_name`, max(`generation`) + 1, -1\n"
      "FROM {0}.{1}\n"
      "WHERE `mapping_name` = {{mapping:String}}\n"
      "GROUP BY `tenancy_id`, `mapping_name`",
      sql::kDatabase, sql::kMetadataTable);
}

asio::awaitable<ch::Result> rows_of(ch::Client& client, std::string select, Deadline deadline) {
  co_return co_await client.execute({.text = select + "\nFORMAT RowBinary", .retryable = true}, deadline);
}

bool has_table(const sql::Existing& existing, std::string_view name) {
  return std::ranges::find(existing.tables, name, &sql::Existing::Table::name) != existing.tables.end();
}

asio::awaitable<sql::Existing> read_existing(ch::Client& client, Deadline deadline) {
  sql::Existing existing;
  const auto tables = co_await rows_of(client, sql::existing_tables_sql(), deadline);
  for (ch::RowReader row(tables.body); row.more();) {
    auto& table = existing.tables.emplace_back();
    for (auto* text : {&table.name, &table.engine, &table.engine_full, &table.partition_key}) *text = row.string();
  }
  const auto columns = co_await rows_of(client, sql::existing_columns_sql(), deadline);
  for (ch::RowReader row(columns.body); row.more();) {
    auto& column = existing.columns.emplace_back();
    for (auto* text : {&column.table, &column.name, &column.type}) *text = row.string();
    column.in_sorting_key = row.uint8() != 0;
  }
  const auto view_columns = co_await rows_of(client, sql::existing_view_columns_sql(), deadline);
  for (ch::RowReader row(view_columns.body); row.more();) {
    auto view = std::string(row.string());
    existing.view_columns.emplace(std::move(view), row.string());
  }
  if (has_table(existing, sql::kSchemaTable)) {
    const auto records = co_await rows_of(client, sql::read_schema_sql(), deadline);
    for (ch::RowReader row(records.body); row.more();) {
      const auto version = static_cast<std::uint32_t>(row.int32());
      existing.records.push_back({version, row.uuid()});
    }
  }
  co_return existing;
}

/// Before its table is made: whoever dies in between leaves positions that are started over once more, never ones without their rows.
asio::awaitable<void> start_over_where_dropped(ch::Client& client, Mappings mappings, const sql::Existing& existing,
                                               Deadline deadline) {
  if (!has_table(existing, sql::kMetadataTable)) co_return;
  for (const auto& mapping : mappings) {
    if (has_table(existing, mapping.target_table)) continue;
    ch::Query query{.text = start_over_sql(), .retryable = true};
    query.params.add("mapping", mapping.name);
    co_await client.execute(std::move(query), deadline);
  }
}

SchemaState state_of(const sql::Plan& plan) {
  SchemaState state;
  for (const auto& difference : plan.differences) {
    const Failure failure{.kind = FailureKind::refused, .sqlstate = "42P16", .message = difference.message};
    if (difference.mapping.empty()) {
      state.failure = failure;
      state.failure->sqlstate = "28000";
    } else if (const auto [known, is_new] = state.of_mappings.emplace(difference.mapping, failure); !is_new) {
      known->second.message += "; " + difference.message;
    }
  }
  return state;
}

bool lacks_something(const sql::Plan& plan) { return std::ranges::any_of(plan.steps, &sql::Step::is_missing); }

/// Two that make the same at once: neither IF NOT EXISTS nor OR REPLACE keeps the second one from every such error.
bool somebody_else_made_it(const ch::Error& error) {
  constexpr std::array kCodes{
      15,  // DUPLICATE_COLUMN
      44,  // ILLEGAL_COLUMN: it was added meanwhile
      57,  // TABLE_ALREADY_EXISTS
      60,  // UNKNOWN_TABLE: the view was replaced meanwhile
      82,  // DATABASE_ALREADY_EXISTS
      517,  // CANNOT_ASSIGN_ALTER: another ALTER came first
  };
  return std::ranges::find(kCodes, error.code()) != kCodes.end();
}

}  // namespace

asio::awaitable<SchemaState> apply_schema(ch::Client& client, Mappings mappings, const sql::Options& options,
                                          const sql::TenantUser* user, Extent extent, Deadline deadline) {
  constexpr int kMostAttempts = 5;
  for (int attempt = 1;; ++attempt) {
    const auto existing = co_await read_existing(client, deadline);
    const auto plan = sql::plan(mappings, options, user, existing);
    auto state = state_of(plan);
    if (state.failure || (extent == Extent::missing && !lacks_something(plan))) co_return state;
    try {
      co_await start_over_where_dropped(client, mappings, existing, deadline);
      for (const auto& step : plan.steps) {
        for (const auto& statement : step.statements) {
          co_await client.execute({.text = statement, .retryable = true}, deadline);
          ++state.statements;
        }
      }
      co_return state;
    } catch (const ch::Error& error) {
      if (!somebody_else_made_it(error) || attempt == kMostAttempts) throw;
    }
  }
}

asio::awaitable<std::string> table_difference(ch::Client& client, const mapping::Mapping& mapping, Deadline deadline) {
  const auto existing = co_await read_existing(client, deadline);
  const auto state = state_of(sql::plan(Mappings(&mapping, 1), {}, nullptr, existing));
  if (state.failure) co_return state.failure->message;
  co_return state.of_mappings.empty() ? "" : state.of_mappings.begin()->second.message;
}

asio::awaitable<std::string> store_id(ch::Client& client, Deadline deadline) {
  auto text = fmt::format("SELECT hex(groupBitXor(cityHash64(name, toString(uuid))))\nFROM system.tables\nWHERE database = '{}'",
                          sql::kDatabase);
  const auto result = co_await rows_of(client, std::move(text), deadline);
  co_return std::string(ch::RowReader(result.body).string());
}

}  // namespace tributary::destination::clickhouse_target
