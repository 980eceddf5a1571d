#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include "http/detail/target.hpp"
#include "http/detail/utf8.hpp"

namespace tributary::http::detail {
namespace {

constexpr std::size_t kLongestShown = 256;

bool is_text(std::string_view text) { return text.find('\0') == std::string_view::npos && is_utf8(text); }

}  // namespace

std::optional<Target> parse_target(std::string_view text) {
  const auto url = boost::urls::parse_origin_form({text.data(), text.size()});
  if (!url) return std::nullopt;
  Target target;
  for (const auto& segment : url->segments()) {
    if (!is_text(segment)) return std::nullopt;
    target.segments.push_back(segment);
  }
  for (const auto& parameter : url->params({true, false, true})) {
    if (!is_text(parameter.key) || !is_text(parameter.value)) return std::nullopt;
    target.query.emplace_back(parameter.key, parameter.value);
  }
  return target;
}

std::string_view path_of(std::string_view target) { return target.substr(0, target.find('?')); }

std::string shown_path(std::string_view target) {
  std::string path(path_of(target).substr(0, kLongestShown));
  for (auto& c : path) {
    if (c <= ' ' || c > '~') c = '?';
  }
  return path;
}

std::string_view origin_form(std::string_view target) {
  const auto authority = target.find("://");
  if (target.starts_with('/') || authority == std::string_view::npos) return target;
  const auto path = target.find('/', authority + 3);
  return path == std::string_view::npos ? "/" : target.substr(path);
}

}  // namespace tributary::http::detail
