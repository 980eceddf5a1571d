#include "directory/projects.hpp"

#include "api/api.hpp"
#include "api/errors.hpp"
#include "api/shapes.hpp"
#include "directory/configuration.hpp"

namespace tributary::api {
namespace {

using http::Access;
using http::Method;
using http::optional;
using http::Request;
using http::required;
using http::Response;

Schema new_project_schema() {
  const auto text = Schema::string();
  return Schema::object("NewProject", {required("id", text), required("branch_id", text), required("tenancy_id", Schema::uuid()),
                                       optional("secret_server_key", text.described("Shown this once: only its hash is kept")),
                                       optional("super_secret_admin_key", text.described("The same"))});
}

json::object to_json(const directory::NewProject& project) {
  json::object object{
      {"id", project.tenancy.project}, {"branch_id", project.tenancy.branch}, {"tenancy_id", project.tenancy.id.to_string()}};
  for (const auto& key : project.keys)
    object[key.kind == directory::KeyKind::admin ? "super_secret_admin_key" : "secret_server_key"] = key.secret;
  return object;
}

}  // namespace

void add_projects(http::Router& router, Context& context) {
  const auto name = Schema::string(1, 200);
  add(router, {.method = Method::post,
               .path = "/internal/projects",
               .access = Access::operator_,
               .group = "Projects",
               .summary = "Create a project with its keys, or another branch of one",
               .body = Schema::object("ProjectCreate",
                                      {optional("id", name), optional("display_name", name), optional("branch_id", name)}),
               .status = 201,
               .answer = new_project_schema(),
               .errors = {kProjectExists},
               .handle = [&context](const Request& request) -> asio::awaitable<Response> {
                 const auto& body = request.body.as_object();
                 auto connection = co_await context.connect(request.deadline);
                 const auto project =
                     co_await directory::create_project(*connection, text_field(body, "id").value_or(Uuid::random().to_string()),
                                                        text_field(body, "display_name").value_or(""),
                                                        text_field(body, "branch_id").value_or("main"), request.deadline);
                 co_return Response::of(to_json(project));
               }});
  add(router, {.path = "/internal/config",
               .access = Access::admin,
               .group = "Configuration",
               .summary = "The project's configuration override, without passwords",
               .answer = Schema::object("Config", {required("config_string", Schema::string().described("JSON"))}),
               .handle = [&context](const Request& request) -> asio::awaitable<Response> {
                 auto connection = co_await context.connect(request.deadline);
                 co_return Response::of(
                     json::object{{"config_string", co_await directory::read_configuration(*connection, request.identity.project,
                                                                                           context.secrets, request.deadline)}});
               }});
  add(router,
      {.method = Method::patch,
       .path = "/internal/config/override",
       .access = Access::admin,
       .group = "Configuration",
       .summary = "Merge an override, whose keys may be dotted, into the project's; null removes",
       .body = Schema::object(
           "ConfigOverride",
           {required(
               "config_override_string",
               Schema::string().described(
                   R"(JSON: {"dbSync.externalDatabases": {"main": {"type": "postgres", "connectionString": "postgresql://…"}}})"))}),
       .answer = success_schema(),
       .errors = {kProjectNotFound},
       .handle = [&context](const Request& request) -> asio::awaitable<Response> {
         auto connection = co_await context.connect(request.deadline);
         co_await directory::update_configuration(*connection, request.identity.project,
                                                  text_field(request.body.as_object(), "config_override_string").value(),
                                                  context.secrets, context.destinations.guard, request.deadline);
         co_return success();
       }});
}

}  // namespace tributary::api
