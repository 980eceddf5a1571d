#include <algorithm>

#include "fixture.hpp"

// What clients see of the directory; what it does is tested in integration/directory.

namespace tributary::test {
namespace {

using ::testing::HasSubstr;

class ApiDirectory : public ApiTest {
 protected:
  const ApiProject acme_ = add_project("acme");
  ApiClient server_ = acme_.server();
};

TEST_F(ApiDirectory, AUserIsCreatedReadChangedListedAndDeleted) {
  const auto made = server_.post(
      "/users", {{"display_name", "Ada"}, {"primary_email", "ada@example.com"}, {"server_metadata", {{"a", {1, 2}}}}});
  EXPECT_EQ(made.status, 201U);
  const auto path = "/users/" + made.text("id");
  EXPECT_EQ(server_.get(path).body, made.body);
  const auto changed = server_.patch(path, {{"display_name", nullptr}, {"primary_email_verified", true}});
  EXPECT_TRUE(changed.body.at("display_name").is_null());
  EXPECT_TRUE(changed.body.at("primary_email_verified").as_bool());
  EXPECT_EQ(changed.body.at("server_metadata"), json::parse(R"({"a": [1, 2]})"));
  const auto list = server_.get("/users?limit=1&query=ADA&order_by=signed_up_at&desc=true");
  EXPECT_EQ(list.body.at("items").as_array().size(), 1U);
  EXPECT_TRUE(list.body.at("is_paginated").as_bool());
  EXPECT_TRUE(list.body.at("pagination").at("next_cursor").is_null());
  EXPECT_EQ(server_.remove(path).body, json::parse(R"({"success": true})"));
  expect_refusal(server_.get(path), 404, "USER_NOT_FOUND");
  expect_refusal(server_.remove(path), 404, "USER_NOT_FOUND");
}

TEST_F(ApiDirectory, PagesAreWalkedByTheirCursor) {
  for (int i = 0; i < 5; ++i) add_user(server_, {{"display_name", std::to_string(i)}});
  std::string seen;
  std::string cursor;
  do {
    const auto page = server_.get("/users?limit=2" + cursor);
    for (const auto& user : page.body.at("items").as_array()) seen += user.at("display_name").as_string();
    const auto& next = page.body.at("pagination").at("next_cursor");
    cursor = next.is_null() ? "" : "&cursor=" + std::string(next.as_string());
  } while (!cursor.empty());
  std::ranges::sort(seen);  // some may have signed up in the same millisecond
  EXPECT_EQ(seen, "01234");
  expect_refusal(server_.get("/users?cursor=nonsense"), 400, "SCHEMA_ERROR");
}

TEST_F(ApiDirectory, TeamsMembersAndTheirProfiles) {
  const auto user = add_user(server_, {{"display_name", "Ada"}});
  const auto team = add_team(server_, "Engines");
  const auto membership = "/team-memberships/" + team + "/" + user;
  const auto profile = "/team-member-profiles/" + team + "/" + user;
  EXPECT_EQ(server_.post(membership).status, 201U);
  const auto twice = server_.post(membership);
  expect_refusal(twice, 409, "TEAM_MEMBERSHIP_ALREADY_EXISTS");
  EXPECT_THAT(twice.text("error"), HasSubstr("user_id " + user + " is in team_id " + team));
  EXPECT_EQ(server_.patch(profile, {{"display_name", "Countess"}}).text("display_name"), "Countess");
  const auto list = server_.get("/team-member-profiles?team_id=" + team);
  EXPECT_EQ(list.body.at("items").at(0).at("user").at("display_name").as_string(), "Ada");
  EXPECT_FALSE(list.body.at("is_paginated").as_bool());
  EXPECT_EQ(server_.get("/teams?user_id=" + user).body.at("items").as_array().size(), 1U);
  EXPECT_EQ(server_.patch("/users/" + user, {{"selected_team_id", team}}).body.at("selected_team").at("id").as_string(), team);
  expect_ok(server_.remove(membership));
  expect_refusal(server_.get(profile), 404, "TEAM_MEMBERSHIP_NOT_FOUND");
  expect_ok(server_.remove("/teams/" + team));
  expect_refusal(server_.patch("/teams/" + team, {{"display_name", "x"}}), 404, "TEAM_NOT_FOUND");
}

TEST_F(ApiDirectory, ContactChannels) {
  const auto user = add_user(server_, {{"primary_email", "ada@example.com"}});
  const auto other = add_user(server_, {{"primary_email", "bob@example.com"}, {"primary_email_auth_enabled", true}});
  json::object fields{
      {"user_id", user}, {"type", "email"}, {"value", "second@example.com"}, {"used_for_auth", false}, {"is_primary", true}};
  const auto made = server_.post("/contact-channels", fields);
  EXPECT_EQ(made.status, 201U);
  EXPECT_EQ(server_.get("/users/" + user).text("primary_email"), "second@example.com");
  const auto path = "/contact-channels/" + user + "/" + made.text("id");
  expect_refusal(server_.patch(path, {{"value", "bob@example.com"}, {"used_for_auth", true}}), 409,
                 "CONTACT_CHANNEL_ALREADY_USED_FOR_AUTH_BY_SOMEONE_ELSE");
  EXPECT_EQ(server_.get("/contact-channels?user_id=" + user).body.at("items").as_array().size(), 2U);
  expect_ok(server_.remove(path));
  expect_refusal(server_.remove(path), 404, "CONTACT_CHANNEL_NOT_FOUND");
  expect_refusal(server_.patch("/users/" + user, {{"primary_email", "bob@example.com"}, {"primary_email_auth_enabled", true}}),
                 409, "USER_EMAIL_ALREADY_EXISTS");
}

TEST_F(ApiDirectory, BadInputIsToldByItsFieldAndNothingOfItIsDone) {
  const auto refused = [&](const ApiAnswer& answer, const std::string& field) {
    expect_refusal(answer, 400, "SCHEMA_ERROR");
    EXPECT_THAT(answer.text("error"), HasSubstr(field));
  };
  refused(server_.post("/users", {{"display_nam", "x"}}), "display_nam");
  refused(server_.post("/users", {{"display_name", 5}}), "display_name");
  refused(server_.post("/users", {{"primary_email", "nobody"}}), "primary_email");
  refused(server_.post("/users", {{"primary_email_auth_enabled", true}}), "primary_email_auth_enabled");
  refused(server_.get("/users/not-a-uuid"), "user_id");
  refused(server_.call("POST", "/users", "{not json"), "body");
  refused(server_.call("POST", "/users", R"({"client_metadata": )" + std::string(10'000, '[') + std::string(10'000, ']') + "}"),
          "body");
  refused(server_.call("POST", "/users", R"({"display_name": "a\u0000b"})"), "display_name");
  // The server closes after this one.
  refused(acme_.server().call("POST", "/users", R"({"display_name": ")" + std::string(1'100'000, 'x') + "\"}"), "body");
  refused(server_.call("POST", "/users", R"(["display_name"])"), "body");
  refused(server_.get("/users?limit=0"), "query.limit");
  refused(server_.get("/users?desc=2"), "query.desc");
  refused(server_.get("/users?team_id=5"), "query.team_id");
  refused(server_.post("/teams", json::object()), "body.display_name");
  refused(server_.post("/teams", {{"display_name", "x"}, {"creator_user_id", "me"}}), "body.creator_user_id");
  for (const auto* name : {"x-stack-branch-id", "x-hexclave-branch-id"}) {
    auto strange = acme_.server();
    strange.headers()[name] = "\xff";
    refused(strange.get("/users"), name);
  }
  EXPECT_TRUE(server_.get("/users").body.at("items").as_array().empty());
  EXPECT_TRUE(server_.get("/teams").body.at("items").as_array().empty());
}

TEST_F(ApiDirectory, AConflictIsToldByItsFieldAndNothingOfItsRequestIsDone) {
  const json::object ada{{"primary_email", "ada@example.com"}, {"primary_email_auth_enabled", true}};
  add_user(server_, ada);
  const auto bob = add_user(server_, {{"display_name", "Bob"}});
  const auto before = server_.get("/users/" + bob).body;
  auto change = ada;
  change["display_name"] = "Robert";
  const auto refused = [](const ApiAnswer& answer, unsigned status, const std::string& code, const std::string& field) {
    expect_refusal(answer, status, code);
    EXPECT_THAT(answer.text("error"), ::testing::StartsWith(field + ": "));
  };
  for (const auto& answer : {server_.post("/users", ada), server_.patch("/users/" + bob, change)}) {
    refused(answer, 409, "USER_EMAIL_ALREADY_EXISTS", "primary_email");
    EXPECT_EQ(answer.body.at("details").at("email"), "ada@example.com");
  }
  EXPECT_EQ(server_.get("/users/" + bob).body, before);
  EXPECT_EQ(server_.get("/contact-channels").body.at("items").as_array().size(), 1U);

  // It need not be the address that is new.
  const auto taken = "CONTACT_CHANNEL_ALREADY_USED_FOR_AUTH_BY_SOMEONE_ELSE";
  json::object channel{{"user_id", bob}, {"type", "email"}, {"value", "ada@example.com"}, {"used_for_auth", true}};
  refused(server_.post("/contact-channels", channel), 409, taken, "value");
  channel["used_for_auth"] = false;
  channel["is_primary"] = true;
  const auto path = "/contact-channels/" + bob + "/" + server_.post("/contact-channels", channel).text("id");
  const auto used = server_.patch(path, {{"used_for_auth", true}});
  refused(used, 409, taken, "used_for_auth");
  EXPECT_EQ(used.body.at("details").at("contact_channel_value"), "ada@example.com");
  const auto enabled = server_.patch("/users/" + bob, {{"primary_email_auth_enabled", true}});
  refused(enabled, 409, "USER_EMAIL_ALREADY_EXISTS", "primary_email_auth_enabled");
  EXPECT_EQ(enabled.body.at("details").at("email"), "ada@example.com");
  refused(server_.post("/contact-channels", channel), 400, "SCHEMA_ERROR", "value");
  EXPECT_EQ(server_.get("/contact-channels").body.at("items").as_array().size(), 2U);

  const auto nobody = Uuid::random().to_string();
  refused(server_.post("/teams", {{"display_name", "x"}, {"creator_user_id", nobody}}), 404, "USER_NOT_FOUND", "creator_user_id");
  refused(server_.patch("/users/" + bob, {{"selected_team_id", nobody}}), 404, "TEAM_MEMBERSHIP_NOT_FOUND", "selected_team_id");
  channel["user_id"] = nobody;
  refused(server_.post("/contact-channels", channel), 404, "USER_NOT_FOUND", "user_id");
  EXPECT_EQ(server_.get("/users").body.at("items").as_array().size(), 2U);
}

TEST_F(ApiDirectory, WhoDoesNotShowTheRightKeyIsToldWhatIsMissing) {
  const auto other = add_project("other");
  const auto with = [&](HttpClient::Fields headers) { return ApiClient(api_.port(), std::move(headers)).get("/users"); };
  const std::string id = "x-stack-project-id";
  const std::string type = "x-stack-access-type";
  const std::string key = "x-stack-secret-server-key";
  const std::string admin_key = "x-stack-super-secret-admin-key";
  expect_refusal(with({}), 400, "ACCESS_TYPE_REQUIRED");
  expect_refusal(with({{id, "acme"}, {type, "client"}}), 401, "INSUFFICIENT_ACCESS_TYPE");
  expect_refusal(with({{id, "acme"}, {type, "king"}}), 400, "INVALID_ACCESS_TYPE");
  expect_refusal(with({{type, "server"}}), 400, "ACCESS_TYPE_WITHOUT_PROJECT_ID");
  expect_refusal(with({{id, "nobody"}, {type, "server"}, {key, "x"}}), 404, "PROJECT_NOT_FOUND");
  expect_refusal(with({{id, "acme"}, {"x-stack-branch-id", "dev"}, {type, "server"}, {key, acme_.server_key}}), 404,
                 "PROJECT_NOT_FOUND");
  expect_refusal(with({{id, "acme"}, {type, "server"}}), 401, "INVALID_SECRET_SERVER_KEY");
  expect_refusal(with({{id, "acme"}, {type, "server"}, {key, other.server_key}}), 401, "INVALID_SECRET_SERVER_KEY");
  expect_refusal(with({{id, "acme"}, {type, "admin"}, {admin_key, acme_.server_key}}), 401, "INVALID_SUPER_SECRET_ADMIN_KEY");
  EXPECT_EQ(with({{id, "acme"}, {type, "server"}, {key, acme_.admin_key}}).status, 200U);
  const HttpClient::Fields newer{{"x-hexclave-project-id", "acme"},
                                 {"X-Hexclave-Access-Type", "server"},
                                 {"x-hexclave-secret-server-key", acme_.server_key}};
  EXPECT_EQ(with(newer).status, 200U) << "newer clients name their headers otherwise";
  expect_refusal(server_.get("/internal/config"), 401, "INSUFFICIENT_ACCESS_TYPE");
  expect_refusal(acme_.admin().post("/internal/projects", {{"id", "x"}}), 401, "EXPECTED_INTERNAL_PROJECT");
  expect_refusal(cron_.post("/internal/projects", {{"id", "x"}}), 401, "INVALID_BEARER_TOKEN");
  const auto internal = add_project("internal");
  EXPECT_EQ(internal.admin().post("/internal/projects", {{"id", "x"}}).status, 201U);
  const auto twice = internal.admin().post("/internal/projects", {{"id", "x"}});
  expect_refusal(twice, 409, "PROJECT_ALREADY_EXISTS");
  EXPECT_THAT(twice.text("error"), ::testing::StartsWith("id: "));
  EXPECT_EQ(internal.admin().get("/internal/external-db-sync/fusebox").status, 200U);
}

TEST_F(ApiDirectory, TheConfigurationIsMergedCheckedAndShownWithoutPasswords) {
  auto admin = acme_.admin();
  const auto update = [&](const std::string& text) {
    return admin.patch("/internal/config/override", {{"config_override_string", text}});
  };
  expect_ok(
      update(R"({"dbSync.externalDatabases": {"main": {"type": "postgres", "connectionString": "postgresql://u:s3cret@h/d"}}})"));
  const auto shown = admin.get("/internal/config").text("config_string");
  EXPECT_THAT(shown, HasSubstr("postgresql://u@h"));
  EXPECT_THAT(shown, ::testing::Not(HasSubstr("s3cret")));
  const auto refused = update(R"({"dbSync.externalDatabases.main.connectionString": "postgresql://u@h/d?sslmode"})");
  expect_refusal(refused, 400, "SCHEMA_ERROR");
  EXPECT_THAT(refused.text("error"), HasSubstr("dbSync.externalDatabases.main.connectionString"));
  expect_refusal(update("not json"), 400, "SCHEMA_ERROR");
  EXPECT_EQ(admin.get("/internal/config").text("config_string"), shown);
}

// Each change of a configuration looks each key up, and writes the whole, while nobody else is served.
TEST_F(ApiDirectory, AConfigurationIsBounded) {
  auto admin = acme_.admin();
  const auto update = [&](const boost::json::object& keys) {
    return admin.patch("/internal/config/override", {{"config_override_string", boost::json::serialize(keys)}});
  };
  boost::json::object many;
  for (int i = 0; i <= 1'000; ++i) many["key" + std::to_string(i)] = 1;
  const auto refused = update(many);
  expect_refusal(refused, 400, "SCHEMA_ERROR");
  EXPECT_THAT(refused.text("error"), HasSubstr("at most 1000 keys"));
  const std::string large(200UL << 10, 'x');
  expect_ok(update({{"first", large}}));
  const auto larger = update({{"second", large}});
  expect_refusal(larger, 400, "SCHEMA_ERROR");
  EXPECT_THAT(larger.text("error"), HasSubstr("may have 262144"));
  expect_ok(update({{"first", nullptr}, {"second", large}}));
  const boost::json::object endless{{"type", "postgres"}, {"connectionString", "postgresql://u@h/d"}, {"branch", large}};
  const auto branch = update({{"dbSync.externalDatabases.main", endless}});
  expect_refusal(branch, 400, "SCHEMA_ERROR");
  EXPECT_THAT(branch.text("error"), HasSubstr("dbSync.externalDatabases.main.branch"));
}

}  // namespace
}  // namespace tributary::test
