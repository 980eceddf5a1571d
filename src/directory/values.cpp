#include "directory/values.hpp"

#include <charconv>

namespace tributary::directory {
namespace {

constexpr std::size_t kUuidLength = 36;
// Years 1 to 9999: what is beyond is no cursor of ours, and more than Postgres can count.
constexpr std::int64_t kFirst = -62'135'596'800'000'000;
constexpr std::int64_t kLast = 253'402'300'799'999'999;

}  // namespace

std::string Cursor::to_string() const {
  auto text = std::to_string(at.time_since_epoch().count()) + '_' + id.to_string();
  if (second_id != Uuid{}) text += '_' + second_id.to_string();
  return text;
}

std::optional<Cursor> Cursor::parse(std::string_view text) {
  std::int64_t microseconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), microseconds);
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (error != std::errc() || microseconds < kFirst || microseconds > kLast || !text.starts_with('_')) return std::nullopt;
  const auto id = Uuid::parse(text.substr(1, kUuidLength));
  text.remove_prefix(std::min(text.size(), kUuidLength + 1));
  auto second = std::optional(Uuid{});
  if (!text.empty()) second = text.starts_with('_') ? Uuid::parse(text.substr(1)) : std::nullopt;
  if (!id || !second) return std::nullopt;
  return Cursor{.at = Timestamp(std::chrono::microseconds(microseconds)), .id = *id, .second_id = *second};
}

}  // namespace tributary::directory
