#pragma once
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "mapping/clickhouse_access.hpp"
#include "mapping/clickhouse_sql.hpp"

/// Which statements a ClickHouse needs, given what is there. Pure: the caller reads the catalog and runs the statements.
namespace tributary::mapping::clickhouse {

/// Highest numbered step that this program knows.
inline constexpr std::uint32_t kSchemaVersion = 1;

/// What is there. All empty: nothing.
struct Existing {
  struct Table {
    std::string name;
    std::string engine;         ///< ReplacingMergeTree, ReplicatedReplacingMergeTree, …
    std::string engine_full;    ///< with its arguments
    std::string partition_key;  ///< empty: not partitioned
  };
  struct Column {
    std::string table;
    std::string name;
    std::string type;
    bool in_sorting_key = false;
  };
  struct Record {
    std::uint32_t version = 0;
    Uuid installation;
  };
  std::vector<Table> tables;    ///< rows of existing_tables_sql()
  std::vector<Column> columns;  ///< rows of existing_columns_sql()
  std::set<std::pair<std::string, std::string>> view_columns;  ///< view and column: rows of existing_view_columns_sql()
  std::vector<Record> records;  ///< rows of read_schema_sql(), which may be asked only where kSchemaTable is among the tables
};

/// SELECT (name, engine, engine_full, partition_key), all String.
std::string existing_tables_sql();
/// SELECT (table String, name String, type String, is_in_sorting_key UInt8).
std::string existing_columns_sql();
/// SELECT (table String, name String).
std::string existing_view_columns_sql();

/// Statements that belong together, to be run in order. Each can be run again.
struct Step {
  /// Of a numbered step, done once and recorded by its own last statement. 0: made from the mappings and compared with what is there each time.
  std::uint32_t version = 0;
  std::string name;
  std::vector<std::string> statements;
  /// Something of it is not there yet. False: it is only made once more what it should be.
  bool is_missing = true;
};

/// Why rows cannot be written: a sentence that names table, column, expected and found.
struct Difference {
  std::string mapping;  ///< whose table it is; empty: it concerns everything, and there are no steps
  std::string message;
};

struct Plan {
  std::vector<Step> steps;  ///< leave out tables that differ and their views: those stay as they are, the rest goes on
  std::vector<Difference> differences;
};

/// `user` is what tenants' queries run as; nullptr where embedded (users are in embedded_users() then) or left to the operator.
/// Missing tables are made, and missing columns added. Views, policies and grants are made what they should be each time.
/// The order of the steps leaves no moment at which a tenant can read what it should not.
Plan plan(std::span<const Mapping> mappings, const Options& options, const TenantUser* user, const Existing& existing);

}  // namespace tributary::mapping::clickhouse
