#include <algorithm>
#include <filesystem>

#include "base/uuid.hpp"
#include "fixture.hpp"
#include "support/clickhouse.hpp"
#include "support/http_client.hpp"

/// From a request to where the rows go, through the doors that customers use: the API of a started `tributary serve`, a database of their own, and SQL over
/// the shared ClickHouse. The whole matrix is in integration/api.
namespace tributary::test {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;
namespace json = boost::json;
using Names = std::vector<std::string>;

class ServedDirectory : public Cli {
 protected:
  ServedDirectory() {
    fs::create_directories(folder_);
    fs::permissions(folder_, fs::perms::owner_all | fs::perms::group_exec | fs::perms::others_exec);
    migrate();
    const auto made = json_of(done({"project", "create", "acme", "--json"}));
    credentials_ = {{"x-stack-project-id", "acme"},
                    {"x-stack-access-type", "admin"},
                    {"x-stack-super-secret-admin-key", std::string(made.at("keys").at(1).at("key").as_string())}};
  }
  ~ServedDirectory() override {
    serve_.reset();
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }

  void start() {
    auto variables = environment();
    variables["TRIBUTARY_CLICKHOUSE_USE"] = "automatic";
    variables["TRIBUTARY_CLICKHOUSE_FOLDER"] = folder_.string();
    variables["TRIBUTARY_HTTP_CRON_SECRET"] = kCronSecret;
    serve_.emplace(std::vector<std::string>{"serve", "--threads", "1"}, variables);
    client_.emplace(port_of(*serve_));
  }
  HttpClient::Answer request(const std::string& method, const std::string& path, const json::value& body,
                             HttpClient::Fields fields) {
    if (!body.is_null()) fields["Content-Type"] = "application/json";
    return client_->request(method, "/api/v1" + path, body.is_null() ? "" : json::serialize(body), fields);
  }
  /// One that must succeed.
  json::value call(const std::string& method, const std::string& path, const json::value& body = {}) {
    const auto answer = request(method, path, body, credentials_);
    EXPECT_LT(answer.status, 300U) << method << ' ' << path << ": " << answer.body;
    return json::parse(answer.body);
  }
  std::string create(const std::string& path, const json::value& body) {
    return std::string(call("POST", path, body).at("id").as_string());
  }
  void set_poller(bool on) {
    const auto answer = request("POST", "/internal/external-db-sync/fusebox", {{"poller_enabled", on}},
                                {{"Authorization", "Bearer " + kCronSecret}});
    EXPECT_EQ(answer.status, 200U) << answer.body;
  }
  json::value status() { return call("GET", "/internal/external-db-sync/status"); }

  Names in_postgres(const std::string& table, const std::string& column) {
    auto session = customer_.session();
    if (session.value("SELECT to_regclass('" + table + "')").empty()) return {"no table yet"};
    Names names;
    for (const auto& row : session.rows(fmt::format("SELECT {} FROM {} ORDER BY 1", column, table)))
      names.push_back(row.at(0).value_or("NULL"));
    return names;
  }
  Names in_clickhouse(const std::string& table, const std::string& column) {
    const auto answer = request("POST", "/internal/analytics/query",
                                {{"query", fmt::format("SELECT {} AS name FROM {} ORDER BY 1", column, table)}}, credentials_);
    if (answer.status == 503) return {"no ClickHouse yet"};
    EXPECT_EQ(answer.status, 200U) << answer.body;
    const auto body = json::parse(answer.body);
    Names names;
    for (const auto& row : body.at("result").as_array()) names.emplace_back(row.at("name").as_string());
    return names;
  }
  /// What a column has, in both places.
  void wait_for(const std::string& table, const std::string& column, Names expected) {
    std::ranges::sort(expected);
    serve_->wait_until([&] { return in_postgres(table, column) == expected && in_clickhouse(table, column) == expected; });
  }

  static inline const std::string kCronSecret = "secret of the cron job";
  const fs::path folder_ = fs::temp_directory_path() / ("tributary-cli-directory-" + Uuid::random().to_string());
  const Database customer_{"cli_customer"};
  HttpClient::Fields credentials_;
  std::optional<Binary> serve_;
  std::optional<HttpClient> client_;
};

TEST_F(ServedDirectory, WhatTheApiWritesIsSeenInPostgresAndClickHouse) {
  if (!ClickHouse::is_installed()) GTEST_SKIP() << "libchdb is not installed (npm ci)";
  start();
  const json::object databases{
      {"dbSync.externalDatabases", {{"main", {{"type", "postgres"}, {"connectionString", customer_.uri()}}}}}};
  call("PATCH", "/internal/config/override", {{"config_override_string", json::serialize(databases)}});

  const auto ada = create("/users", {{"display_name", "Ada 🚀"}, {"primary_email", "ada@example.com"}});
  const auto bob = create("/users", {{"display_name", "Bob"}, {"primary_email", "bob@example.com"}});
  const auto engines = create("/teams", {{"display_name", "Engines"}});
  const auto looms = create("/teams", {{"display_name", "Looms"}});
  for (const auto& [team, user] : {std::pair(engines, ada), std::pair(engines, bob), std::pair(looms, ada)}) {
    call("POST", "/team-memberships/" + team + '/' + user);
    call("PATCH", "/team-member-profiles/" + team + '/' + user, {{"display_name", team == engines ? "engineer" : "weaver"}});
  }
  const auto second = create("/contact-channels",
                             {{"user_id", ada}, {"type", "email"}, {"value", "second@example.com"}, {"used_for_auth", false}});
  wait_for("users", "display_name", {"Ada 🚀", "Bob"});
  wait_for("teams", "display_name", {"Engines", "Looms"});
  wait_for("team_member_profiles", "display_name", {"engineer", "engineer", "weaver"});
  wait_for("contact_channels", "value", {"ada@example.com", "bob@example.com", "second@example.com"});

  call("PATCH", "/users/" + ada, {{"display_name", "Countess"}});
  call("PATCH", "/teams/" + looms, {{"display_name", "Weavers"}});
  call("PATCH", "/team-member-profiles/" + looms + '/' + ada, {{"display_name", "Lady"}});
  call("PATCH", "/contact-channels/" + ada + '/' + second, {{"is_primary", true}});
  wait_for("users", "display_name", {"Bob", "Countess"});
  wait_for("users", "primary_email", {"bob@example.com", "second@example.com"});
  wait_for("teams", "display_name", {"Engines", "Weavers"});
  wait_for("team_member_profiles", "display_name", {"Lady", "engineer", "engineer"});

  call("DELETE", "/contact-channels/" + ada + '/' + second);
  call("DELETE", "/team-memberships/" + engines + '/' + bob);
  wait_for("contact_channels", "value", {"ada@example.com", "bob@example.com"});
  wait_for("team_member_profiles", "display_name", {"Lady", "engineer"});

  call("DELETE", "/teams/" + looms);
  wait_for("teams", "display_name", {"Engines"});
  wait_for("team_member_profiles", "display_name", {"engineer"});
  call("DELETE", "/users/" + ada);
  wait_for("users", "display_name", {"Bob"});
  wait_for("team_member_profiles", "display_name", {});
  wait_for("contact_channels", "value", {"bob@example.com"});

  set_poller(false);
  serve_->wait_until([&] { return status().at("queue").at("in_flight") == 0; });
  call("PATCH", "/users/" + bob, {{"display_name", "Robert"}});
  serve_->wait_until([&] { return status().at("queue").at("pending") != 0; });
  EXPECT_EQ(in_postgres("users", "display_name"), Names{"Bob"});
  EXPECT_EQ(in_clickhouse("users", "display_name"), Names{"Bob"});
  set_poller(true);
  wait_for("users", "display_name", {"Robert"});
}

}  // namespace
}  // namespace tributary::test
