#pragma once
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

/// Numbers as the two servers write them.
namespace tributary::clickhouse::detail {

static_assert(std::endian::native == std::endian::little, "ClickHouse's byte order is this machine's");

template <std::integral T>
T byte_swapped(T value) {
  if constexpr (sizeof(T) == 2)
    return static_cast<T>(__builtin_bswap16(static_cast<std::uint16_t>(value)));
  else if constexpr (sizeof(T) == 4)
    return static_cast<T>(__builtin_bswap32(static_cast<std::uint32_t>(value)));
  else
    return static_cast<T>(__builtin_bswap64(static_cast<std::uint64_t>(value)));
}

/// REQUIRES: sizeof(T) bytes.
template <std::integral T>
T read_big_endian(const std::byte* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof(T));
  return byte_swapped(value);
}

template <class T>
void append_raw(std::vector<std::byte>& out, T value) {
  const auto* bytes = reinterpret_cast<const std::byte*>(&value);
  out.insert(out.end(), bytes, bytes + sizeof(T));
}

inline void append_bytes(std::vector<std::byte>& out, std::span<const std::byte> bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

/// LEB128: seven bits a byte, lowest first.
inline void append_varint(std::vector<std::byte>& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<std::byte>(value | 0x80));
  out.push_back(static_cast<std::byte>(value));
}

inline void append_string(std::vector<std::byte>& out, std::string_view text) {
  append_varint(out, text.size());
  append_bytes(out, std::as_bytes(std::span(text)));
}

}  // namespace tributary::clickhouse::detail
