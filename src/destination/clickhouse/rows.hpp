#pragma once
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "base/uuid.hpp"
#include "clickhouse/block.hpp"
#include "destination/change.hpp"
#include "mapping/mapping.hpp"

namespace tributary::destination::clickhouse_target {

/// Whose rows: a tenancy, and how the shared tables name it.
struct Tenant {
  Uuid tenancy;
  std::string project;
  std::string branch;
};

/// How fetched tuples of a mapping become rows of its table: worked out once. Immutable.
class RowShape {
 public:
  /// `hash_key`: of columns that are hashed; see hashed().
  RowShape(const mapping::Mapping& mapping, std::string hash_key);

  /// Empty, with the columns of mapping::clickhouse::insert_sql().
  clickhouse::Block make_block() const { return clickhouse::Block(columns_); }
  /// A deleted row is one with its key and its tombstone's timestamps; NULL in a column that has none becomes its type's default. A step appends nothing.
  /// Throws clickhouse::Error and postgres::Error of bytes that do not fit; the block is as it was before then.
  void append(clickhouse::Block& block, const Change& change, const Tenant& tenant) const;

 private:
  void append_private(clickhouse::Block& block, std::size_t column, std::span<const std::byte> field, const Tenant& tenant) const;

  std::vector<clickhouse::ColumnDefinition> columns_;
  std::vector<mapping::Privacy> privacy_;  ///< of each of the mapping's columns
  std::string hash_key_;
};

}  // namespace tributary::destination::clickhouse_target
