#include "mapping/clickhouse_plan.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "mapping/clickhouse_parts.hpp"
#include "mapping/sql_parts.hpp"

namespace tributary::mapping::clickhouse {
namespace {

std::string plain_name(std::string_view table) { return fmt::format("{}.{}", kDatabase, table); }

bool is_in_key(const Mapping& mapping, std::string_view column) {
  return column == "project_id" || column == "branch_id" || is_target_key(mapping, column);
}

/// How a table of a mapping differs from what create_table_sql() makes.
class TableCheck {
 public:
  TableCheck(const Mapping& mapping, const Existing::Table& table, std::span<const Existing::Column> columns)
      : mapping_(mapping), table_(table) {
    std::ranges::copy_if(columns, std::back_inserter(found_),
                         [&](const Existing::Column& column) { return column.table == table.name; });
  }

  std::vector<Difference> differences() {
    check_engine();
    for (const auto& column : found_) check_column(column);
    for (const auto& column : missing()) {
      if (is_in_key(mapping_, column.name)) add("no column \"{}\" ({}) in its sorting key", column.name, column.type);
    }
    return std::move(differences_);
  }

  std::vector<TableColumn> missing() const {
    auto columns = table_columns(mapping_);
    std::erase_if(columns, [&](const TableColumn& column) {
      return std::ranges::find(found_, column.name, &Existing::Column::name) != found_.end();
    });
    return columns;
  }

 private:
  // A server may put Replicated or Shared before the name of the family.
  void check_engine() {
    if (!table_.engine.ends_with("ReplacingMergeTree") ||
        table_.engine_full.find("sync_sequence_id, sync_is_deleted)") == std::string::npos) {
      add("engine {}, not ReplacingMergeTree(sync_sequence_id, sync_is_deleted)", table_.engine_full);
    }
    if (!table_.partition_key.empty())
      add("partitions by {}, not none: a deleted row could miss its tombstone", table_.partition_key);
  }

  void check_column(const Existing::Column& column) {
    const auto expected = table_columns(mapping_);
    const auto wanted = std::ranges::find(expected, column.name, &TableColumn::name);
    if (wanted != expected.end() && wanted->type != column.type)
      add("column \"{}\" of type {}, not {}", column.name, column.type, wanted->type);
    // The order of the key does not matter to which rows replace each other.
    if (column.in_sorting_key != is_in_key(mapping_, column.name)) {
      add("column \"{}\" {}", column.name,
          column.in_sorting_key ? "in its sorting key, which it is not part of"
                                : "outside of its sorting key, which it is part of");
    }
  }

  template <class... Arguments>
  void add(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    differences_.push_back(
        {mapping_.name, plain_name(table_.name) + " has " + fmt::format(format, std::forward<Arguments>(arguments)...)});
  }

  const Mapping& mapping_;
  const Existing::Table& table_;
  std::vector<Existing::Column> found_;
  std::vector<Difference> differences_;
};

/// Why this schema is not ours to change, or empty.
std::string refusal(const Options& options, const Existing& existing) {
  for (const auto& record : existing.records) {
    if (record.version > kSchemaVersion) {
      return fmt::format(
          "{} is of version {}, made by a newer Tributary, while this one knows versions up to {}: run the newer one", kDatabase,
          record.version, kSchemaVersion);
    }
    if (record.installation != Uuid{} && options.installation != Uuid{} && record.installation != options.installation) {
      return fmt::format("{} belongs to installation {}, not to {}: give each a ClickHouse of its own", kDatabase,
                         record.installation.to_string(), options.installation.to_string());
    }
  }
  return {};
}

struct NumberedStep {
  std::uint32_t version;
  std::string_view name;
  std::vector<std::string> (*statements)(const Options&);
};

constexpr NumberedStep kNumbered[] = {{1, "bookkeeping", [](const Options& options) {
                                         return std::vector{create_database_sql(options), create_schema_sql(options),
                                                            create_metadata_sql(options)};
                                       }}};
static_assert(std::end(kNumbered)[-1].version == kSchemaVersion);

void add_numbered(Plan& plan, const Options& options, const Existing& existing) {
  // Somebody who dropped the watermarks gets them back, empty: everything is read again.
  const bool has_watermarks = std::ranges::find(existing.tables, kMetadataTable, &Existing::Table::name) != existing.tables.end();
  for (const auto& step : kNumbered) {
    const auto is_record = [&](const Existing::Record& record) {
      return record.version == step.version && (record.installation == options.installation || options.installation == Uuid{});
    };
    if (has_watermarks && std::ranges::any_of(existing.records, is_record)) continue;
    // One that was recorded by nobody in particular is run once more: that is how an installation makes the schema its own.
    auto statements = step.statements(options);
    statements.push_back(record_step_sql(static_cast<int>(step.version), step.name, options));
    plan.steps.push_back({.version = step.version, .name = std::string(step.name), .statements = std::move(statements)});
  }
}

/// What an earlier version's table of watermarks lacks.
void add_watermark_columns(Step& step, const Options& options, const Existing& existing) {
  std::vector<std::string_view> found;
  for (const auto& column : existing.columns) {
    if (column.table == kMetadataTable) found.push_back(column.name);
  }
  if (!found.empty() && std::ranges::find(found, "complete_through") == found.end())
    step.statements.push_back(add_complete_through_sql(options));
}

/// Whoever makes a view may be cut off before it, though its table is there.
bool has_view(const Mapping& mapping, const Existing& existing) {
  return std::ranges::all_of(view_columns(mapping), [&](const TableColumn& column) {
    return existing.view_columns.contains({mapping.target_table, column.name});
  });
}

/// What makes the table of a mapping fit, or why nothing can.
std::vector<Difference> add_table(Step& step, const Mapping& mapping, const Options& options, const Existing& existing) {
  const auto found = std::ranges::find(existing.tables, mapping.target_table, &Existing::Table::name);
  if (found == existing.tables.end()) {
    step.statements.push_back(create_table_sql(mapping, options));
    return {};
  }
  TableCheck check(mapping, *found, existing.columns);
  auto differences = check.differences();
  const auto missing = check.missing();
  if (differences.empty() && !missing.empty()) step.statements.push_back(add_columns_sql(mapping, missing, options));
  return differences;
}

}  // namespace

std::string existing_tables_sql() {
  return fmt::format("SELECT name, engine, engine_full, partition_key\nFROM system.tables\nWHERE database = '{}'\nORDER BY name",
                     kDatabase);
}

std::string existing_columns_sql() {
  return fmt::format(
      "SELECT table, name, type, is_in_sorting_key\nFROM system.columns\nWHERE database = '{}'\nORDER BY table, position",
      kDatabase);
}

std::string existing_view_columns_sql() {
  return fmt::format(
      "SELECT table, name\nFROM system.columns\nWHERE database = '{0}'\n"
      "  AND table IN (SELECT name FROM system.tables WHERE database = '{0}' AND engine = 'View')\nORDER BY table, position",
      kViewDatabase);
}

Plan plan(std::span<const Mapping> mappings, const Options& options, const TenantUser* user, const Existing& existing) {
  Plan result;
  if (auto reason = refusal(options, existing); !reason.empty()) {
    result.differences.push_back({"", std::move(reason)});
    return result;
  }
  add_numbered(result, options, existing);
  Step tables{.version = 0, .name = "tables", .statements = {}};
  Step views{.version = 0, .name = "views", .statements = {}, .is_missing = false};
  add_watermark_columns(tables, options, existing);
  for (const auto& mapping : mappings) {
    auto differences = add_table(tables, mapping, options, existing);
    if (differences.empty()) {
      views.statements.push_back(create_view_sql(mapping, options));
      views.is_missing = views.is_missing || !has_view(mapping, existing);
    }
    std::ranges::move(differences, std::back_inserter(result.differences));
  }
  if (!tables.statements.empty()) result.steps.push_back(std::move(tables));
  if (user == nullptr || mappings.empty()) {
    result.steps.push_back(std::move(views));
    return result;
  }
  result.steps.push_back({0, "user", create_user_sql(*user, options), false});
  result.steps.push_back({0, "row policies", create_policies_sql(mappings, *user, options), false});
  result.steps.push_back(std::move(views));
  result.steps.push_back({0, "grants", {grant_sql(mappings, *user, options)}, false});
  return result;
}

}  // namespace tributary::mapping::clickhouse
