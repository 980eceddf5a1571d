#include "destination/change.hpp"

#include <boost/json.hpp>

#include "base/uuid.hpp"
#include "mapping/types.hpp"
#include "postgres/error.hpp"

namespace tributary::destination {
namespace {

using mapping::ColumnType;

std::int64_t big_endian(std::span<const std::byte> bytes) {
  std::uint64_t value = 0;
  for (const auto byte : bytes) value = value << 8 | static_cast<std::uint64_t>(byte);
  const auto bits = bytes.size() * 8;
  if (bits < 64 && bits > 0 && (value >> (bits - 1)) != 0) value |= ~std::uint64_t{0} << bits;
  return static_cast<std::int64_t>(value);
}

std::string key_text(ColumnType type, std::span<const std::byte> bytes) {
  switch (type) {
    case ColumnType::uuid:
      return Uuid::from_bytes(bytes).to_string();
    case ColumnType::smallint:
    case ColumnType::integer:
    case ColumnType::bigint:
      return std::to_string(big_endian(bytes));
    case ColumnType::boolean:
      return postgres::read_bool(bytes) ? "true" : "false";
    default:
      return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
}

postgres::ArrayBuilder array_for(const mapping::Column& column) {
  const auto& type = mapping::type_info(column.type);
  return {type.postgres_oid, type.postgres_array_oid};
}

/// Walks the target columns of a change.
template <class Visit>
void for_each_value(const Change& change, Visit visit) {
  postgres::TupleView view(change.fields, change.values);
  for (std::size_t i = 0; i < change.fields; ++i) visit(i, view.next());
}

}  // namespace

Change parse_change(std::span<const std::byte> tuple) {
  postgres::TupleView view(tuple);
  if (view.fields() < 3) {
    throw postgres::Error({.kind = postgres::ErrorKind::protocol, .message = "a fetched tuple has too few fields"});
  }
  const auto id = view.next();
  const auto deleted = view.next();
  if (!id) throw postgres::Error({.kind = postgres::ErrorKind::protocol, .message = "a fetched tuple has no sequence id"});
  Change change;
  change.sequence_id = postgres::read_int64(*id);
  if (!deleted)
    change.kind = Change::Kind::step;
  else
    change.kind = postgres::read_bool(*deleted) ? Change::Kind::tombstone : Change::Kind::row;
  change.fields = view.fields() - 2;
  change.values = view.rest();
  return change;
}

TargetShape::TargetShape(const mapping::Mapping& mapping) : columns(mapping.columns_for(mapping::DestinationKind::postgres)) {
  for (const auto& name : mapping.target_key) {
    const auto found = std::find_if(columns.begin(), columns.end(), [&](const auto& column) { return column.name == name; });
    key.push_back(static_cast<std::size_t>(found - columns.begin()));
  }
}

ColumnArrays::ColumnArrays(const TargetShape& shape) : shape_(shape) {
  for (const auto& column : shape.columns) columns_.push_back(array_for(column));
  for (const auto position : shape.key) keys_.push_back(array_for(shape.columns[position]));
}

void ColumnArrays::add(const Change& change) {
  if (change.kind == Change::Kind::step) return;
  if (change.fields != shape_.columns.size()) {
    throw postgres::Error(
        {.kind = postgres::ErrorKind::protocol, .message = "a fetched tuple has another number of columns than its mapping"});
  }
  if (change.kind == Change::Kind::row) {
    ++rows_;
    for_each_value(change, [&](std::size_t i, auto value) { columns_[i].append(value); });
    return;
  }
  ++tombstones_;
  for_each_value(change, [&](std::size_t i, auto value) {
    for (std::size_t k = 0; k < shape_.key.size(); ++k) {
      if (shape_.key[k] == i) keys_[k].append(value);
    }
  });
}

postgres::Params ColumnArrays::upserts() {
  postgres::Params params;
  for (auto& column : columns_) params.add_array(column);
  return params;
}

postgres::Params ColumnArrays::deletes() {
  postgres::Params params;
  for (auto& key : keys_) params.add_array(key);
  return params;
}

std::string key_json(const TargetShape& shape, const Change& change) {
  boost::json::object key;
  std::vector<std::optional<std::string>> texts(shape.columns.size());
  for_each_value(change, [&](std::size_t i, auto value) {
    if (value && std::find(shape.key.begin(), shape.key.end(), i) != shape.key.end()) {
      texts[i] = key_text(shape.columns[i].type, *value);
    }
  });
  for (const auto position : shape.key) {
    const auto& text = texts[position];
    key[shape.columns[position].name] = text ? boost::json::value(*text) : boost::json::value(nullptr);
  }
  return boost::json::serialize(key);
}

}  // namespace tributary::destination
