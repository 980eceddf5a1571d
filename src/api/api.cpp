#include "api/api.hpp"

#include "api/errors.hpp"

namespace tributary::api {
namespace {

http::ApiDescription description(std::string version) {
  using http::Access;
  const std::vector<KnownError> errors{kAccessTypeRequired, kInvalidAccessType, kInsufficientAccessType, kProjectIdRequired,
                                       kProjectNotFound,    kInvalidServerKey,  kInvalidAdminKey};
  const std::vector<std::string> server{"x-stack-project-id", "x-stack-access-type", "x-stack-secret-server-key"};
  const std::vector<std::string> admin{"x-stack-project-id", "x-stack-access-type", "x-stack-super-secret-admin-key"};
  const std::vector<std::string> bearer{"authorization"};
  auto outside = errors;
  outside.push_back(kExpectedInternalProject);
  outside.push_back(kInvalidBearer);
  return {.title = "Tributary",
          .version = std::move(version),
          .about = "Users, teams, memberships and contact channels of a project, where they are synced to, and how far.",
          .credentials = {{Access::server, {.headers = {server, admin}, .errors = errors}},
                          {Access::admin, {.headers = {admin}, .errors = errors}},
                          {Access::operator_, {.headers = {bearer, admin}, .errors = outside}},
                          {Access::cron, {.headers = {bearer, admin}, .errors = outside}}}};
}

}  // namespace

postgres::ConnectOptions session_settings(postgres::ConnectOptions options) {
  return options.with("client_encoding", "UTF8")
      .with_setting("search_path", "public")
      .with_setting("TimeZone", "UTC")
      .with_setting("jit", "off");
}

asio::awaitable<postgres::PooledConnection> Context::connect(Deadline deadline) {
  const auto in_time = deadline.capped(queue_timeout);
  try {
    co_return co_await source.acquire(in_time);
  } catch (const postgres::Error& error) {
    if (error.kind() != postgres::ErrorKind::deadline) throw;
  }
  throw http::Error(http::kBusy, "The server is busy; try again later");
}

Quota::Place Context::place_for_query(const std::string& project) {
  auto place = queries.enter(project);
  if (place) return std::move(*place);
  if (queries.is_full()) throw analytics::Busy();
  throw http::Error(kTooManyQueries, "Too many queries of this project run at once; try again when one has ended");
}

Quota::Place Context::place_for_status(const std::string& project) {
  auto place = statuses.enter(project);
  if (!place)
    throw http::Error(http::kBusy, "Too many ask destinations how far they are; try again when others have their answer");
  return std::move(*place);
}

directory::Tenancy tenancy_of(const http::Request& request) {
  return {.id = request.identity.tenancy, .project = request.identity.project, .branch = request.identity.branch};
}

void add(http::Router& router, http::Endpoint endpoint) {
  endpoint.handle = [handle = std::move(endpoint.handle)](const http::Request& request) -> asio::awaitable<http::Response> {
    try {
      co_return co_await handle(request);
    } catch (const directory::Error& error) {
      throw to_http(error);
    }
  };
  router.add(std::move(endpoint));
}

http::Router make_router(Context& context, std::string version) {
  http::Router router(description(std::move(version)), make_authenticator(context), map_error);
  for (const auto add : {add_users, add_teams, add_memberships, add_contact_channels, add_projects, add_sync, add_analytics})
    add(router, context);
  return router;
}

}  // namespace tributary::api
