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

const std::vector<Field> kPath{required("team_id", Schema::uuid()), required("user_id", Schema::uuid())};

Schema membership_schema() {
  return Schema::object("TeamMembership", {required("team_id", Schema::uuid()), required("user_id", Schema::uuid())});
}

void add_profiles(http::Router& router, Context& context) {
  const std::string group = "Team member profiles";
  const auto text = Schema::string().or_null();
  add(router, {.path = "/team-member-profiles",
               .group = group,
               .summary = "List how members appear in their teams, oldest membership first",
               .query = list_query({optional("team_id", Schema::uuid()), optional("user_id", Schema::uuid())}),
               .answer = list_schema(member_profile_schema()),
               .errors = {kTeamNotFound, kUserNotFound},
               .handle = [&context](const Request& request) -> asio::awaitable<Response> {
                 auto connection = co_await context.connect(request.deadline);
                 co_return list_response(co_await directory::list_member_profiles(
                                             *connection, tenancy_of(request), uuid_field(request.query, "team_id"),
                                             uuid_field(request.query, "user_id"), page_of(request.query), request.deadline),
                                         false);
               }});
  add(router, {.path = "/team-member-profiles/{team_id}/{user_id}",
               .group = group,
               .summary = "Read how a member appears in a team",
               .path_parameters = kPath,
               .answer = member_profile_schema(),
               .errors = {kMembershipNotFound, kUserNotFound},
               .handle = [&context](const Request& request) -> asio::awaitable<Response> {
                 auto connection = co_await context.connect(request.deadline);
                 co_return Response::of(to_json(co_await directory::read_member_profile(
                     *connection, tenancy_of(request), request.uuid("team_id"), request.uuid("user_id"), request.deadline)));
               }});
  add(router,
      {.method = Method::patch,
       .path = "/team-member-profiles/{team_id}/{user_id}",
       .group = group,
       .summary = "Change how a member appears in a team; null: as everywhere",
       .path_parameters = kPath,
       .body = Schema::object("TeamMemberProfileUpdate", {optional("display_name", text), optional("profile_image_url", text)}),
       .answer = member_profile_schema(),
       .errors = {kMembershipNotFound, kUserNotFound},
       .handle = [&context](const Request& request) -> asio::awaitable<Response> {
         const auto& body = request.body.as_object();
         auto connection = co_await context.connect(request.deadline);
         co_return Response::of(to_json(co_await directory::update_member_profile(
             *connection, tenancy_of(request), request.uuid("team_id"), request.uuid("user_id"),
             {.display_name = text_or_null_field(body, "display_name"),
              .profile_image_url = text_or_null_field(body, "profile_image_url")},
             request.deadline)));
       }});
}

}  // namespace

void add_memberships(http::Router& router, Context& context) {
  const std::string group = "Team memberships";
  add(router, {.method = Method::post,
               .path = "/team-memberships/{team_id}/{user_id}",
               .group = group,
               .summary = "Add a user to a team",
               .path_parameters = kPath,
               .status = 201,
               .answer = membership_schema(),
               .errors = {kUserNotFound, kTeamNotFound, kMembershipExists},
               .handle = [&context](const Request& request) -> asio::awaitable<Response> {
                 auto connection = co_await context.connect(request.deadline);
                 co_await directory::create_membership(*connection, tenancy_of(request), request.uuid("team_id"),
                                                       request.uuid("user_id"), request.deadline);
                 co_return Response::of(json::object{{"team_id", request.uuid("team_id").to_string()},
                                                     {"user_id", request.uuid("user_id").to_string()}});
               }});
  add(router, {.method = Method::delete_,
               .path = "/team-memberships/{team_id}/{user_id}",
               .group = group,
               .summary = "Remove a user from a team",
               .path_parameters = kPath,
               .answer = success_schema(),
               .errors = {kUserNotFound, kMembershipNotFound},
               .handle = [&context](const Request& request) -> asio::awaitable<Response> {
                 auto connection = co_await context.connect(request.deadline);
                 co_await directory::delete_membership(*connection, tenancy_of(request), request.uuid("team_id"),
                                                       request.uuid("user_id"), request.deadline);
                 co_return success();
               }});
  add_profiles(router, context);
}

}  // namespace tributary::api
