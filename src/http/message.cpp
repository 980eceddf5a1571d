#include "http/message.hpp"

#include <algorithm>
#include <array>
#include <boost/json/serialize.hpp>

namespace tributary::http {
namespace {

constexpr std::array<std::pair<Method, std::string_view>, 5> kMethods{
    {{Method::get, "GET"}, {Method::post, "POST"}, {Method::put, "PUT"}, {Method::patch, "PATCH"}, {Method::delete_, "DELETE"}}};

/// What the API's own fields begin with. The first one is documented; newer clients of the reference product send the other.
constexpr std::array<std::string_view, 2> kOwnPrefixes{"x-stack-", "x-hexclave-"};

bool same_name(std::string_view a, std::string_view b) {
  const auto lower = [](unsigned char c) { return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

/// As its details say; else soon.
std::chrono::seconds retry_after(const Error& error) {
  const auto* wait = error.details().if_contains("retry_in_ms");
  if (wait == nullptr) return std::chrono::seconds(1);
  return std::chrono::ceil<std::chrono::seconds>(std::chrono::milliseconds(wait->to_number<std::int64_t>()));
}

}  // namespace

std::string_view to_string(Method method) {
  return std::ranges::find(kMethods, method, [](const auto& entry) { return entry.first; })->second;
}

std::optional<Method> parse_method(std::string_view name) {
  const auto* found = std::ranges::find(kMethods, name, [](const auto& entry) { return entry.second; });
  if (found == kMethods.end()) return std::nullopt;
  return found->first;
}

std::string_view cookie_named(std::string_view name, std::string_view cookies) {
  while (!cookies.empty()) {
    auto one = cookies.substr(0, cookies.find(';'));
    cookies.remove_prefix(std::min(one.size() + 1, cookies.size()));
    one.remove_prefix(std::min(one.find_first_not_of(' '), one.size()));
    if (one.starts_with(name) && one.substr(name.size()).starts_with('=')) return one.substr(name.size() + 1);
  }
  return {};
}

std::string_view to_string(Access access) {
  switch (access) {
    case Access::none:
      return "none";
    case Access::server:
      return "server";
    case Access::admin:
      return "admin";
    case Access::operator_:
      return "operator";
    case Access::cron:
      return "cron";
  }
  return "";
}

void Headers::add(std::string_view name, std::string_view value) { fields_.emplace_back(name, value); }

std::optional<std::string_view> Headers::find(std::string_view name) const {
  const auto found = std::ranges::find_if(fields_, [&](const auto& field) { return same_name(field.first, name); });
  if (found == fields_.end()) return std::nullopt;
  return found->second;
}

std::optional<std::string_view> Headers::find_own(std::string_view name) const {
  for (const auto prefix : kOwnPrefixes) {
    if (const auto found = find(std::string(prefix).append(name))) return found;
  }
  return std::nullopt;
}

bool is_own_header(std::string_view name) {
  return std::ranges::any_of(kOwnPrefixes, [&](auto prefix) { return same_name(name.substr(0, prefix.size()), prefix); });
}

std::string Request::text(std::string_view name) const {
  const auto& value = path.at({name.data(), name.size()}).as_string();
  return {value.data(), value.size()};
}

Uuid Request::uuid(std::string_view name) const { return Uuid::parse(text(name)).value(); }

Response Response::of(const json::value& value) { return of_json(json::serialize(value)); }

Response Response::of_json(std::string text) { return {.body = std::move(text)}; }

Response Response::of_text(std::string text, std::string content_type) {
  return {.content_type = std::move(content_type), .body = std::move(text)};
}

Response Response::of(const Error& error) {
  auto response = of(error.body());
  response.status = error.status();
  response.headers.add("x-stack-known-error", error.code());
  if (error.status() == 503 || error.status() == 429)
    response.headers.add("retry-after", std::to_string(retry_after(error).count()));
  return response;
}

Response Response::of_stream(std::string content_type, Stream stream) {
  return {.content_type = std::move(content_type), .stream = std::move(stream)};
}

}  // namespace tributary::http
