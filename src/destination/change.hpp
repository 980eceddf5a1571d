#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "mapping/mapping.hpp"
#include "postgres/copy.hpp"
#include "postgres/params.hpp"

namespace tributary::destination {

/// What one fetched tuple stands for. Layout: mapping::fetch_sql.
struct Change {
  enum class Kind {
    row,
    tombstone,
    step,  ///< a tombstone whose key is alive again: it only moves the watermark
  };
  Kind kind = Kind::row;
  std::int64_t sequence_id = 0;
  std::size_t fields = 0;             ///< target columns
  std::span<const std::byte> values;  ///< the target columns' lengths and bytes, as in the tuple
};

/// Looks at the first two fields only. Throws postgres::Error{protocol} on bytes that do not fit.
Change parse_change(std::span<const std::byte> tuple);

/// Target columns of a Postgres destination and which of them are the key: worked out once per mapping.
struct TargetShape {
  explicit TargetShape(const mapping::Mapping& mapping);
  std::vector<mapping::Column> columns;
  std::vector<std::size_t> key;  ///< positions in columns, in key order
};

/// Rows turned into one array parameter per column, still in binary: what upsert_arrays_sql and delete_arrays_sql take.
class ColumnArrays {
 public:
  explicit ColumnArrays(const TargetShape& shape);
  void add(const Change& change);
  std::size_t rows() const { return rows_; }
  std::size_t tombstones() const { return tombstones_; }
  postgres::Params upserts();
  postgres::Params deletes();

 private:
  const TargetShape& shape_;
  std::vector<postgres::ArrayBuilder> columns_;
  std::vector<postgres::ArrayBuilder> keys_;
  std::size_t rows_ = 0;
  std::size_t tombstones_ = 0;
};

/// Target key of a change as a JSON object of column to text: {"id": "6b…"}.
std::string key_json(const TargetShape& shape, const Change& change);

}  // namespace tributary::destination
