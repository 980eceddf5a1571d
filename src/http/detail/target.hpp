#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tributary::http::detail {

/// A request's target, decoded. All of it is UTF-8 without U+0000.
struct Target {
  std::vector<std::string> segments;  ///< of the path: "/a//b" has three
  std::vector<std::pair<std::string, std::string>> query;
};

/// nullopt where it is no path and query, or not UTF-8.
std::optional<Target> parse_target(std::string_view target);

/// A path without its query, not decoded.
std::string_view path_of(std::string_view target);
/// The same fit for a message or a log, whatever a client sent: ASCII, and not long.
std::string shown_path(std::string_view target);
/// "/a?b" of "http://host/a?b", which a client may send, too.
std::string_view origin_form(std::string_view target);

}  // namespace tributary::http::detail
