#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "settings/settings.hpp"

/// How single values are written. Pure.
namespace tributary::settings {

std::optional<std::int64_t> parse_integer(std::string_view text);
std::optional<double> parse_number(std::string_view text);  ///< 0.25
/// A whole number with its unit, no blank between: 250ms, 10s, 5min, 2h. Only 0 may stand alone.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);
/// A whole number with its unit: 512B, 256KiB, 8MiB, 1GiB. Only 0 may stand alone.
std::optional<Bytes> parse_bytes(std::string_view text);

/// In the largest unit that leaves a whole number; parse_…() reads it back.
std::string format_duration(std::chrono::milliseconds value);
std::string format_bytes(Bytes value);

}  // namespace tributary::settings
