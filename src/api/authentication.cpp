#include "api/api.hpp"
#include "api/errors.hpp"
#include "api/known_projects.hpp"
#include "directory/projects.hpp"

namespace tributary::api {
namespace {

using directory::KeyKind;
using http::Access;
using http::Identity;

// Own fields, without the beginnings of their names.
constexpr std::string_view kServerKey = "secret-server-key";
constexpr std::string_view kAdminKey = "super-secret-admin-key";
constexpr std::string_view kBearer = "Bearer ";

std::string_view own(const http::Headers& headers, std::string_view name) { return headers.find_own(name).value_or(""); }

/// The access type that a request claims to have.
KeyKind claimed_kind(const http::Headers& headers) {
  const auto type = own(headers, "access-type");
  if (type.empty())
    throw http::Error(kAccessTypeRequired,
                      "You must set the header x-stack-access-type to 'server' or 'admin', and the key that goes with it.");
  if (type == "client") {
    throw http::Error(
        kInsufficientAccessType,
        "The x-stack-access-type header must be 'server' or 'admin', but was 'client': this server has no client access.",
        {{"actual_access_type", "client"}, {"allowed_access_types", {"server", "admin"}}});
  }
  if (type != "server" && type != "admin")
    throw http::Error(kInvalidAccessType, "The x-stack-access-type header must be 'server' or 'admin'.");
  return type == "admin" ? KeyKind::admin : KeyKind::server;
}

[[noreturn]] void refuse_key(KeyKind kind, const std::string& project) {
  const auto& known = kind == KeyKind::admin ? kInvalidAdminKey : kInvalidServerKey;
  const std::string name = kind == KeyKind::admin ? "super secret admin key" : "secret server key";
  throw http::Error(known,
                    "The " + name + " is not valid for the project \"" + project + "\". Does the project and/or the key exist?",
                    {{"project_id", project}});
}

/// A key of the project.
asio::awaitable<Identity> authenticate_project(KnownProjects& projects, Access needed, const http::RawRequest& request) {
  const auto& headers = request.headers;
  const auto kind = claimed_kind(headers);
  const std::string project(own(headers, "project-id"));
  if (project.empty()) throw http::Error(kProjectIdRequired, "The header x-stack-project-id is missing.");
  if (needed != Access::server && kind != KeyKind::admin) {
    throw http::Error(kInsufficientAccessType, "The x-stack-access-type header must be 'admin', but was 'server'.",
                      {{"actual_access_type", "server"}, {"allowed_access_types", {"admin"}}});
  }
  const auto branch = std::string(headers.find_own("branch-id").value_or("main"));
  const auto credentials = co_await projects.find(project, branch, request.deadline);
  if (!credentials) {
    throw http::Error(kProjectNotFound, "There is no project \"" + project + "\" with a branch \"" + branch + "\".",
                      {{"project_id", project}});
  }
  auto secret = own(headers, kind == KeyKind::admin ? kAdminKey : kServerKey);
  if (secret.empty() && kind == KeyKind::server) secret = own(headers, kAdminKey);
  if (!credentials->admit(kind, secret)) refuse_key(kind, project);
  co_return Identity{.access = kind == KeyKind::admin ? Access::admin : Access::server,
                     .project = project,
                     .branch = branch,
                     .tenancy = credentials->tenancy.id};
}

/// A bearer token, or an administrator of the project `internal`.
asio::awaitable<Identity> authenticate_outside(const Context& context, KnownProjects& projects, Access needed,
                                               const http::RawRequest& request) {
  const auto& secret = needed == Access::cron ? context.cron_secret : context.operator_key;
  if (const auto given = request.headers.find("authorization")) {
    if (secret.empty() || !given->starts_with(kBearer) || !equal_in_constant_time(given->substr(kBearer.size()), secret))
      throw http::Error(kInvalidBearer, "The token of the header Authorization is not valid here.");
    co_return Identity{.access = needed, .project = "", .branch = "", .tenancy = {}};
  }
  auto identity = co_await authenticate_project(projects, Access::admin, request);
  if (identity.project != directory::kInternalProject)
    throw http::Error(kExpectedInternalProject, "This is for administrators of the project \"internal\".");
  co_return identity;
}

}  // namespace

http::Authenticator make_authenticator(Context& context) {
  const auto connect = [&context](Deadline deadline) { return context.connect(deadline); };
  return [&context, projects = std::make_shared<KnownProjects>(connect)](Access access, const http::RawRequest& request) {
    return access == Access::cron || access == Access::operator_ ? authenticate_outside(context, *projects, access, request)
                                                                 : authenticate_project(*projects, access, request);
  };
}

}  // namespace tributary::api
