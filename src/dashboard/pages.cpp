#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/embedded.hpp"
#include "dashboard/parts.hpp"

/// What a browser loads.
namespace tributary::dashboard {
namespace {

using http::Request;
using http::Response;

/// Nothing from elsewhere, nothing inline, in nobody's frame.
constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kGuards{
    {{"content-security-policy",
      "default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"},
     {"x-frame-options", "DENY"},
     {"referrer-policy", "no-referrer"},
     {"cross-origin-opener-policy", "same-origin"},
     {"cross-origin-resource-policy", "same-origin"}}};

constexpr std::string_view kForEver = "public, max-age=31536000, immutable";  // a name is of one content
constexpr std::string_view kAskFirst = "no-cache";

constexpr std::string_view kNoPage = "This build of Tributary has no dashboard (TRIBUTARY_DASHBOARD is off).\n";

std::string_view type_of(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kTypes{{{".html", "text/html; charset=utf-8"},
                                                                                 {".js", "text/javascript; charset=utf-8"},
                                                                                 {".css", "text/css; charset=utf-8"},
                                                                                 {".svg", "image/svg+xml"},
                                                                                 {".json", "application/json"},
                                                                                 {".txt", "text/plain; charset=utf-8"}}};
  const auto* found = std::ranges::find_if(kTypes, [&](const auto& type) { return name.ends_with(type.first); });
  return found == kTypes.end() ? "application/octet-stream" : found->second;
}

std::string etag_of(std::string_view text) {
  const auto hash = sha256(text);
  std::string tag = "\"";
  for (std::size_t i = 0; i < 8; ++i) fmt::format_to(std::back_inserter(tag), "{:02x}", std::to_integer<int>(hash[i]));
  return tag + '"';
}

http::Handler serve(EmbeddedFile file, std::string_view caching) {
  return [file, caching, etag = etag_of(file.text)](const Request& request) -> asio::awaitable<Response> {
    const bool is_known = request.raw.headers.get("if-none-match").find(etag) != std::string_view::npos;
    auto response = Response::of_text(is_known ? "" : std::string(file.text), std::string(type_of(file.name)));
    if (is_known) response.status = 304;
    for (const auto& [name, value] : kGuards) response.headers.add(name, value);
    response.headers.add("cache-control", caching);
    response.headers.add("etag", etag);
    co_return response;
  };
}

http::Handler redirect(std::string_view to) {
  return [to](const Request&) -> asio::awaitable<Response> {
    Response response{.status = 308, .content_type = ""};
    response.headers.add("location", to);
    co_return response;
  };
}

}  // namespace

void add_pages(http::Router& router) {
  constexpr std::string_view kRoot = "/dashboard/";
  EmbeddedFile index{.name = "index.txt", .text = kNoPage};
  for (const auto& file : embedded_dashboard()) {
    if (file.name == "index.html")
      index = file;
    else
      router.add_page({.path = fmt::format("{}assets/{}", kRoot, file.name), .handle = serve(file, kForEver)});
  }
  router.add_page({.path = std::string(kRoot), .handle = serve(index, kAskFirst)});
  router.add_page({.path = "/dashboard", .handle = redirect(kRoot)});
}

}  // namespace tributary::dashboard
