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

const std::vector<Field> kPath{required("user_id", Schema::uuid()), required("contact_channel_id", Schema::uuid())};

Schema type() { return Schema::one_of({"email"}); }
Schema value() { return Schema::string(1, 320); }

Schema create_schema() {
  const auto flag = Schema::boolean();
  return Schema::object("ContactChannelCreate",
                        {required("user_id", Schema::uuid()), required("type", type()), required("value", value()),
                         required("used_for_auth", flag), optional("is_primary", flag), optional("is_verified", flag)});
}

Schema update_schema() {
  const auto flag = Schema::boolean();
  return Schema::object("ContactChannelUpdate",
                        {optional("type", type()), optional("value", value()), optional("used_for_auth", flag),
                         optional("is_primary", flag), optional("is_verified", flag)});
}

directory::ContactChannelFields fields_of(const json::object& body) {
  return {.value = text_field(body, "value"),
          .is_primary = flag_field(body, "is_primary"),
          .is_verified = flag_field(body, "is_verified"),
          .used_for_auth = flag_field(body, "used_for_auth")};
}

}  // namespace

void add_contact_channels(http::Router& router, Context& context) {
  const std::string group = "Contact channels";
  add(router, {.method = Method::post,
               .path = "/contact-channels",
               .group = group,
               .summary = "Create a contact channel",
               .body = create_schema(),
               .status = 201,
               .answer = contact_channel_schema(),
               .errors = {kUserNotFound, kChannelUsedForAuth},
               .handle = [&context](const Request& request) -> asio::awaitable<Response> {
                 const auto& body = request.body.as_object();
                 auto connection = co_await context.connect(request.deadline);
                 co_return Response::of(to_json(co_await directory::create_contact_channel(
                     *connection, tenancy_of(request), uuid_field(body, "user_id").value(), fields_of(body), request.deadline)));
               }});
  add(router, {.path = "/contact-channels",
               .group = group,
               .summary = "List contact channels, oldest first",
               .query = list_query({optional("user_id", Schema::uuid())}),
               .answer = list_schema(contact_channel_schema()),
               .handle = [&context](const Request& request) -> asio::awaitable<Response> {
                 auto connection = co_await context.connect(request.deadline);
                 co_return list_response(co_await directory::list_contact_channels(*connection, tenancy_of(request),
                                                                                   uuid_field(request.query, "user_id"),
                                                                                   page_of(request.query), request.deadline),
                                         false);
               }});
  add(router,
      {.path = "/contact-channels/{user_id}/{contact_channel_id}",
       .group = group,
       .summary = "Read a contact channel",
       .path_parameters = kPath,
       .answer = contact_channel_schema(),
       .errors = {kChannelNotFound},
       .handle = [&context](const Request& request) -> asio::awaitable<Response> {
         auto connection = co_await context.connect(request.deadline);
         co_return Response::of(to_json(co_await directory::read_contact_channel(
             *connection, tenancy_of(request), request.uuid("user_id"), request.uuid("contact_channel_id"), request.deadline)));
       }});
  add(router, {.method = Method::patch,
               .path = "/contact-channels/{user_id}/{contact_channel_id}",
               .group = group,
               .summary = "Change a contact channel: fields that are not named stay as they are",
               .path_parameters = kPath,
               .body = update_schema(),
               .answer = contact_channel_schema(),
               .errors = {kChannelNotFound, kChannelUsedForAuth},
               .handle = [&context](const Request& request) -> asio::awaitable<Response> {
                 auto connection = co_await context.connect(request.deadline);
                 co_return Response::of(to_json(co_await directory::update_contact_channel(
                     *connection, tenancy_of(request), request.uuid("user_id"), request.uuid("contact_channel_id"),
                     fields_of(request.body.as_object()), request.deadline)));
               }});
  add(router, {.method = Method::delete_,
               .path = "/contact-channels/{user_id}/{contact_channel_id}",
               .group = group,
               .summary = "Delete a contact channel",
               .path_parameters = kPath,
               .answer = success_schema(),
               .errors = {kChannelNotFound},
               .handle = [&context](const Request& request) -> asio::awaitable<Response> {
                 auto connection = co_await context.connect(request.deadline);
                 co_await directory::delete_contact_channel(*connection, tenancy_of(request), request.uuid("user_id"),
                                                            request.uuid("contact_channel_id"), request.deadline);
                 co_return success();
               }});
}

}  // namespace tributary::api
