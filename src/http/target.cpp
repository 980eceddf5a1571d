#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include "http/detail/target.hpp"
#include "http/detail/utf8.hpp"

namespace tributary::http::detail {
namespace {

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

}  // namespace tributary::http::detail
