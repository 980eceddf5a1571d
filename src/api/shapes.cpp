#include "api/shapes.hpp"

namespace tributary::api {
namespace {

using http::optional;
using http::required;

constexpr std::size_t kMostDepth = 1'000;  // of what somebody else may have written into the source

std::int64_t millis(directory::Timestamp time) {
  return std::chrono::floor<std::chrono::milliseconds>(time).time_since_epoch().count();
}

json::value to_json(const std::optional<std::string>& text) { return text ? json::value(*text) : json::value(); }

json::value to_json(const std::optional<directory::Json>& value) {
  if (!value) return nullptr;
  json::parse_options options;
  options.max_depth = kMostDepth;
  boost::system::error_code error;
  auto parsed = json::parse(value->text, error, {}, options);
  return error ? json::value(value->text) : parsed;
}

Schema read_text() { return Schema::string().or_null(); }

}  // namespace

Schema team_schema() {
  return Schema::object("Team", {required("id", Schema::uuid()), required("display_name", Schema::string()),
                                 required("profile_image_url", read_text()), required("created_at_millis", Schema::integer()),
                                 required("client_metadata", Schema::any()), required("client_read_only_metadata", Schema::any()),
                                 required("server_metadata", Schema::any())});
}

Schema user_schema() {
  const auto flag = Schema::boolean();
  const auto risk = Schema::integer(0, 100);
  return Schema::object(
      "User",
      {required("id", Schema::uuid()),
       required("display_name", read_text()),
       required("profile_image_url", read_text()),
       required("primary_email", read_text()),
       required("primary_email_verified", flag),
       required("primary_email_auth_enabled", flag),
       required("client_metadata", Schema::any()),
       required("client_read_only_metadata", Schema::any()),
       required("server_metadata", Schema::any()),
       required("signed_up_at_millis", Schema::integer()),
       required("last_active_at_millis", Schema::integer()),
       required("is_anonymous", flag),
       required("is_restricted", flag),
       required("restricted_reason",
                Schema::object({required("type", Schema::one_of({"anonymous", "restricted_by_administrator"}))}).or_null()),
       required("restricted_by_admin", flag),
       required("restricted_by_admin_reason", read_text()),
       required("restricted_by_admin_private_details", read_text()),
       required("selected_team_id", Schema::uuid().or_null()),
       required("selected_team", team_schema().or_null()),
       required("has_password", flag),
       required("otp_auth_enabled", flag),
       required("passkey_auth_enabled", flag),
       required("auth_with_email", flag),
       required("requires_totp_mfa", flag),
       required("oauth_providers", Schema::array(Schema::any())),
       required("country_code", read_text()),
       required("risk_scores", Schema::object({required(
                                   "sign_up", Schema::object({required("bot", risk), required("free_trial_abuse", risk)}))}))});
}

Schema member_profile_schema() {
  return Schema::object("TeamMemberProfile", {required("team_id", Schema::uuid()), required("user_id", Schema::uuid()),
                                              required("display_name", read_text()), required("profile_image_url", read_text()),
                                              required("user", user_schema())});
}

Schema contact_channel_schema() {
  const auto flag = Schema::boolean();
  return Schema::object("ContactChannel",
                        {required("user_id", Schema::uuid()), required("id", Schema::uuid()),
                         required("type", Schema::one_of({"email"})), required("value", Schema::string()),
                         required("is_primary", flag), required("is_verified", flag), required("used_for_auth", flag)});
}

Schema project_schema() {
  return Schema::object("Project", {required("id", Schema::string()), required("display_name", Schema::string()),
                                    required("branch_id", Schema::string()), required("tenancy_id", Schema::uuid()),
                                    required("destinations", Schema::integer().described("Databases of its configuration")),
                                    required("created_at_millis", Schema::integer())});
}

Schema key_schema() {
  return Schema::object(
      "Key",
      {required("id", Schema::uuid()), required("kind", Schema::one_of({"server", "admin"})),
       required("ends_with", Schema::string().described("Its last characters")), required("created_at_millis", Schema::integer()),
       required("expires_at_millis", Schema::integer().or_null().described("In the past: it is not valid any more"))});
}

Schema success_schema() { return Schema::object("Success", {required("success", Schema::boolean())}); }

http::Response success() { return http::Response::of_json(R"({"success":true})"); }

json::object to_json(const directory::Team& team) {
  return {{"id", team.id.to_string()},
          {"display_name", team.display_name},
          {"profile_image_url", to_json(team.profile_image_url)},
          {"created_at_millis", millis(team.created_at)},
          {"client_metadata", to_json(team.client_metadata)},
          {"client_read_only_metadata", to_json(team.client_read_only_metadata)},
          {"server_metadata", to_json(team.server_metadata)}};
}

json::object to_json(const directory::User& user) {
  json::value reason;
  if (user.restricted_by_admin) reason = {{"type", "restricted_by_administrator"}};
  if (user.is_anonymous) reason = {{"type", "anonymous"}};
  json::object object{{"id", user.id.to_string()},
                      {"display_name", to_json(user.display_name)},
                      {"profile_image_url", to_json(user.profile_image_url)},
                      {"primary_email", to_json(user.primary_email)},
                      {"primary_email_verified", user.primary_email_verified},
                      {"primary_email_auth_enabled", user.primary_email_auth_enabled},
                      {"client_metadata", to_json(user.client_metadata)},
                      {"client_read_only_metadata", to_json(user.client_read_only_metadata)},
                      {"server_metadata", to_json(user.server_metadata)},
                      {"signed_up_at_millis", millis(user.signed_up_at)},
                      {"last_active_at_millis", millis(user.last_active_at)},
                      {"is_anonymous", user.is_anonymous},
                      {"is_restricted", user.is_anonymous || user.restricted_by_admin},
                      {"restricted_reason", std::move(reason)},
                      {"restricted_by_admin", user.restricted_by_admin},
                      {"restricted_by_admin_reason", to_json(user.restricted_by_admin_reason)},
                      {"restricted_by_admin_private_details", to_json(user.restricted_by_admin_private_details)}};
  const auto& selected = user.selected_team;
  object["selected_team_id"] = selected ? json::value(selected->id.to_string()) : json::value();
  object["selected_team"] = selected ? json::value(to_json(*selected)) : json::value();
  // Signing in is not this server's business.
  for (const auto* flag : {"has_password", "otp_auth_enabled", "passkey_auth_enabled", "auth_with_email", "requires_totp_mfa"})
    object[flag] = false;
  object["oauth_providers"] = json::array();
  object["country_code"] = nullptr;
  object["risk_scores"] = {
      {"sign_up", {{"bot", user.sign_up_risk_bot}, {"free_trial_abuse", user.sign_up_risk_free_trial_abuse}}}};
  return object;
}

json::object to_json(const directory::MemberProfile& profile) {
  return {{"team_id", profile.team.to_string()},
          {"user_id", profile.user.id.to_string()},
          {"display_name", to_json(profile.display_name)},
          {"profile_image_url", to_json(profile.profile_image_url)},
          {"user", to_json(profile.user)}};
}

json::object to_json(const directory::ContactChannel& channel) {
  return {{"user_id", channel.user.to_string()},
          {"id", channel.id.to_string()},
          {"type", channel.type},
          {"value", channel.value},
          {"is_primary", channel.is_primary},
          {"is_verified", channel.is_verified},
          {"used_for_auth", channel.used_for_auth}};
}

json::object to_json(const directory::Project& project) {
  return {{"id", project.tenancy.project},        {"display_name", project.display_name},
          {"branch_id", project.tenancy.branch},  {"tenancy_id", project.tenancy.id.to_string()},
          {"destinations", project.destinations}, {"created_at_millis", millis(project.created_at)}};
}

json::object to_json(const directory::Key& key) {
  return {{"id", key.id.to_string()},
          {"kind", directory::to_string(key.kind)},
          {"ends_with", key.hint},
          {"created_at_millis", millis(key.created_at)},
          {"expires_at_millis", key.expires_at ? json::value(millis(*key.expires_at)) : json::value()}};
}

std::optional<std::string> text_field(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value != nullptr ? std::optional(std::string(value->as_string())) : std::nullopt;
}

std::optional<bool> flag_field(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value != nullptr ? std::optional(value->as_bool()) : std::nullopt;
}

std::optional<Uuid> uuid_field(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? Uuid::parse(value->get_string()) : std::nullopt;
}

directory::Change<std::optional<std::string>> text_or_null_field(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  if (value == nullptr) return std::nullopt;
  return value->is_null() ? std::optional<std::string>() : std::optional(std::string(value->as_string()));
}

directory::Change<std::optional<directory::Json>> json_field(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  if (value == nullptr) return std::nullopt;
  return value->is_null() ? std::optional<directory::Json>() : std::optional(directory::Json{json::serialize(*value)});
}

std::vector<Field> list_query(std::vector<Field> more) {
  more.push_back(optional("cursor", Schema::string(1, 200).described("next_cursor of the page before")));
  more.push_back(optional("limit", Schema::integer(1).described("Items at most; never more than 1,000")));
  return more;
}

Schema list_schema(Schema item) {
  return Schema::object({required("items", Schema::array(std::move(item))), required("is_paginated", Schema::boolean()),
                         optional("pagination", Schema::object({required("next_cursor", read_text())}))});
}

directory::PageRequest page_of(const json::object& query) {
  directory::PageRequest page;
  if (const auto* limit = query.if_contains("limit")) page.limit = limit->to_number<std::int64_t>();
  const auto cursor = text_field(query, "cursor");
  if (!cursor) return page;
  page.after = directory::Cursor::parse(*cursor);
  if (!page.after) refuse_cursor();
  return page;
}

void refuse_cursor() {
  constexpr auto kMessage = "query.cursor must be the next_cursor of a page";
  throw http::Error(http::kSchemaError, kMessage, {{"message", kMessage}});
}

}  // namespace tributary::api
