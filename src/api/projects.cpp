#include "directory/projects.hpp"
#include "api/api.hpp"
#include "api/errors.hpp"
#include "api/shapes.hpp"
#include "directory/configuration.hpp"

namespace tributary::api {
namespace {

using namespace std::chrono_literals;
using http::Access;
using http::Method;
using http::optional;
using http::Request;
using http::required;
using http::Response;

constexpr auto kDefaultOverlap = 24h;
constexpr auto kLongestOverlap = 366 * 24h;
constexpr auto kLongestDeletion = 10min;  ///< of a project with everything in it

// ---- projects --------------------------------------------------------------------------------------------------------------------------

/// Secrets are told by the names of the headers that they are for.
std::vector<Field> secret_fields() {
  const auto shown_once = Schema::string().described("Shown this once: only its hash is kept");
  return {optional("secret_server_key", shown_once), optional("super_secret_admin_key", shown_once)};
}

void show_secret(json::object& object, const directory::NewKey& key) {
  object[key.kind == directory::KeyKind::admin ? "super_secret_admin_key" : "secret_server_key"] = key.secret;
}

Schema new_project_schema() {
  const auto text = Schema::string();
  return Schema::object({required("id", text), required("branch_id", text), required("tenancy_id", Schema::uuid())})
      .with("NewProject", secret_fields());
}

asio::awaitable<Response> create_project(Context& context, const Request& request) {
  const auto& body = request.body.as_object();
  auto connection = co_await context.connect(request.deadline);
  const auto made = co_await directory::create_project(*connection, text_field(body, "id").value_or(Uuid::random().to_string()),
                                                       text_field(body, "display_name").value_or(""),
                                                       text_field(body, "branch_id").value_or("main"), request.deadline);
  json::object object{
      {"id", made.tenancy.project}, {"branch_id", made.tenancy.branch}, {"tenancy_id", made.tenancy.id.to_string()}};
  for (const auto& key : made.keys) show_secret(object, key);
  co_return Response::of(std::move(object));
}

void add_project_endpoints(http::Router& router, Context& context) {
  const std::string group = "Projects";
  const auto name = Schema::string(1, 200);
  add(router, {.method = Method::post,
               .path = "/internal/projects",
               .access = Access::operator_,
               .group = group,
               .summary = "Create a project with its keys, or another branch of one",
               .body = Schema::object("ProjectCreate",
                                      {optional("id", name), optional("display_name", name), optional("branch_id", name)}),
               .status = 201,
               .answer = new_project_schema(),
               .errors = {kProjectExists},
               .handle = [&context](const Request& request) { return create_project(context, request); }});
  add(router, {.path = "/internal/projects",
               .access = Access::operator_,
               .group = group,
               .summary = "List projects, each of their branches an item",
               .query = list_query({optional("project_id", name.described("Branches of this one only"))}),
               .answer = list_schema(project_schema()),
               .handle = [&context](const Request& request) -> asio::awaitable<Response> {
                 auto connection = co_await context.connect(request.deadline);
                 co_return list_response(co_await directory::list_projects(*connection, text_field(request.query, "project_id"),
                                                                           page_of(request.query), request.deadline),
                                         true);
               }});
  add(router, {.method = Method::delete_,
               .path = "/internal/projects/{project_id}",
               .access = Access::operator_,
               .group = group,
               .summary = "Delete a project, or one branch of it, with everything in it",
               .path_parameters = {required("project_id", name)},
               .query = {optional("branch_id", name.described("Only this one; the project and its keys stay"))},
               .answer = success_schema(),
               .errors = {kProjectNotFound},
               .handle = [&context](const Request& request) -> asio::awaitable<Response> {
                 auto connection = co_await context.connect(request.deadline);
                 co_await directory::delete_project(*connection, request.text("project_id"),
                                                    text_field(request.query, "branch_id"), request.deadline);
                 co_return success();
               },
               .timeout = kLongestDeletion});
}

// ---- keys ------------------------------------------------------------------------------------------------------------------------------

/// How long older keys of the kind stay valid; nullopt: as long as they would have been.
std::optional<std::chrono::milliseconds> overlap_of(const json::object& body) {
  const auto* given = body.if_contains("overlap_ms");
  if (given == nullptr) return kDefaultOverlap;
  return given->is_null() ? std::nullopt : std::optional(std::chrono::milliseconds(given->to_number<std::int64_t>()));
}

asio::awaitable<Response> create_key(Context& context, const Request& request) {
  const auto& body = request.body.as_object();
  const auto kind = text_field(body, "kind") == "admin" ? directory::KeyKind::admin : directory::KeyKind::server;
  auto connection = co_await context.connect(request.deadline);
  const auto key =
      co_await directory::create_key(*connection, request.text("project_id"), kind, overlap_of(body), request.deadline);
  json::object object{{"id", key.id.to_string()}, {"kind", directory::to_string(key.kind)}};
  show_secret(object, key);
  co_return Response::of(std::move(object));
}

void add_keys(http::Router& router, Context& context) {
  const std::string group = "Projects";
  const std::string path = "/internal/projects/{project_id}/keys";
  const auto of_project = required("project_id", Schema::string(1, 200));
  const auto kind = Schema::one_of({"server", "admin"});
  const auto overlap = Schema::integer(0, std::chrono::milliseconds(kLongestOverlap).count());
  add(router, {.path = path,
               .access = Access::operator_,
               .group = group,
               .summary = "List the keys of a project, by their last characters, oldest first",
               .path_parameters = {of_project},
               .answer = list_schema(key_schema()),
               .errors = {kProjectNotFound},
               .handle = [&context](const Request& request) -> asio::awaitable<Response> {
                 auto connection = co_await context.connect(request.deadline);
                 auto keys = co_await directory::list_keys(*connection, request.text("project_id"), request.deadline);
                 co_return list_response(directory::Page<directory::Key>{.items = std::move(keys), .next = {}}, false);
               }});
  add(router,
      {.method = Method::post,
       .path = path,
       .access = Access::operator_,
       .group = group,
       .summary = "Make a new key; older ones of its kind end after a while",
       .path_parameters = {of_project},
       .body = Schema::object(
           "KeyCreate", {required("kind", kind),
                         optional("overlap_ms", overlap.or_null().described(
                                                    "How long older ones stay valid; a day if not given, null: they stay"))}),
       .status = 201,
       .answer = Schema::object({required("id", Schema::uuid()), required("kind", kind)}).with("NewKey", secret_fields()),
       .errors = {kProjectNotFound},
       .handle = [&context](const Request& request) { return create_key(context, request); }});
  add(router, {.method = Method::delete_,
               .path = path + "/{key_id}",
               .access = Access::operator_,
               .group = group,
               .summary = "End a key at once; it stays in the list",
               .path_parameters = {of_project, required("key_id", Schema::uuid())},
               .answer = success_schema(),
               .errors = {kItemNotFound},
               .handle = [&context](const Request& request) -> asio::awaitable<Response> {
                 auto connection = co_await context.connect(request.deadline);
                 co_await directory::revoke_key(*connection, request.text("project_id"), request.uuid("key_id"),
                                                request.deadline);
                 co_return success();
               }});
}

// ---- configuration ---------------------------------------------------------------------------------------------------------------------

void add_configuration(http::Router& router, Context& context) {
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

}  // namespace

void add_projects(http::Router& router, Context& context) {
  add_project_endpoints(router, context);
  add_keys(router, context);
  add_configuration(router, context);
}

}  // namespace tributary::api
