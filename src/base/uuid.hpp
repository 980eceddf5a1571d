#pragma once
#include <array>
#include <compare>
#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace tributary {

/// A UUID as PostgreSQL orders and sends it: 16 bytes, big endian, compared bytewise.
struct Uuid {
  std::array<std::byte, 16> bytes{};

  /// The canonical form 8-4-4-4-12, any case; nothing else. nullopt where it is not one.
  static std::optional<Uuid> parse(std::string_view text);
  /// REQUIRES: 16 bytes.
  static Uuid from_bytes(std::span<const std::byte> bytes);
  /// Random, version 4, from the system's generator. Throws std::runtime_error if that has no entropy.
  static Uuid random();
  std::string to_string() const;

  friend auto operator<=>(const Uuid&, const Uuid&) = default;
};

}  // namespace tributary

template <>
struct std::hash<tributary::Uuid> {
  std::size_t operator()(const tributary::Uuid& id) const noexcept {
    return std::hash<std::string_view>{}({reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()});
  }
};
