#include "postgres/decode.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>

#include "postgres/detail/bytes.hpp"
#include "postgres/error.hpp"

namespace tributary::postgres {
namespace {

using detail::read_big_endian;

// Types that only occur in the catalogs or as relatives of those in oid::
constexpr Oid kName = 19, kOid = 26, kJson = 114, kFloat4 = 700, kUnknown = 705, kBpchar = 1042, kVarchar = 1043;
constexpr Oid kNameArray = 1003, kVarcharArray = 1015;
constexpr Oid kFirstUserType = 16384;  // FirstNormalObjectId: enums, domains and the types of extensions

[[noreturn]] void refuse(const Value& value, std::string_view reason) {
  throw Error(ErrorKind::protocol, "column \"" + std::string(value.column) + "\": " + std::string(reason) + " (type " +
                                       std::to_string(value.type) + ", " + std::to_string(value.bytes.size()) + " bytes)");
}

void require_size(const Value& value, std::size_t size) {
  if (value.bytes.size() != size) refuse(value, "wrong length");
}

std::int64_t integer(const Value& value) {
  switch (value.type) {
    case oid::kInt2:
      require_size(value, 2);
      return read_big_endian<std::int16_t>(value.bytes);
    case oid::kInt4:
      require_size(value, 4);
      return read_big_endian<std::int32_t>(value.bytes);
    case oid::kInt8:
      require_size(value, 8);
      return read_big_endian<std::int64_t>(value.bytes);
    case kOid:
      require_size(value, 4);
      return read_big_endian<std::uint32_t>(value.bytes);
    default:
      refuse(value, "not an integer");
  }
}

template <class T>
T narrowed(const Value& value) {
  const auto number = integer(value);
  if (number < std::numeric_limits<T>::min() || number > std::numeric_limits<T>::max()) refuse(value, "out of range");
  return static_cast<T>(number);
}

bool is_text(Oid type) {
  static constexpr std::array<Oid, 6> kTexts{oid::kText, kVarchar, kName, kBpchar, kJson, kUnknown};
  return type >= kFirstUserType || std::find(kTexts.begin(), kTexts.end(), type) != kTexts.end();
}

/// Calls `take` with each element of a one-dimensional array.
template <class Take>
void for_each_element(const Value& array, Take take) {
  auto rest = array.bytes;
  const auto take_int32 = [&] {
    if (rest.size() < 4) refuse(array, "array cut short");
    const auto number = read_big_endian<std::int32_t>(rest);
    rest = rest.subspan(4);
    return number;
  };
  const auto dimensions = take_int32();
  take_int32();  // whether NULLs occur: seen below anyway
  const auto element = static_cast<Oid>(take_int32());
  if (dimensions != 0 && dimensions != 1) refuse(array, "array of more than one dimension");
  std::int32_t count = 0;
  if (dimensions == 1) {
    count = take_int32();
    take_int32();  // lower bound
  }
  if (count < 0) refuse(array, "array of negative length");
  for (; count > 0; --count) {
    const auto length = take_int32();
    if (length < 0) refuse(array, "NULL in array");
    if (static_cast<std::size_t>(length) > rest.size()) refuse(array, "array cut short");
    take(Value{element, rest.first(static_cast<std::size_t>(length)), array.column});
    rest = rest.subspan(static_cast<std::size_t>(length));
  }
  if (!rest.empty()) refuse(array, "bytes after the end of the array");
}

template <class T>
void decode_array(const Value& value, std::vector<T>& out) {
  out.clear();
  for_each_element(value, [&](const Value& element) { decode(element, out.emplace_back()); });
}

}  // namespace

void decode(const Value& value, bool& out) {
  if (value.type != oid::kBool) refuse(value, "not a boolean");
  require_size(value, 1);
  out = value.bytes[0] != std::byte{0};
}

void decode(const Value& value, std::int16_t& out) { out = narrowed<std::int16_t>(value); }
void decode(const Value& value, std::int32_t& out) { out = narrowed<std::int32_t>(value); }
void decode(const Value& value, std::int64_t& out) { out = integer(value); }

void decode(const Value& value, double& out) {
  if (value.type == oid::kFloat8) {
    require_size(value, 8);
    out = std::bit_cast<double>(read_big_endian<std::uint64_t>(value.bytes));
  } else if (value.type == kFloat4) {
    require_size(value, 4);
    out = std::bit_cast<float>(read_big_endian<std::uint32_t>(value.bytes));
  } else {
    refuse(value, "not a floating point number");
  }
}

void decode(const Value& value, std::string& out) {
  if (value.type == oid::kJsonb) {
    if (value.bytes.empty() || value.bytes[0] != std::byte{1}) refuse(value, "unknown version of jsonb");
    out = detail::to_text(value.bytes.subspan(1));
    return;
  }
  if (!is_text(value.type)) refuse(value, "not a text");
  out = detail::to_text(value.bytes);
}

void decode(const Value& value, Uuid& out) {
  if (value.type != oid::kUuid) refuse(value, "not a uuid");
  require_size(value, 16);
  out = Uuid::from_bytes(value.bytes);
}

void decode(const Value& value, Timestamp& out) {
  using std::chrono::microseconds;
  // The server counts from 2000-01-01 and keeps the ends of the range as infinities.
  static constexpr microseconds kEpoch = Timestamp(std::chrono::sys_days(std::chrono::year(2000) / 1 / 1)).time_since_epoch();
  using Limits = std::numeric_limits<std::int64_t>;
  if (value.type != oid::kTimestamp && value.type != oid::kTimestamptz) refuse(value, "not a timestamp");
  require_size(value, 8);
  const auto number = read_big_endian<std::int64_t>(value.bytes);
  if (number == Limits::min())
    out = Timestamp::min();
  else if (number > Limits::max() - kEpoch.count())
    out = Timestamp::max();
  else
    out = Timestamp(microseconds(number) + kEpoch);
}

void decode(const Value& value, std::vector<std::byte>& out) {
  if (value.type != oid::kBytea) refuse(value, "not a bytea");
  out.assign(value.bytes.begin(), value.bytes.end());
}

void decode(const Value& value, std::vector<Uuid>& out) {
  if (value.type != oid::kUuidArray) refuse(value, "not an array of uuids");
  decode_array(value, out);
}

void decode(const Value& value, std::vector<std::int64_t>& out) {
  if (value.type != oid::kInt8Array && value.type != oid::kInt4Array && value.type != oid::kInt2Array) {
    refuse(value, "not an array of integers");
  }
  decode_array(value, out);
}

void decode(const Value& value, std::vector<std::string>& out) {
  static constexpr std::array<Oid, 4> kTextArrays{oid::kTextArray, kNameArray, kVarcharArray, oid::kJsonbArray};
  const bool fits =
      value.type >= kFirstUserType || std::find(kTextArrays.begin(), kTextArrays.end(), value.type) != kTextArrays.end();
  if (!fits) refuse(value, "not an array of texts");
  decode_array(value, out);
}

}  // namespace tributary::postgres
