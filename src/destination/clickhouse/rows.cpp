#include "destination/clickhouse/rows.hpp"

#include "destination/clickhouse/privacy.hpp"
#include "postgres/error.hpp"

namespace tributary::destination::clickhouse_target {
namespace {

using clickhouse::ColumnDefinition;
using clickhouse::ColumnType;

constexpr std::size_t kProject = 0;
constexpr std::size_t kBranch = 1;
constexpr std::size_t kFirst = 2;  ///< of the mapping's columns
constexpr std::size_t kLast = 2;   ///< columns behind them

ColumnType type_of(mapping::ColumnType type) {
  using enum mapping::ColumnType;
  switch (type) {
    case uuid:
      return ColumnType::uuid;
    case text:
      return ColumnType::string;
    case boolean:
      return ColumnType::boolean;
    case smallint:
      return ColumnType::int16;
    case integer:
      return ColumnType::int32;
    case bigint:
      return ColumnType::int64;
    case double_precision:
      return ColumnType::float64;
    case timestamp:
    case timestamptz:
      return ColumnType::milliseconds;
    case jsonb:
      return ColumnType::json_text;
  }
  throw std::logic_error("a column type without a column of ClickHouse");
}

}  // namespace

RowShape::RowShape(const mapping::Mapping& mapping, std::string hash_key)
    : columns_{{.name = "project_id", .type = ColumnType::string}, {.name = "branch_id", .type = ColumnType::string}},
      hash_key_(std::move(hash_key)) {
  for (const auto& column : mapping.columns_for(mapping::DestinationKind::clickhouse)) {
    columns_.push_back({.name = column.name,
                        .type = type_of(column.type),
                        .nullable = column.nullable,
                        .low_cardinality = column.low_cardinality});
    privacy_.push_back(column.clickhouse_privacy);
  }
  columns_.push_back({.name = "sync_sequence_id", .type = ColumnType::int64});
  columns_.push_back({.name = "sync_is_deleted", .type = ColumnType::boolean});
}

void RowShape::append(clickhouse::Block& block, const Change& change, const Tenant& tenant) const {
  if (change.kind == Change::Kind::step) return;
  if (change.fields != columns_.size() - kFirst - kLast) {
    throw postgres::Error(
        {.kind = postgres::ErrorKind::protocol, .message = "a fetched tuple has another number of columns than its mapping"});
  }
  try {
    block.append_text(kProject, tenant.project);
    block.append_text(kBranch, tenant.branch);
    postgres::TupleView fields(change.fields, change.values);
    for (std::size_t column = kFirst; column < columns_.size() - kLast; ++column) {
      const auto field = fields.next();
      if (!field)
        block.append_default(column);
      else if (privacy_[column - kFirst] == mapping::Privacy::plain)
        block.append(column, field);
      else
        append_private(block, column, *field, tenant);
    }
    block.append_int64(columns_.size() - 2, change.sequence_id);
    block.append_boolean(columns_.size() - 1, change.kind == Change::Kind::tombstone);
    block.end_row();
  } catch (...) {
    block.discard_row();
    throw;
  }
}

void RowShape::append_private(clickhouse::Block& block, std::size_t column, std::span<const std::byte> field,
                              const Tenant& tenant) const {
  const std::string_view text(reinterpret_cast<const char*>(field.data()), field.size());
  const bool is_hashed = privacy_[column - kFirst] == mapping::Privacy::hash;
  block.append_text(column, is_hashed ? hashed(hash_key_, tenant.project, text) : masked(text));
}

}  // namespace tributary::destination::clickhouse_target
