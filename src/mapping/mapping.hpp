#pragma once
#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tributary::mapping {

/// The closed set of column types. types.hpp holds the one table of truth: Postgres name and type ids, ClickHouse type.
enum class ColumnType { uuid, text, boolean, smallint, integer, bigint, double_precision, timestamp, timestamptz, jsonb };

enum class Privacy { plain, mask, hash, omit };

/// Where rows go. A column can be left out of one kind.
enum class DestinationKind { postgres, clickhouse };

/// A place in a mapping file, both from 1; 0 where there is none (a mapping made in code).
struct Position {
  int line = 0;
  int column = 0;
};

/// A target column, in target order.
struct Column {
  std::string name;
  ColumnType type = ColumnType::text;
  std::string from;                        ///< source column of the mapped table; empty when `sql` is set
  std::string sql;                         ///< SQL expression over the source columns (and the dependencies' aliases)
  bool nullable = false;
  std::optional<std::string> default_sql;  ///< what a NULL in the source becomes: metadata is '{}'::jsonb
  bool low_cardinality = false;            ///< ClickHouse: LowCardinality(String)
  Privacy clickhouse_privacy = Privacy::plain;
  std::vector<DestinationKind> only;       ///< empty: every kind
  Position position;                       ///< of the value of `from` or `sql`
};

/// Another table of the source that values are derived from. Joined LEFT; a change of its rows marks the row of the mapped table that they belong to.
struct Dependency {
  std::string table;
  std::string alias;
  /// Pairs (column of the dependency, source *key* column of the mapped table) that are equal: the join, and the way back to the row to mark.
  std::vector<std::pair<std::string, std::string>> on;
  std::string where;  ///< further condition over the alias; at most one row may match (say so in the YAML)
  Position position;  ///< of the table's name
};

/// How rows of a source table become rows of a target table. Immutable after parse().
struct Mapping {
  std::string name;
  std::string source_table;
  std::string tenancy_column;  ///< "tenancyId"; part of the source key
  std::vector<std::string> source_key;  ///< including the tenancy column
  std::string target_table;
  std::vector<std::string> target_key;  ///< target columns; each comes `from` a source key column
  std::vector<Column> columns;
  std::vector<Dependency> dependencies;
  std::optional<std::chrono::hours> retention;
  std::string file;  ///< name that parse() was given: for messages
  Position position;  ///< of the mapping's name
  Position source_position;  ///< of the source table's name

  const Column& column(std::string_view name) const;  ///< REQUIRES: exists
  /// Columns that destinations of a kind have, in order.
  std::vector<Column> columns_for(DestinationKind kind) const;
};

/// The source columns that the target key comes from, in the order of the key. With the tenancy column before them they identify a row of
/// the source; capture keeps an index on them where the source key does not begin with them.
std::vector<std::string> target_key_source_columns(const Mapping& mapping);
/// Whether rows of the source can share a target key within a tenancy: something of their own key is not in it. Of these the one with the highest sequence id
/// is the target's row; when it goes, capture makes another one of them due again.
bool target_key_is_shared(const Mapping& mapping);

/// Alias of the mapped table in every generated SELECT: what `sql` may qualify its columns with.
inline constexpr std::string_view kSourceAlias = "source";

/// A mistake in a mapping file: `users.yaml:12:7: column "primary_email": unknown type "varchar"; one of uuid, text, …`
struct Problem {
  std::string file;
  int line = 0;  ///< from 1
  int column = 0;  ///< from 1
  std::string message;
  std::string to_string() const;
};

/// Either a mapping, or all the mistakes that could be told from the file alone (not only the first).
struct Parsed {
  std::optional<Mapping> mapping;
  std::vector<Problem> problems;
};
/// Untrusted input is fine: size and depth are bounded, aliases are refused. Throws nothing but std::bad_alloc.
Parsed parse(std::string_view yaml, std::string_view file_name);

/// What only shows when several are taken together: two of one name or one target table.
std::vector<Problem> check_together(std::span<const Mapping> mappings);

/// A column of a table of the source as the catalog describes it; the caller reads the catalog, this module does no I/O.
struct SourceColumn {
  std::string table;
  std::string column;
  std::string type;  ///< format_type()
};
/// Columns and tables that a mapping names and the source lacks, and types that cannot become the target's.
std::vector<Problem> check_against_source(const Mapping& mapping, std::span<const SourceColumn> catalog);

}  // namespace tributary::mapping
