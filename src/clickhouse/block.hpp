#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tributary::clickhouse {

/// The closed set of column types. Beside each, how PostgreSQL sends the values that are appended to it.
enum class ColumnType {
  string,        ///< String          ← text, as it is
  json_text,     ///< String          ← jsonb: a version byte, then the text
  uuid,          ///< UUID            ← uuid
  boolean,       ///< UInt8           ← boolean
  int16,         ///< Int16           ← smallint
  int32,         ///< Int32           ← integer
  int64,         ///< Int64           ← bigint
  uint64,        ///< UInt64          ← bigint; negative ones are refused
  float64,       ///< Float64         ← double precision
  milliseconds,  ///< DateTime64(3, 'UTC') ← timestamp, timestamptz; rounded down
  microseconds,  ///< DateTime64(6, 'UTC') ← the same
};

struct ColumnDefinition {
  std::string name;
  ColumnType type = ColumnType::string;
  bool nullable = false;
  bool low_cardinality = false;  ///< a dictionary of the values; string only
};

/// As the server spells it: "LowCardinality(Nullable(String))".
std::string type_name(const ColumnDefinition& column);

/// Rows on their way into a server, kept as its columns: PostgreSQL's binary fields are transposed as they come, with no text and no row in between.
/// serialise() gives ClickHouse's Native format, the data of an INSERT … FORMAT Native.
///
/// A row is one append for each column, in any order, and end_row(). Timestamps beyond 1900-01-01 00:00:00 to 2299-12-31 23:59:59.999 become these, infinite
/// ones too: DateTime64 has no others.
/// Threads: distinct objects are independent. Errors: Error{usage} naming the column on a value that does not fit it; the row that was begun is gone then,
/// and the block as it was before it. REQUIRES: column numbers below columns().
class Block {
 public:
  /// REQUIRES: at least one column; low_cardinality of strings only (Error{usage}).
  explicit Block(std::vector<ColumnDefinition> columns);
  Block(Block&&) noexcept;
  Block& operator=(Block&&) noexcept;
  ~Block();

  std::size_t columns() const;
  std::size_t rows() const { return rows_; }
  /// What serialise() appends, within a few bytes a column: by this a batch is bounded.
  std::size_t bytes() const;

  /// A field in PostgreSQL's binary format; nullopt is NULL, which a column that is not nullable refuses.
  void append(std::size_t column, std::optional<std::span<const std::byte>> field);
  /// Constants of ours. REQUIRES: the column is a string, an int64, a boolean.
  void append_text(std::size_t column, std::string_view value);
  void append_int64(std::size_t column, std::int64_t value);
  void append_boolean(std::size_t column, bool value);
  /// NULL where the column is nullable, else the type's zero: "", 0, 1970-01-01.
  void append_default(std::size_t column);
  /// Throws Error{usage} where a column has not exactly one value more than before.
  void end_row();
  /// Takes back what was appended since the last end_row().
  void discard_row();

  /// Appends the rows as one block of the Native format; nothing where there are none.
  void serialise(std::vector<std::byte>& out) const;
  /// Forgets rows and dictionaries, keeps memory.
  void clear();

 private:
  class Column;
  template <class Append>
  void append_to(std::size_t column, Append append);

  std::vector<Column> columns_;
  std::size_t rows_ = 0;
};

}  // namespace tributary::clickhouse
