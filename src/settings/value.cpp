#include "settings/value.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <span>

namespace tributary::settings {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t factor;
};
// Largest first: formatting takes the first that divides.
constexpr std::array kDurations{Unit{"h", 3'600'000}, Unit{"min", 60'000}, Unit{"s", 1'000}, Unit{"ms", 1}};
constexpr std::array kSizes{Unit{"GiB", 1 << 30}, Unit{"MiB", 1 << 20}, Unit{"KiB", 1 << 10}, Unit{"B", 1}};

template <class Number>
std::optional<Number> parse_whole(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<std::int64_t> parse_with_unit(std::string_view text, std::span<const Unit> units) {
  if (text == "0") return 0;
  const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto number = parse_integer(text.substr(0, digits));
  if (!number) return std::nullopt;
  for (const auto& unit : units) {
    if (text.substr(digits) != unit.name) continue;
    if (*number > std::numeric_limits<std::int64_t>::max() / unit.factor) return std::nullopt;
    return *number * unit.factor;
  }
  return std::nullopt;
}

std::string format_with_unit(std::int64_t value, std::span<const Unit> units) {
  if (value == 0) return "0";
  for (const auto& unit : units) {
    if (value % unit.factor == 0) return std::to_string(value / unit.factor) + std::string(unit.name);
  }
  return std::to_string(value);  // not reached: the last unit divides everything
}

}  // namespace

std::optional<std::int64_t> parse_integer(std::string_view text) { return parse_whole<std::int64_t>(text); }

std::optional<double> parse_number(std::string_view text) {
  const auto value = parse_whole<double>(text);
  return value && std::isfinite(*value) ? value : std::nullopt;
}

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  const auto value = parse_with_unit(text, kDurations);
  return value ? std::optional(std::chrono::milliseconds(*value)) : std::nullopt;
}

std::optional<Bytes> parse_bytes(std::string_view text) {
  const auto value = parse_with_unit(text, kSizes);
  return value ? std::optional(Bytes{*value}) : std::nullopt;
}

std::string format_duration(std::chrono::milliseconds value) { return format_with_unit(value.count(), kDurations); }
std::string format_bytes(Bytes value) { return format_with_unit(value.count, kSizes); }

}  // namespace tributary::settings
