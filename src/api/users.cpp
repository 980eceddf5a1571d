#include "api/api.hpp"
#include "api/errors.hpp"
#include "api/shapes.hpp"

namespace tributary::api {
namespace {

using http::Access;
using http::Method;
using http::optional;
using http::Request;
using http::required;
using http::Response;

const std::vector<Field> kPath{required("user_id", Schema::uuid())};

std::vector<Field> body_fields() {
  const auto text = Schema::string().or_null();
  const auto flag = Schema::boolean();
  return {optional("display_name", text),
          optional("profile_image_url", text),
          optional("primary_email", Schema::string(1, 320).or_null()),
          optional("primary_email_verified", flag),
          optional("primary_email_auth_enabled", flag),
          optional("client_metadata", Schema::any()),
          optional("client_read_only_metadata", Schema::any()),
          optional("server_metadata", Schema::any()),
          optional("is_anonymous", flag),
          optional("restricted_by_admin", flag),
          optional("restricted_by_admin_reason", text),
          optional("restricted_by_admin_private_details", text)};
}

directory::UserFields fields_of(const json::object& body) {
  directory::UserFields fields{
      .display_name = text_or_null_field(body, "display_name"),
      .profile_image_url = text_or_null_field(body, "profile_image_url"),
      .primary_email = text_or_null_field(body, "primary_email"),
      .primary_email_verified = flag_field(body, "primary_email_verified"),
      .primary_email_auth_enabled = flag_field(body, "primary_email_auth_enabled"),
      .client_metadata = json_field(body, "client_metadata"),
      .client_read_only_metadata = json_field(body, "client_read_only_metadata"),
      .server_metadata = json_field(body, "server_metadata"),
      .is_anonymous = flag_field(body, "is_anonymous"),
      .restricted_by_admin = flag_field(body, "restricted_by_admin"),
      .restricted_by_admin_reason = text_or_null_field(body, "restricted_by_admin_reason"),
      .restricted_by_admin_private_details = text_or_null_field(body, "restricted_by_admin_private_details")};
  if (body.contains("selected_team_id")) fields.selected_team = uuid_field(body, "selected_team_id");
  return fields;
}

directory::UserFilter filter_of(const json::object& query) {
  const auto flag = [&](std::string_view name) { return flag_field(query, name).value_or(false); };
  return {.team = uuid_field(query, "team_id"),
          .text = text_field(query, "query").value_or(""),
          .include_restricted = flag("include_restricted"),
          .include_anonymous = flag("include_anonymous"),
          .only_anonymous = flag("only_anonymous"),
          .descending = flag("desc")};
}

std::vector<Field> list_parameters() {
  const auto flag = Schema::boolean();
  return list_query(
      {optional("team_id", Schema::uuid().described("Members of this team")),
       optional("query", Schema::string(0, 200).described("In the display name or an e-mail address; or the whole id")),
       optional("order_by", Schema::one_of({"signed_up_at"})), optional("desc", flag), optional("include_restricted", flag),
       optional("include_anonymous", flag.described("And restricted ones")), optional("only_anonymous", flag)});
}

}  // namespace

void add_users(http::Router& router, Context& context) {
  const std::string group = "Users";
  add(router, {.method = Method::post,
               .path = "/users",
               .group = group,
               .summary = "Create a user",
               .body = Schema::object("UserCreate", body_fields()),
               .status = 201,
               .answer = user_schema(),
               .errors = {kUserEmailExists, kProjectNotFound},
               .handle = [&context](const Request& request) -> asio::awaitable<Response> {
                 auto connection = co_await context.connect(request.deadline);
                 co_return Response::of(to_json(co_await directory::create_user(
                     *connection, tenancy_of(request), fields_of(request.body.as_object()), request.deadline)));
               }});
  add(router, {.path = "/users",
               .group = group,
               .summary = "List users, in the order in which they signed up",
               .query = list_parameters(),
               .answer = list_schema(user_schema()),
               .handle = [&context](const Request& request) -> asio::awaitable<Response> {
                 auto connection = co_await context.connect(request.deadline);
                 co_return list_response(
                     co_await directory::list_users(*connection, tenancy_of(request), filter_of(request.query),
                                                    page_of(request.query), request.deadline),
                     true);
               }});
  add(router, {.path = "/users/{user_id}",
               .group = group,
               .summary = "Read a user",
               .path_parameters = kPath,
               .answer = user_schema(),
               .errors = {kUserNotFound},
               .handle = [&context](const Request& request) -> asio::awaitable<Response> {
                 auto connection = co_await context.connect(request.deadline);
                 co_return Response::of(to_json(
                     co_await directory::read_user(*connection, tenancy_of(request), request.uuid("user_id"), request.deadline)));
               }});
  add(router,
      {.method = Method::patch,
       .path = "/users/{user_id}",
       .group = group,
       .summary = "Change a user: fields that are not named stay as they are, null clears",
       .path_parameters = kPath,
       .body = Schema::object("UserCreate", body_fields())
                   .with("UserUpdate", {optional("selected_team_id", Schema::uuid().or_null())}),
       .answer = user_schema(),
       .errors = {kUserNotFound, kUserEmailExists, kMembershipNotFound},
       .handle = [&context](const Request& request) -> asio::awaitable<Response> {
         auto connection = co_await context.connect(request.deadline);
         co_return Response::of(to_json(co_await directory::update_user(*connection, tenancy_of(request), request.uuid("user_id"),
                                                                        fields_of(request.body.as_object()), request.deadline)));
       }});
  add(router, {.method = Method::delete_,
               .path = "/users/{user_id}",
               .group = group,
               .summary = "Delete a user, with contact channels and memberships",
               .path_parameters = kPath,
               .answer = success_schema(),
               .errors = {kUserNotFound},
               .handle = [&context](const Request& request) -> asio::awaitable<Response> {
                 auto connection = co_await context.connect(request.deadline);
                 co_await directory::delete_user(*connection, tenancy_of(request), request.uuid("user_id"), request.deadline);
                 co_return success();
               }});
}

}  // namespace tributary::api
