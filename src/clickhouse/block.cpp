#include "clickhouse/block.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <deque>
#include <unordered_map>
#include <utility>

#include "clickhouse/detail/wire.hpp"
#include "clickhouse/error.hpp"

namespace tributary::clickhouse {
namespace {

using detail::append_raw;
using detail::append_string;
using detail::append_varint;
using detail::read_big_endian;
using Field = std::span<const std::byte>;

struct TypeInfo {
  ColumnType type;
  std::string_view name;
  std::size_t field_size;  ///< in PostgreSQL's format; 0: any
  std::size_t value_size;  ///< in ClickHouse's; 0: a string
};

/// The one table of truth.
constexpr std::array kTypes{
    TypeInfo{ColumnType::string, "String", 0, 0},
    TypeInfo{ColumnType::json_text, "String", 0, 0},
    TypeInfo{ColumnType::uuid, "UUID", 16, 16},
    TypeInfo{ColumnType::boolean, "UInt8", 1, 1},
    TypeInfo{ColumnType::int16, "Int16", 2, 2},
    TypeInfo{ColumnType::int32, "Int32", 4, 4},
    TypeInfo{ColumnType::int64, "Int64", 8, 8},
    TypeInfo{ColumnType::uint64, "UInt64", 8, 8},
    TypeInfo{ColumnType::float64, "Float64", 8, 8},
    TypeInfo{ColumnType::milliseconds, "DateTime64(3, 'UTC')", 8, 8},
    TypeInfo{ColumnType::microseconds, "DateTime64(6, 'UTC')", 8, 8},
};

const TypeInfo& info_of(ColumnType type) { return *std::ranges::find(kTypes, type, &TypeInfo::type); }

constexpr std::int64_t kMicrosecondsTo2000 = 946'684'800'000'000;  // from 1970, ClickHouse's epoch, to PostgreSQL's
constexpr std::int64_t kEarliest = -2'208'988'800'000'000;         // 1900-01-01 00:00:00, in microseconds since 1970
constexpr std::int64_t kLatest = 10'413'791'999'999'000;           // 2299-12-31 23:59:59.999

/// Microseconds since 1970. PostgreSQL's infinities are the ends of int64, so they are clamped like every date that is too far.
std::int64_t clamped_time(std::int64_t since_2000) {
  return std::clamp(since_2000, kEarliest - kMicrosecondsTo2000, kLatest - kMicrosecondsTo2000) + kMicrosecondsTo2000;
}

std::int64_t floored_milliseconds(std::int64_t microseconds) {
  const auto quotient = microseconds / 1000;
  return microseconds % 1000 < 0 ? quotient - 1 : quotient;
}

std::string_view text_of(Field field) { return {reinterpret_cast<const char*>(field.data()), field.size()}; }

}  // namespace

std::string type_name(const ColumnDefinition& column) {
  std::string name(info_of(column.type).name);
  if (column.nullable) name = "Nullable(" + name + ')';
  if (column.low_cardinality) name = "LowCardinality(" + name + ')';
  return name;
}

/// Values of one column as the Native format wants them: a map of NULLs where nullable, and the values one after another. With a dictionary the values are
/// positions in it.
class Block::Column {
 public:
  explicit Column(ColumnDefinition definition)
      : definition_(std::move(definition)), type_name_(type_name(definition_)), info_(&info_of(definition_.type)) {
    const bool is_string = definition_.type == ColumnType::string;
    if (definition_.low_cardinality && !is_string) refuse("a dictionary is for strings");
    clear();
  }
  Column(Column&&) = default;  // never a copy: key_numbers_ points into keys_
  Column& operator=(Column&&) = default;

  void append(std::optional<Field> field) {
    if (!field) return append_null();
    if (info_->field_size != 0 && field->size() != info_->field_size) {
      refuse(fmt::format("{} bytes instead of {}", field->size(), info_->field_size));
    }
    append_value(*field);
    mark_null(false);
  }
  void append_text(std::string_view text) {
    if (definition_.type != ColumnType::string) refuse("not a string");
    append_string_value(text);
    mark_null(false);
  }
  template <class T>
  void append_constant(ColumnType type, T value) {
    if (definition_.type != type) refuse(fmt::format("of type {}", info_->name));
    append_raw(values_, value);
    mark_null(false);
  }
  void append_default() {
    if (definition_.nullable) return append_null();
    append_zero();
    mark_null(false);
  }

  /// Whether exactly one value was appended since then; from now on it is kept.
  bool has_one_more_than(std::size_t rows) const { return count_ == rows + 1; }
  void end_row() { kept_ = {.values = values_.size(), .keys = keys_.size()}; }
  void discard_after(std::size_t rows);

  std::size_t bytes() const;
  void serialise(std::vector<std::byte>& out) const;
  void clear();
  [[noreturn]] void refuse(const std::string& why) const {
    throw Error(ErrorKind::usage, fmt::format("column \"{}\": {}", definition_.name, why));
  }

 private:
  using Key = std::uint32_t;

  void append_value(Field field);
  void append_null() {
    if (!definition_.nullable) refuse("NULL in a column that has none");
    append_zero();
    mark_null(true);
  }
  void append_zero();
  void append_string_value(std::string_view text);
  Key key_of(std::string_view text);
  void mark_null(bool is_null) {
    ++count_;
    if (definition_.nullable && !definition_.low_cardinality) nulls_.push_back(static_cast<std::byte>(is_null));
  }
  void serialise_dictionary(std::vector<std::byte>& out) const;

  ColumnDefinition definition_;
  std::string type_name_;
  const TypeInfo* info_;
  std::size_t count_ = 0;
  std::vector<std::byte> nulls_;
  std::vector<std::byte> values_;
  std::deque<std::string> keys_;  ///< of the dictionary, whose first stands for NULL where nullable
  std::size_t key_bytes_ = 0;  ///< of the strings in it
  std::unordered_map<std::string_view, Key> key_numbers_;
  struct Kept {
    std::size_t values = 0;
    std::size_t keys = 0;
  } kept_;  ///< sizes at the last end_row()
};

void Block::Column::append_value(Field field) {
  const auto* bytes = field.data();
  switch (definition_.type) {
    case ColumnType::string:
      return append_string_value(text_of(field));
    case ColumnType::json_text:
      if (field.empty() || field.front() != std::byte{1}) refuse("not jsonb of version 1");
      return append_string_value(text_of(field.subspan(1)));
    case ColumnType::uuid:  // two halves, each with its lowest byte first
      append_raw(values_, read_big_endian<std::uint64_t>(bytes));
      return append_raw(values_, read_big_endian<std::uint64_t>(bytes + 8));
    case ColumnType::boolean:
      if (std::to_integer<unsigned>(*bytes) > 1) refuse("neither true nor false");
      return values_.push_back(*bytes);
    case ColumnType::int16:
      return append_raw(values_, read_big_endian<std::int16_t>(bytes));
    case ColumnType::int32:
      return append_raw(values_, read_big_endian<std::int32_t>(bytes));
    case ColumnType::uint64:
      if (read_big_endian<std::int64_t>(bytes) < 0) refuse("a negative number");
      [[fallthrough]];
    case ColumnType::int64:
    case ColumnType::float64:
      return append_raw(values_, read_big_endian<std::int64_t>(bytes));
    case ColumnType::milliseconds:
      return append_raw(values_, floored_milliseconds(clamped_time(read_big_endian<std::int64_t>(bytes))));
    case ColumnType::microseconds:
      return append_raw(values_, clamped_time(read_big_endian<std::int64_t>(bytes)));
  }
}

void Block::Column::append_zero() {
  if (definition_.low_cardinality)
    append_raw(values_, definition_.nullable ? Key{0} : key_of(""));
  else
    values_.resize(values_.size() + std::max<std::size_t>(info_->value_size, 1));  // "" is its length
}

void Block::Column::append_string_value(std::string_view text) {
  if (definition_.low_cardinality)
    append_raw(values_, key_of(text));
  else
    append_string(values_, text);
}

Block::Column::Key Block::Column::key_of(std::string_view text) {
  const auto found = key_numbers_.find(text);
  if (found != key_numbers_.end()) return found->second;
  const auto number = static_cast<Key>(keys_.size());
  keys_.emplace_back(text);
  key_bytes_ += text.size();
  key_numbers_.emplace(keys_.back(), number);
  return number;
}

void Block::Column::discard_after(std::size_t rows) {
  count_ = rows;
  if (nulls_.size() > rows) nulls_.resize(rows);
  values_.resize(kept_.values);
  while (keys_.size() > kept_.keys) {
    key_numbers_.erase(keys_.back());
    key_bytes_ -= keys_.back().size();
    keys_.pop_back();
  }
}

void Block::Column::clear() {
  count_ = 0;
  nulls_.clear();
  values_.clear();
  key_numbers_.clear();
  keys_.clear();
  key_bytes_ = 0;
  if (definition_.low_cardinality && definition_.nullable) keys_.emplace_back();
  end_row();
}

// ---- the Native format: docs of ClickHouse, "Native", and SerializationLowCardinality.cpp of the server ------------------------------

namespace {

constexpr std::uint64_t kDictionaryVersion = 1;  // SharedDictionariesWithAdditionalKeys
constexpr std::uint64_t kHasAdditionalKeys = 1U << 9U;  // this block brings its own dictionary
constexpr std::uint64_t kNeedsUpdate = 1U << 10U;

/// Bytes of a position, and its number in the format: 0 for one byte, 1 for two, 2 for four.
unsigned width_code(std::size_t keys) { return keys <= 0x100 ? 0 : keys <= 0x1'0000 ? 1 : 2; }

}  // namespace

std::size_t Block::Column::bytes() const {
  const auto size = definition_.name.size() + type_name_.size() + 2 + nulls_.size();
  if (!definition_.low_cardinality) return size + values_.size();
  return size + 32 + key_bytes_ + keys_.size() + (count_ << width_code(keys_.size()));
}

void Block::Column::serialise(std::vector<std::byte>& out) const {
  append_string(out, definition_.name);
  append_string(out, type_name_);
  if (definition_.low_cardinality) return serialise_dictionary(out);
  detail::append_bytes(out, nulls_);
  detail::append_bytes(out, values_);
}

void Block::Column::serialise_dictionary(std::vector<std::byte>& out) const {
  const auto code = width_code(keys_.size());
  append_raw(out, kDictionaryVersion);
  append_raw(out, code | kHasAdditionalKeys | kNeedsUpdate);
  append_raw(out, std::uint64_t{keys_.size()});
  for (const auto& key : keys_) append_string(out, key);
  append_raw(out, std::uint64_t{count_});
  for (std::size_t at = 0; at < values_.size(); at += sizeof(Key)) {
    detail::append_bytes(out, std::span(values_).subspan(at, std::size_t{1} << code));  // lowest bytes first
  }
}

// ---- rows -------------------------------------------------------------------------------------------------------------------------------

Block::Block(std::vector<ColumnDefinition> columns) {
  if (columns.empty()) throw Error(ErrorKind::usage, "a block without columns");
  columns_.reserve(columns.size());
  for (auto& column : columns) columns_.emplace_back(std::move(column));
}

Block::Block(Block&&) noexcept = default;
Block& Block::operator=(Block&&) noexcept = default;
Block::~Block() = default;

std::size_t Block::columns() const { return columns_.size(); }

std::size_t Block::bytes() const {
  std::size_t size = 0;
  for (const auto& column : columns_) size += column.bytes();
  return rows_ == 0 ? 0 : size + 8;
}

template <class Append>
void Block::append_to(std::size_t column, Append append) {
  try {
    append(columns_[column]);
  } catch (...) {
    discard_row();
    throw;
  }
}

void Block::append(std::size_t column, std::optional<std::span<const std::byte>> field) {
  append_to(column, [&](Column& to) { to.append(field); });
}

void Block::append_text(std::size_t column, std::string_view value) {
  append_to(column, [&](Column& to) { to.append_text(value); });
}

void Block::append_int64(std::size_t column, std::int64_t value) {
  append_to(column, [&](Column& to) { to.append_constant(ColumnType::int64, value); });
}

void Block::append_boolean(std::size_t column, bool value) {
  append_to(column, [&](Column& to) { to.append_constant(ColumnType::boolean, static_cast<std::uint8_t>(value)); });
}

void Block::append_default(std::size_t column) {
  append_to(column, [](Column& to) { to.append_default(); });
}

void Block::end_row() {
  for (const auto& column : columns_) {
    if (column.has_one_more_than(rows_)) continue;
    discard_row();
    column.refuse("not one value in this row");
  }
  for (auto& column : columns_) column.end_row();
  ++rows_;
}

void Block::discard_row() {
  for (auto& column : columns_) column.discard_after(rows_);
}

void Block::serialise(std::vector<std::byte>& out) const {
  if (rows_ == 0) return;
  append_varint(out, columns_.size());
  append_varint(out, rows_);
  for (const auto& column : columns_) column.serialise(out);
}

void Block::clear() {
  rows_ = 0;
  for (auto& column : columns_) column.clear();
}

}  // namespace tributary::clickhouse
