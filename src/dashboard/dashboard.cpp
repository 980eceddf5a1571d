#include "dashboard/dashboard.hpp"

#include <boost/json.hpp>

#include "api/errors.hpp"
#include "api/shapes.hpp"
#include "dashboard/errors.hpp"
#include "dashboard/parts.hpp"

namespace tributary::dashboard {
namespace {

namespace json = boost::json;
using http::Access;
using http::Method;
using http::optional;
using http::Request;
using http::Response;
using http::Schema;

http::Authenticator make_authenticator(Sessions& sessions) {
  return [&sessions](Access access, const http::RawRequest& request) -> asio::awaitable<http::Identity> {
    if (request.method != "GET" && request.method != "HEAD") need_own_page(request);
    const auto session = co_await sessions.of(request);
    if (access == Access::operator_ && !session.is_operator())
      throw http::Error(kOperatorOnly, "Only who operates this installation may do this.");
    co_return http::Identity{.access = session.access, .project = session.project, .branch = "", .tenancy = {}};
  };
}

asio::awaitable<json::object> describe(const Context& context, const Session& session) {
  co_return json::object{{"role", session.is_operator() ? "operator" : "project"},
                         {"project_id", session.is_operator() ? json::value() : json::value(session.project)},
                         {"expires_at_millis", session.ends.time_since_epoch().count()},
                         {"version", context.version},
                         {"has_analytics", (co_await context.api.clickhouse()).has_value()},
                         {"applies_here", context.applies_here},
                         {"retention_ms", std::chrono::milliseconds(Rates::kHistory).count()}};
}

asio::awaitable<Response> sign_in(Dashboard::Parts& parts, const Request& request) {
  need_own_page(request.raw);
  const auto begun = co_await parts.sessions.sign_in(request);
  auto response = Response::of(co_await describe(parts.context, begun.session));
  response.headers.add("set-cookie", parts.sessions.cookie(begun, request.raw));
  co_return response;
}

asio::awaitable<Response> sign_out(Dashboard::Parts& parts, const Request& request) {
  need_own_page(request.raw);
  co_await parts.sessions.sign_out(request.raw);
  auto response = api::success();
  response.headers.add("set-cookie", parts.sessions.cookie(std::nullopt, request.raw));
  co_return response;
}

}  // namespace

std::optional<std::string> project_of(const http::Identity& identity) {
  return identity.access == Access::operator_ ? std::nullopt : std::optional(identity.project);
}

asio::awaitable<Scope> scope_of(postgres::Connection& source, const http::Identity& identity, Deadline deadline) {
  const auto project = project_of(identity);
  if (!project) co_return std::nullopt;
  co_return co_await tenancies_of(source, *project, deadline);
}

std::string name_of(const http::Identity& identity) {
  return identity.access == Access::operator_ ? "operator" : "administrator of " + identity.project;
}

void add_session(http::Router& router, Dashboard::Parts& parts) {
  const auto key = Schema::string(1, 1'000);
  router.add({.method = Method::post,
              .path = "/session",
              .access = Access::none,
              .body = Schema::object({optional("operator_key", key), optional("project_id", key), optional("admin_key", key)}),
              .handle = [&parts](const Request& request) { return sign_in(parts, request); }});
  router.add(
      {.path = "/session", .access = Access::admin, .handle = [&parts](const Request& request) -> asio::awaitable<Response> {
         co_return Response::of(co_await describe(parts.context, co_await parts.sessions.of(request.raw)));
       }});
  router.add({.method = Method::delete_, .path = "/session", .access = Access::none, .handle = [&parts](const Request& request) {
                return sign_out(parts, request);
              }});
}

Dashboard::Dashboard(Context context) : parts_(std::make_unique<Parts>(std::move(context))) {}
Dashboard::~Dashboard() = default;

void Dashboard::add_to(http::Router& router) {
  http::Router api(
      {.title = "Dashboard", .version = parts_->context.version, .about = "", .prefixes = {"/dashboard/api"}, .credentials = {}},
      make_authenticator(parts_->sessions), api::map_error);
  for (const auto add : {add_session, add_overview, add_destinations, add_tenancies, add_system, add_analytics})
    add(api, *parts_);
  router.mount(std::move(api));
  add_pages(router);
}

asio::awaitable<void> Dashboard::run(std::stop_token stop) { co_await parts_->sampler.run(stop); }

}  // namespace tributary::dashboard
