#include "api/api.hpp"
#include "api/errors.hpp"
#include "api/shapes.hpp"

namespace tributary::api {
namespace {

using http::Method;
using http::optional;
using http::Request;
using http::required;
using http::Response;

const std::vector<Field> kPath{required("team_id", Schema::uuid())};

std::vector<Field> body_fields() {
  return {required("display_name", Schema::string(1)), optional("profile_image_url", Schema::string().or_null()),
          optional("client_metadata", Schema::any()), optional("client_read_only_metadata", Schema::any()),
          optional("server_metadata", Schema::any())};
}

directory::TeamFields fields_of(const json::object& body) {
  return {.display_name = text_field(body, "display_name"),
          .profile_image_url = text_or_null_field(body, "profile_image_url"),
          .client_metadata = json_field(body, "client_metadata"),
          .client_read_only_metadata = json_field(body, "client_read_only_metadata"),
          .server_metadata = json_field(body, "server_metadata")};
}

}  // namespace

void add_teams(http::Router& router, Context& context) {
  const std::string group = "Teams";
  add(router, {.method = Method::post,
               .path = "/teams",
               .group = group,
               .summary = "Create a team, with a first member where one is named",
               .body = Schema::object(body_fields()).with("TeamCreate", {optional("creator_user_id", Schema::uuid())}),
               .status = 201,
               .answer = team_schema(),
               .errors = {kUserNotFound, kProjectNotFound},
               .handle = [&context](const Request& request) -> asio::awaitable<Response> {
                 const auto& body = request.body.as_object();
                 auto connection = co_await context.connect(request.deadline);
                 co_return Response::of(to_json(co_await directory::create_team(
                     *connection, tenancy_of(request), fields_of(body), uuid_field(body, "creator_user_id"), request.deadline)));
               }});
  add(router, {.path = "/teams",
               .group = group,
               .summary = "List teams, oldest first",
               .query = list_query({optional("user_id", Schema::uuid().described("Those that this user is in"))}),
               .answer = list_schema(team_schema()),
               .handle = [&context](const Request& request) -> asio::awaitable<Response> {
                 auto connection = co_await context.connect(request.deadline);
                 co_return list_response(
                     co_await directory::list_teams(*connection, tenancy_of(request), uuid_field(request.query, "user_id"),
                                                    page_of(request.query), request.deadline),
                     false);
               }});
  add(router, {.path = "/teams/{team_id}",
               .group = group,
               .summary = "Read a team",
               .path_parameters = kPath,
               .answer = team_schema(),
               .errors = {kTeamNotFound},
               .handle = [&context](const Request& request) -> asio::awaitable<Response> {
                 auto connection = co_await context.connect(request.deadline);
                 co_return Response::of(to_json(
                     co_await directory::read_team(*connection, tenancy_of(request), request.uuid("team_id"), request.deadline)));
               }});
  add(router,
      {.method = Method::patch,
       .path = "/teams/{team_id}",
       .group = group,
       .summary = "Change a team: fields that are not named stay as they are, null clears",
       .path_parameters = kPath,
       .body = Schema::object(body_fields()).partial("TeamUpdate"),
       .answer = team_schema(),
       .errors = {kTeamNotFound},
       .handle = [&context](const Request& request) -> asio::awaitable<Response> {
         auto connection = co_await context.connect(request.deadline);
         co_return Response::of(to_json(co_await directory::update_team(*connection, tenancy_of(request), request.uuid("team_id"),
                                                                        fields_of(request.body.as_object()), request.deadline)));
       }});
  add(router, {.method = Method::delete_,
               .path = "/teams/{team_id}",
               .group = group,
               .summary = "Delete a team, with its memberships",
               .path_parameters = kPath,
               .answer = success_schema(),
               .errors = {kTeamNotFound},
               .handle = [&context](const Request& request) -> asio::awaitable<Response> {
                 auto connection = co_await context.connect(request.deadline);
                 co_await directory::delete_team(*connection, tenancy_of(request), request.uuid("team_id"), request.deadline);
                 co_return success();
               }});
}

}  // namespace tributary::api
