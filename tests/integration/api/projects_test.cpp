#include "fixture.hpp"

// What the operator of an installation may do with projects and their keys. What it does is tested in integration/directory.

namespace tributary::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class ApiProjects : public ApiTest {
 protected:
  static std::vector<std::string> column(const json::value& list, std::string_view name) {
    std::vector<std::string> texts;
    for (const auto& item : list.at("items").as_array()) texts.emplace_back(item.at(name).as_string());
    return texts;
  }
  static ApiClient server(const ApiProject& project, const std::string& key) {
    auto client = project.server();
    client.headers()["x-stack-secret-server-key"] = key;
    return client;
  }
};

TEST_F(ApiProjects, AreListedAndDeletedBranchByBranch) {
  const auto acme = add_project("acme");
  expect_ok(operator_.post("/internal/projects", {{"id", "acme"}, {"branch_id", "dev"}}));
  const auto odd = add_project("a/b & 🎉");
  set_databases(acme, {{"one", "postgresql://u@127.0.0.1:1/d"}, {"two", "postgresql://u@127.0.0.1:1/d"}});
  const auto page = operator_.get("/internal/projects?limit=2").body;
  auto listed = column(page, "tenancy_id");
  EXPECT_EQ(listed.size(), 2U);
  const auto next = std::string(page.at("pagination").at("next_cursor").as_string());
  const auto rest = operator_.get("/internal/projects?limit=2&cursor=" + next).body;
  EXPECT_TRUE(rest.at("pagination").at("next_cursor").is_null());
  std::ranges::copy(column(rest, "tenancy_id"), std::back_inserter(listed));
  const auto dev = session_.value(R"(SELECT id FROM "Tenancy" WHERE "branchId" = 'dev')");
  EXPECT_THAT(listed, ::testing::UnorderedElementsAre(acme.tenancy, dev, odd.tenancy));
  const auto of_acme = operator_.get("/internal/projects?project_id=acme").body;
  EXPECT_THAT(column(of_acme, "branch_id"), ::testing::UnorderedElementsAre("main", "dev"));
  for (const auto& item : of_acme.at("items").as_array())
    EXPECT_EQ(item.at("destinations").as_int64(), item.at("branch_id") == "main" ? 2 : 0);

  auto client = acme.server();
  add_user(client, {{"display_name", "Ada"}});
  expect_ok(operator_.remove("/internal/projects/acme?branch_id=dev"));
  expect_refusal(operator_.remove("/internal/projects/acme?branch_id=dev"), 404, "PROJECT_NOT_FOUND");
  EXPECT_EQ(client.get("/users").status, 200U) << "the other branch is there";
  expect_ok(operator_.remove("/internal/projects/acme"));
  EXPECT_EQ(session_.number(R"(SELECT count(*) FROM "DeletedRow")"), 1);
  expect_refusal(operator_.remove("/internal/projects/acme"), 404, "PROJECT_NOT_FOUND");
  expect_ok(operator_.remove("/internal/projects/a%2Fb%20%26%20%F0%9F%8E%89"));
  expect_refusal(odd.server().get("/users"), 404, "PROJECT_NOT_FOUND");
  EXPECT_THAT(column(operator_.get("/internal/projects").body, "id"), ElementsAre());
}

TEST_F(ApiProjects, KeysAreListedRotatedAndRevoked) {
  const auto acme = add_project("acme");
  add_project("other");
  const std::string path = "/internal/projects/acme/keys";
  const auto list = operator_.get(path).body;
  EXPECT_THAT(column(list, "kind"), ::testing::UnorderedElementsAre("server", "admin"));
  EXPECT_THAT(column(list, "ends_with"), ::testing::Contains(acme.server_key.substr(acme.server_key.size() - 4)));
  EXPECT_THAT(json::serialize(list), Not(HasSubstr(acme.server_key.substr(0, 20))));

  const auto expiry = [&](std::size_t key) { return operator_.get(path).body.at("items").at(key).at("expires_at_millis"); };
  const auto first = list.at("items").at(0).at("kind") == "server" ? 0 : 1;
  const auto second = operator_.post(path, {{"kind", "server"}});
  EXPECT_EQ(second.status, 201U);
  EXPECT_FALSE(second.body.as_object().contains("super_secret_admin_key"));
  EXPECT_NEAR(expiry(first).to_number<double>() - list.at("items").at(0).at("created_at_millis").to_number<double>(), 86'400'000,
              60'000)
      << "the older one ends in a day";
  EXPECT_TRUE(expiry(1 - first).is_null()) << "those of administrators are others";
  const auto third = operator_.post(path, {{"kind", "server"}, {"overlap_ms", 0}});
  const auto fourth = operator_.post(path, {{"kind", "server"}, {"overlap_ms", nullptr}});
  expect_ok(operator_.remove(path + '/' + fourth.text("id")));

  for (const auto& key : {acme.server_key, second.text("secret_server_key"), fourth.text("secret_server_key")})
    expect_refusal(server(acme, key).get("/users"), 401, "INVALID_SECRET_SERVER_KEY");
  EXPECT_EQ(server(acme, third.text("secret_server_key")).get("/users").status, 200U);
  EXPECT_EQ(acme.admin().get("/internal/config").status, 200U);
  expect_refusal(operator_.remove("/internal/projects/other/keys/" + third.text("id")), 404, "ITEM_NOT_FOUND");
  expect_refusal(operator_.get("/internal/projects/nobody/keys"), 404, "PROJECT_NOT_FOUND");
  expect_refusal(operator_.post("/internal/projects/nobody/keys", {{"kind", "admin"}}), 404, "PROJECT_NOT_FOUND");
  for (const auto& body :
       {json::object{}, json::object{{"kind", "client"}}, json::object{{"kind", "server"}, {"overlap_ms", -1}}})
    expect_refusal(operator_.post(path, body), 400, "SCHEMA_ERROR");
}

TEST_F(ApiProjects, AreTheOperatorsBusinessOnly) {
  const auto acme = add_project("acme");
  const auto key = std::string(operator_.get("/internal/projects/acme/keys").body.at("items").at(0).at("id").as_string());
  const auto refused = [&](ApiClient client, const std::string& code) {
    for (const auto* method : {"GET", "POST"}) expect_refusal(client.call(method, "/internal/projects"), 401, code);
    for (const auto* method : {"GET", "POST"}) expect_refusal(client.call(method, "/internal/projects/acme/keys"), 401, code);
    expect_refusal(client.remove("/internal/projects/acme/keys/" + key), 401, code);
    expect_refusal(client.remove("/internal/projects/acme"), 401, code);
  };
  refused(acme.server(), "INSUFFICIENT_ACCESS_TYPE");
  refused(acme.admin(), "EXPECTED_INTERNAL_PROJECT");
  refused(ApiClient(api_.port(), {{"Authorization", "Bearer cron's secret"}}), "INVALID_BEARER_TOKEN");
  EXPECT_EQ(acme.server().get("/users").status, 200U);
  EXPECT_EQ(add_project("internal").admin().get("/internal/projects/acme/keys").status, 200U);
}

}  // namespace
}  // namespace tributary::test
