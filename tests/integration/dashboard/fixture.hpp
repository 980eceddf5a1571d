#pragma once
#include <fmt/format.h>

#include "../cli/fixture.hpp"
#include "support/http_client.hpp"

namespace tributary::test {

namespace json = boost::json;

/// What the dashboard answered.
struct Seen {
  unsigned status = 0;
  json::value body;
  HttpClient::Fields fields;

  std::string code() const { return std::string(body.at("code").as_string()); }
  const json::value& at(const char* pointer) const { return body.at_pointer(pointer); }
  std::string text(const char* pointer) const { return std::string(at(pointer).as_string()); }
  std::int64_t number(const char* pointer) const { return at(pointer).to_number<std::int64_t>(); }
};

/// Somebody's browser, as far as its requests go: it keeps the cookie, and sends what the page's own requests have.
class Viewer {
 public:
  explicit Viewer(std::uint16_t port) : port_(port), client_(port) {}

  Seen call(std::string_view method, const std::string& path, const std::optional<json::value>& body = {}) {
    auto answer = client_.request(method, "/dashboard/api" + path, body ? json::serialize(*body) : "", headers());
    Seen seen{.status = answer.status, .body = {}, .fields = std::move(answer.fields)};
    if (const auto set = seen.fields.find("set-cookie"); set != seen.fields.end())
      cookie = set->second.substr(0, set->second.find(';'));
    if (seen.fields["content-type"] == "application/json" && !answer.body.empty())
      seen.body = json::parse(answer.body);
    else
      seen.body = json::string(answer.body);
    return seen;
  }
  Seen get(const std::string& path) { return call("GET", path); }
  Seen post(const std::string& path, const json::value& body = json::object()) { return call("POST", path, body); }

  HttpClient::Fields headers() const {
    auto fields = extra;
    fields["Content-Type"] = "application/json";
    if (!fields.contains("x-tributary-dashboard")) fields["x-tributary-dashboard"] = "1";
    if (!cookie.empty()) fields["Cookie"] = cookie;
    return fields;
  }
  std::uint16_t port() const { return port_; }

  std::string cookie;
  HttpClient::Fields extra;

 private:
  std::uint16_t port_;
  HttpClient client_;
};

/// A project as its operator gets it.
struct Shown {
  std::string id;
  std::string tenancy;
  std::string admin_key;
};

/// A migrated source, and the binary that serves the dashboard over it.
class DashboardTest : public Cli {
 protected:
  static inline const std::string kOperatorKey = "the key of all the operators";

  void SetUp() override { migrate(); }
  Environment serving() const {
    auto variables = environment();
    variables["TRIBUTARY_HTTP_OPERATOR_KEY"] = kOperatorKey;
    variables["TRIBUTARY_SYNC_RETRY_FIRST"] = "200ms";
    variables["TRIBUTARY_SYNC_RETRY_LONGEST"] = "1s";
    return variables;
  }
  Shown add_project(const std::string& id) {
    const auto made = json_of(done({"project", "create", id, "--json"}));
    Shown project{.id = id, .tenancy = std::string(made.at("tenancy").as_string()), .admin_key = {}};
    for (const auto& key : made.at("keys").as_array()) {
      if (key.at("kind").as_string() == "admin") project.admin_key = key.at("key").as_string();
    }
    return project;
  }
  void add_destination(const std::string& project, const std::string& id, const std::string& url) {
    done({"destination", "add", project, id, "--url", url, "--no-test"});
  }
  static Seen sign_in(Viewer& viewer) { return viewer.post("/session", {{"operator_key", kOperatorKey}}); }
  static Seen sign_in(Viewer& viewer, const Shown& project) {
    return viewer.post("/session", {{"project_id", project.id}, {"admin_key", project.admin_key}});
  }
  static void expect_refusal(const Seen& seen, unsigned status, const std::string& code) {
    EXPECT_EQ(seen.status, status) << json::serialize(seen.body);
    ASSERT_TRUE(seen.body.is_object());
    EXPECT_EQ(seen.code(), code);
    EXPECT_FALSE(seen.body.at("error").as_string().empty());
  }
  long long count(const std::string& sql) { return source_.session().number(sql); }
  static std::string path_of(const Shown& project, const std::string& destination) {
    return "/destinations/" + project.tenancy + "/" + destination;
  }
};

}  // namespace tributary::test
