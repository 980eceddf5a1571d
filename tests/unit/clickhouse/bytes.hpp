#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tributary::clickhouse {

inline std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

inline std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// As PostgreSQL sends a number.
template <class T>
std::string big_endian(T value) {
  std::string bytes;
  for (std::size_t i = sizeof(T); i-- > 0;) bytes += static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i));
  return bytes;
}

/// As ClickHouse writes one.
template <class T>
std::string little_endian(T value) {
  auto bytes = big_endian(value);
  return {bytes.rbegin(), bytes.rend()};
}

/// "0a ff": the way the tests below write golden bytes.
inline std::string hex(std::string_view text) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (!out.empty()) out += ' ';
    out.append({kDigits[byte >> 4U], kDigits[byte & 15U]});
  }
  return out;
}

}  // namespace tributary::clickhouse
