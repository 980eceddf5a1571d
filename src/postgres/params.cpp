#include "postgres/params.hpp"

#include <climits>

#include "postgres/detail/bytes.hpp"
#include "postgres/error.hpp"

namespace tributary::postgres {
namespace {

using detail::append_big_endian;

// Of a one-dimensional array: int32 dimensions, int32 whether NULLs occur, Oid of the elements; then, unless it is empty, int32 count
// and int32 lower bound (array_send in arrayfuncs.c).
constexpr std::size_t kEmptyArrayHeader = 12;

void overwrite_int32(std::vector<std::byte>& bytes, std::size_t at, std::int32_t value) {
  std::vector<std::byte> encoded;
  append_big_endian(encoded, value);
  std::copy(encoded.begin(), encoded.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at));
}

template <std::integral T>
std::string encoded(T value) {
  std::string bytes;
  append_big_endian(bytes, value);
  return bytes;
}

int checked_length(std::size_t length) {
  if (length > INT_MAX) throw Error(ErrorKind::usage, "a parameter is longer than 2 GiB");
  return static_cast<int>(length);
}

}  // namespace

ArrayBuilder::ArrayBuilder(Oid element, Oid array) : array_(array) {
  append_big_endian(bytes_, std::int32_t{0});
  append_big_endian(bytes_, std::int32_t{0});
  append_big_endian(bytes_, element);
  append_big_endian(bytes_, std::int32_t{0});
  append_big_endian(bytes_, std::int32_t{1});
}

void ArrayBuilder::append(std::optional<std::span<const std::byte>> value) {
  ++count_;
  if (!value) {
    has_null_ = true;
    append_big_endian(bytes_, std::int32_t{-1});
    return;
  }
  append_big_endian(bytes_, std::int32_t{checked_length(value->size())});
  bytes_.insert(bytes_.end(), value->begin(), value->end());
}

std::span<const std::byte> ArrayBuilder::bytes() {
  overwrite_int32(bytes_, 0, count_ == 0 ? 0 : 1);
  overwrite_int32(bytes_, 4, has_null_ ? 1 : 0);
  overwrite_int32(bytes_, kEmptyArrayHeader, count_);
  return count_ == 0 ? std::span(bytes_).first(kEmptyArrayHeader) : std::span(bytes_);
}

Params& Params::add(bool value) { return add_encoded(oid::kBool, std::string(1, value ? '\1' : '\0')); }
Params& Params::add(std::int16_t value) { return add_encoded(oid::kInt2, encoded(value)); }
Params& Params::add(std::int32_t value) { return add_encoded(oid::kInt4, encoded(value)); }
Params& Params::add(std::int64_t value) { return add_encoded(oid::kInt8, encoded(value)); }
Params& Params::add(std::string_view value) { return add_encoded(oid::kText, std::string(value)); }
Params& Params::add(const Uuid& value) { return add_binary(oid::kUuid, value.bytes); }

Params& Params::add_jsonb(std::string_view json_text) {
  return add_encoded(oid::kJsonb, "\1" + std::string(json_text));  // the version of jsonb's binary format, then its text
}

Params& Params::add_null(Oid type) { return add_encoded(type, std::nullopt); }

Params& Params::add_array(std::span<const Uuid> values) {
  ArrayBuilder array(oid::kUuid, oid::kUuidArray);
  for (const auto& value : values) array.append(value.bytes);
  return add_array(array);
}

Params& Params::add_array(std::span<const std::int64_t> values) {
  ArrayBuilder array(oid::kInt8, oid::kInt8Array);
  for (const auto value : values) {
    const auto bytes = encoded(value);
    array.append(std::as_bytes(std::span(bytes)));
  }
  return add_array(array);
}

Params& Params::add_array(std::span<const std::string> values) {
  ArrayBuilder array(oid::kText, oid::kTextArray);
  for (const auto& value : values) array.append(std::as_bytes(std::span(value)));
  return add_array(array);
}

Params& Params::add_array(ArrayBuilder& array) { return add_binary(array.array_type(), array.bytes()); }

Params& Params::add_binary(Oid type, std::span<const std::byte> value) { return add_encoded(type, detail::to_text(value)); }

Params& Params::add_encoded(Oid type, std::optional<std::string> value) {
  types_.push_back(type);
  values_.push_back(std::move(value));
  return *this;
}

Params::Views Params::views() const {
  Views views{{}, {}, std::vector<int>(size(), 1), types_.data()};
  views.values.reserve(size());
  views.lengths.reserve(size());
  for (const auto& value : values_) {
    views.values.push_back(value ? value->data() : nullptr);
    views.lengths.push_back(value ? checked_length(value->size()) : 0);
  }
  return views;
}

}  // namespace tributary::postgres
