#pragma once
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server.hpp"
#include "support/clickhouse_compare.hpp"
#include "support/compare.hpp"
#include "support/service.hpp"

namespace tributary::test {

/// A project as its operator gets it, and those who speak for it.
struct ApiProject {
  std::string id;
  std::string tenancy;
  std::string server_key;
  std::string admin_key;
  std::uint16_t port;

  ApiClient server() const {
    return {port, {{"x-stack-project-id", id}, {"x-stack-access-type", "server"}, {"x-stack-secret-server-key", server_key}}};
  }
  ApiClient admin() const {
    return {port, {{"x-stack-project-id", id}, {"x-stack-access-type", "admin"}, {"x-stack-super-secret-admin-key", admin_key}}};
  }
};

/// A started server over a source of its own.
class ApiTest : public ::testing::Test {
 protected:
  explicit ApiTest(ApiServer::Params params = {.secrets = Secrets(Secrets::generate_key())}) : api_(source_, std::move(params)) {}

  ApiProject add_project(const std::string& id) {
    const auto made = operator_.post("/internal/projects", {{"id", id}});
    EXPECT_EQ(made.status, 201U) << json::serialize(made.body);
    return {.id = id,
            .tenancy = made.text("tenancy_id"),
            .server_key = made.text("secret_server_key"),
            .admin_key = made.text("super_secret_admin_key"),
            .port = api_.port()};
  }
  /// Sets all of the project's databases, by id.
  static void set_databases(const ApiProject& project, const std::map<std::string, std::string>& urls) {
    json::object databases;
    for (const auto& [id, url] : urls) databases[id] = {{"type", "postgres"}, {"connectionString", url}};
    const json::object keys{{"dbSync.externalDatabases", std::move(databases)}};
    const auto answer = project.admin().patch("/internal/config/override", {{"config_override_string", json::serialize(keys)}});
    EXPECT_EQ(answer.status, 200U) << json::serialize(answer.body);
  }
  static std::string add_user(ApiClient& client, const json::object& fields) {
    const auto made = client.post("/users", fields);
    EXPECT_EQ(made.status, 201U) << json::serialize(made.body);
    return made.text("id");
  }
  static std::string add_team(ApiClient& client, const std::string& name) {
    const auto made = client.post("/teams", {{"display_name", name}});
    EXPECT_EQ(made.status, 201U) << json::serialize(made.body);
    return made.text("id");
  }
  static void expect_ok(const ApiAnswer& answer) { EXPECT_LT(answer.status, 300U) << json::serialize(answer.body); }
  static void expect_refusal(const ApiAnswer& answer, unsigned status, const std::string& code) {
    EXPECT_EQ(answer.status, status) << json::serialize(answer.body);
    EXPECT_EQ(answer.code(), code) << json::serialize(answer.body);
    EXPECT_EQ(answer.text("code"), code);
  }

  const SourceDatabase source_;
  Session session_ = source_.session();
  ApiServer api_;
  ApiClient operator_{api_.port(), {{"Authorization", "Bearer operator's key"}}};
  ApiClient cron_{api_.port(), {{"Authorization", "Bearer cron's secret"}}};
};

}  // namespace tributary::test
