#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/uuid.hpp"

namespace tributary::clickhouse {

/// Reads rows in ClickHouse's RowBinary format, value by value, each as the type that the query gives it: what a Client::execute() of a
/// SELECT … FORMAT RowBinary brought. Errors: Error{protocol} where the bytes end before a value does. Lifetime: `bytes` must outlive it.
class RowReader {
 public:
  explicit RowReader(std::span<const std::byte> bytes) : rest_(bytes) {}

  /// Another row begins here.
  bool more() const { return !rest_.empty(); }

  std::uint8_t uint8();
  std::int16_t int16();
  std::int32_t int32();
  std::int64_t int64();  ///< DateTime64 too: its ticks
  std::uint64_t uint64();
  double float64();
  Uuid uuid();
  std::string_view string();  ///< LowCardinality or not; a view of the bytes
  /// Before each value of a Nullable column: true where there is none, and nothing follows.
  bool null() { return uint8() != 0; }

 private:
  std::span<const std::byte> take(std::size_t size);
  template <class T>
  T number();

  std::span<const std::byte> rest_;
};

}  // namespace tributary::clickhouse
