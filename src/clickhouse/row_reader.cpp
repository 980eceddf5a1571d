#include "clickhouse/row_reader.hpp"

#include <algorithm>
#include <cstring>

#include "clickhouse/error.hpp"

namespace tributary::clickhouse {

std::span<const std::byte> RowReader::take(std::size_t size) {
  if (size > rest_.size()) throw Error(ErrorKind::protocol, "the server's answer ends in the middle of a value");
  const auto bytes = rest_.first(size);
  rest_ = rest_.subspan(size);
  return bytes;
}

template <class T>
T RowReader::number() {
  T value;
  std::memcpy(&value, take(sizeof(T)).data(), sizeof(T));
  return value;
}

std::uint8_t RowReader::uint8() { return number<std::uint8_t>(); }
std::int16_t RowReader::int16() { return number<std::int16_t>(); }
std::int32_t RowReader::int32() { return number<std::int32_t>(); }
std::int64_t RowReader::int64() { return number<std::int64_t>(); }
std::uint64_t RowReader::uint64() { return number<std::uint64_t>(); }
double RowReader::float64() { return number<double>(); }

Uuid RowReader::uuid() {
  Uuid id;
  const auto bytes = take(16);
  std::reverse_copy(bytes.begin(), bytes.begin() + 8, id.bytes.begin());
  std::reverse_copy(bytes.begin() + 8, bytes.end(), id.bytes.begin() + 8);
  return id;
}

std::string_view RowReader::string() {
  std::uint64_t size = 0;
  for (unsigned shift = 0;; shift += 7) {
    const auto byte = uint8();
    if (shift > 56) throw Error(ErrorKind::protocol, "the server's answer has a string of no sensible length");
    size |= std::uint64_t{byte & 0x7fU} << shift;
    if (byte < 0x80) break;
  }
  const auto bytes = take(size);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace tributary::clickhouse
