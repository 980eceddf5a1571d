#include "clickhouse/detail/exception_text.hpp"

#include <algorithm>
#include <charconv>

namespace tributary::clickhouse::detail {
namespace {

constexpr std::size_t kLongestException = 16 * 1024;  // WriteBufferFromHTTP1ServerResponse.h of the server
constexpr std::size_t kLongestTag = 64;
constexpr std::string_view kCode = "Code: ";
constexpr std::string_view kMarker = "__exception__\r\n";

std::string_view text_of(std::span<const std::byte> bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

void trim_end(std::string_view& text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.remove_suffix(1);
}

bool is_name(std::string_view text) {
  return !text.empty() &&
         std::ranges::all_of(text, [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; });
}

/// Cuts " (version …)" and ", e.what() = …" and what stands behind them.
void cut_version(std::string_view& text) {
  for (const std::string_view end : {" (version ", ", e.what() = "}) {
    if (const auto at = text.rfind(end); at != std::string_view::npos) text = text.substr(0, at);
  }
}

/// Cuts "(SYNTAX_ERROR)" off the end.
std::string take_name(std::string_view& text) {
  const auto open = text.rfind('(');
  if (!text.ends_with(')') || open == std::string_view::npos) return {};
  const auto name = text.substr(open + 1, text.size() - open - 2);
  if (!is_name(name)) return {};
  text = text.substr(0, open);
  return std::string(name);
}

}  // namespace

std::optional<ServerException> parse_exception(std::string_view text) {
  if (!text.starts_with(kCode)) return std::nullopt;
  text.remove_prefix(kCode.size());
  ServerException exception;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), exception.code);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  const auto what = text.find("Exception: ");
  if (!(text.starts_with(". ") || text.starts_with(", ")) || what == std::string_view::npos) return std::nullopt;
  text.remove_prefix(what + std::string_view("Exception: ").size());
  trim_end(text);
  cut_version(text);
  exception.name = take_name(text);
  trim_end(text);
  exception.message = text;
  return exception;
}

ExceptionScanner::ExceptionScanner(std::string_view tag) {
  if (!tag.empty() && tag.size() <= kLongestTag) marker_ = "\r\n" + std::string(kMarker) + std::string(tag) + "\r\n";
}

std::span<const std::byte> ExceptionScanner::data(std::span<const std::byte> piece) {
  if (!marker_.empty()) return data_before_marker(piece);
  keep_tail(piece);
  return piece;
}

std::span<const std::byte> ExceptionScanner::data_before_marker(std::span<const std::byte> piece) {
  if (found_) {
    const auto room = kLongestException + kLongestTag - std::min(held_.size(), kLongestException + kLongestTag);
    held_.insert(held_.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(std::min(room, piece.size())));
    return {};
  }
  if (!held_.empty()) {
    joined_.swap(held_);
    joined_.insert(joined_.end(), piece.begin(), piece.end());
    held_.clear();
    piece = joined_;
  }
  const auto text = text_of(piece);
  if (const auto at = text.find(marker_); at != std::string_view::npos) {
    found_ = true;
    const auto data = piece.first(at);
    data_before_marker(piece.subspan(at + marker_.size()));
    return data;
  }
  auto length = std::min(text.size(), marker_.size() - 1);
  while (!text.ends_with(std::string_view(marker_).substr(0, length))) --length;
  const auto held = piece.last(length);
  held_.assign(held.begin(), held.end());
  return piece.first(piece.size() - length);
}

void ExceptionScanner::keep_tail(std::span<const std::byte> piece) {
  piece = piece.last(std::min(piece.size(), kLongestException));
  const auto keep = std::min(held_.size(), kLongestException - piece.size());
  held_.erase(held_.begin(), held_.end() - static_cast<std::ptrdiff_t>(keep));
  held_.insert(held_.end(), piece.begin(), piece.end());
}

std::span<const std::byte> ExceptionScanner::rest() const {
  if (marker_.empty() || found_) return {};
  return held_;
}

std::optional<ServerException> ExceptionScanner::exception() const {
  auto text = text_of(held_);
  if (found_) {
    // "\n", its length, the tag and the closing marker follow the message.
    const auto closing = text.rfind("\r\n__exception__");
    text = text.substr(0, text.substr(0, closing).rfind('\n'));
    return parse_exception(text).value_or(ServerException{.message = std::string(text)});
  }
  if (!marker_.empty()) return std::nullopt;
  if (const auto at = text.rfind(kMarker); at != std::string_view::npos) return parse_exception(text.substr(at + kMarker.size()));
  if (!text.ends_with(")\n") && !text.ends_with("Exception\n")) return std::nullopt;
  // The last one, as the data before may hold others.
  const auto at = text.rfind(kCode);
  return at == std::string_view::npos ? std::nullopt : parse_exception(text.substr(at));
}

}  // namespace tributary::clickhouse::detail
