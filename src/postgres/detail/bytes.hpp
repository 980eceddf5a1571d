#pragma once
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>

namespace tributary::postgres::detail {

/// Writes an integer in network order, as everything on PostgreSQL's wire is, to the back of a container of bytes or chars.
template <std::integral T, class Container>
void append_big_endian(Container& out, T value) {
  const auto bits = static_cast<std::make_unsigned_t<T>>(value);
  for (std::size_t i = sizeof(T); i-- > 0;) {
    out.push_back(static_cast<typename Container::value_type>(static_cast<unsigned char>(bits >> (8 * i))));
  }
}

/// REQUIRES: at least sizeof(T) bytes.
template <std::integral T>
T read_big_endian(std::span<const std::byte> bytes) {
  std::make_unsigned_t<T> bits = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    bits = static_cast<std::make_unsigned_t<T>>((static_cast<std::uint64_t>(bits) << 8U) | static_cast<std::uint8_t>(bytes[i]));
  }
  return static_cast<T>(bits);
}

inline std::string to_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace tributary::postgres::detail
