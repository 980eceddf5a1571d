#include <algorithm>
#include <cctype>

#include "base/uuid.hpp"
#include "http/detail/head.hpp"

namespace tributary::http::detail {
namespace {

constexpr std::size_t kLongestId = 128;
constexpr auto kSecondsOfPreflight = "7200";

bool is_fit(std::string_view id) {
  const auto is_plain = [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.' || c == ':'; };
  return !id.empty() && id.size() <= kLongestId && std::ranges::all_of(id, is_plain);
}

/// Keys stand in fields that no page sends by itself, so another origin's page can do no more than its user could.
void allow_origin(const RawRequest& request, std::string_view allowed, wire::fields& fields) {
  const auto origin = request.headers.find("origin");
  if (!origin || allowed.empty() || (allowed != "*" && allowed != *origin)) return;
  fields.set(wire::field::access_control_allow_origin, allowed);
  fields.set(wire::field::access_control_expose_headers, "x-stack-known-error, x-request-id, x-stack-request-id");
  if (request.method != "OPTIONS") return;
  fields.set(wire::field::access_control_allow_methods, "GET, POST, PUT, PATCH, DELETE");
  fields.set(wire::field::access_control_allow_headers, request.headers.get("access-control-request-headers"));
  fields.set(wire::field::access_control_max_age, kSecondsOfPreflight);
}

}  // namespace

std::string request_id(const Headers& headers) {
  const auto given = headers.get("x-request-id");
  return is_fit(given) ? std::string(given) : Uuid::random().to_string();
}

void write_fields(const RawRequest& request, const Response& response, std::string_view allowed_origin, wire::fields& fields) {
  if (!response.content_type.empty()) fields.set(wire::field::content_type, response.content_type);
  fields.set("x-request-id", request.id);
  fields.set("x-stack-request-id", request.id);
  fields.set("x-content-type-options", "nosniff");
  // Answers are about who asked, and about now.
  fields.set(wire::field::cache_control, "no-store");
  if (allowed_origin != "*")
    fields.set(wire::field::vary, "origin, accept-encoding");
  else
    fields.set(wire::field::vary, "accept-encoding");
  allow_origin(request, allowed_origin, fields);
  for (const auto& [name, value] : response.headers.all()) fields.set(name, value);
}

}  // namespace tributary::http::detail
