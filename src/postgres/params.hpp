#pragma once
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/uuid.hpp"

namespace tributary::postgres {

using Oid = unsigned int;

/// Type ids of PostgreSQL's built-in types: they are fixed (pg_type.dat).
namespace oid {
inline constexpr Oid kBool = 16, kBytea = 17, kInt8 = 20, kInt2 = 21, kInt4 = 23, kText = 25, kFloat8 = 701, kTimestamp = 1114,
                     kTimestamptz = 1184, kUuid = 2950, kJsonb = 3802;
inline constexpr Oid kBoolArray = 1000, kInt2Array = 1005, kInt4Array = 1007, kTextArray = 1009, kInt8Array = 1016,
                     kFloat8Array = 1022, kTimestampArray = 1115, kTimestamptzArray = 1185, kUuidArray = 2951, kJsonbArray = 3807;
}  // namespace oid

/// An array parameter in binary form, built element by element from values that are in binary form already: this is how rows read from one
/// database become parameters of another without being decoded.
class ArrayBuilder {
 public:
  /// `element`: type of the elements, `array`: the array type over it.
  ArrayBuilder(Oid element, Oid array);
  /// nullopt is SQL NULL.
  void append(std::optional<std::span<const std::byte>> value);
  std::size_t size() const { return count_; }
  Oid array_type() const { return array_; }
  /// The finished binary value; the builder stays usable.
  std::span<const std::byte> bytes();

 private:
  Oid array_;
  std::int32_t count_ = 0;
  bool has_null_ = false;
  std::vector<std::byte> bytes_;
};

/// Bound values of one statement, all sent in binary with their type. Copies what it is given. Distinct objects: any thread.
class Params {
 public:
  Params() = default;

  Params& add(bool value);
  Params& add(std::int16_t value);
  Params& add(std::int32_t value);
  Params& add(std::int64_t value);
  Params& add(std::string_view value);
  Params& add(const char* value) { return add(std::string_view(value)); }
  Params& add(const std::string& value) { return add(std::string_view(value)); }
  Params& add(const Uuid& value);
  Params& add_jsonb(std::string_view json_text);
  Params& add_null(Oid type);
  Params& add_array(std::span<const Uuid> values);
  Params& add_array(std::span<const std::int64_t> values);
  Params& add_array(std::span<const std::string> values);
  Params& add_array(ArrayBuilder& array);
  Params& add_binary(Oid type, std::span<const std::byte> value);
  template <class T>
  Params& add(const std::optional<T>& value, Oid null_type) {
    return value ? add(*value) : add_null(null_type);
  }

  std::size_t size() const { return types_.size(); }
  /// Arrays as PQsendQueryParams takes them; valid until the next change of this object.
  struct Views {
    std::vector<const char*> values;
    std::vector<int> lengths;
    std::vector<int> formats;
    const Oid* types;
  };
  Views views() const;

 private:
  Params& add_encoded(Oid type, std::optional<std::string> value);

  std::vector<Oid> types_;
  std::vector<std::optional<std::string>> values_;
};

}  // namespace tributary::postgres
