#include <csignal>
#include <sstream>

#include "fixture.hpp"
#include "support/http_client.hpp"

/// What a `tributary serve` writes where no terminal is.
namespace tributary::test {
namespace {

using testing::HasSubstr;
using testing::Not;

class CliLog : public Cli {
 protected:
  CliLog() {
    migrate();
    tenancy_ = create_project("acme");
  }
  /// The lines of a serve. Throws where one is no JSON object.
  static std::vector<boost::json::object> lines_of(const std::string& log) {
    std::vector<boost::json::object> lines;
    std::istringstream text(log);
    for (std::string line; std::getline(text, line);) lines.push_back(boost::json::parse(line).as_object());
    return lines;
  }
  static const boost::json::object& line(const std::vector<boost::json::object>& lines, std::string_view message) {
    for (const auto& each : lines)
      if (each.at("message").as_string() == message) return each;
    throw std::runtime_error("nobody said: " + std::string(message));
  }

  std::string tenancy_;
};

TEST_F(CliLog, EachLineIsAnObjectThatSaysWhoseRowsAndWhichItIsAbout) {
  Database warehouse("cli_warehouse");
  done({"destination", "add", "acme", "warehouse", "--url", warehouse.uri()});
  insert_teams(tenancy_, "acme", 1);
  Binary serve({"serve", "--roles", "sequencer,sync", "--threads", "1"}, environment());
  auto session = warehouse.session();
  serve.wait_until([&] {
    return session.value("SELECT to_regclass('public.teams') IS NOT NULL") == "t" &&
           session.number("SELECT count(*) FROM teams") == 1;
  });
  session.run("ALTER TABLE teams ADD CONSTRAINT short CHECK (length(display_name) < 9)");
  source_.session().run("UPDATE \"Team\" SET \"displayName\" = 'too long for that'");
  serve.wait_for("which is quarantined");
  session.run("ALTER TABLE teams RENAME COLUMN display_name TO other");
  insert_teams(tenancy_, "acme", 1);
  serve.wait_for("is parked");
  serve.signal(SIGTERM);
  serve.wait();

  const auto lines = lines_of(serve.err());
  for (const auto& each : lines) {
    for (const auto* name : {"time", "level", "component", "message"}) EXPECT_TRUE(each.contains(name)) << name;
  }
  const auto& refused = line(lines, "a destination refused a row, which is quarantined");
  const auto& parked = line(lines, "a destination failed and is parked");
  for (const auto* each : {&refused, &parked}) {
    EXPECT_EQ(each->at("tenancy").as_string(), tenancy_);
    EXPECT_EQ(each->at("destination"), "warehouse");
    EXPECT_EQ(each->at("mapping"), "teams");
    EXPECT_GE(each->at("after").as_int64(), 0);
  }
  EXPECT_GT(refused.at("through").as_int64(), refused.at("after").as_int64());
  EXPECT_EQ(parked.at("sqlstate"), "42703");
}

TEST_F(CliLog, NoSecretIsEverWritten) {
  const std::vector<std::string> secrets{"secret-of-destination", "secret-of-all-of-operators", "secret-of-the-cron",
                                         "secret-of-hashes",      "secret-of-clickhouse",       "secret-of-tenants",
                                         "secret-of-collector",   "secret-of-source",           "secret-of-patch"};
  const std::string key(64, 'a');
  // Its id is no secret: that one is found shows that the others would be.
  done(
      {"destination", "add", "acme", "shown", "--url", "postgresql://me:secret-of-destination@127.0.0.1:1/nothing", "--no-test"});
  const auto keys = json_of(done({"project", "create", "umbrella", "--json"})).at("keys");
  auto variables = environment();
  auto& source_url = variables["TRIBUTARY_SOURCE_URL"];
  source_url.insert(source_url.find('@'), ":secret-of-source");
  variables["TRIBUTARY_LOG_LEVEL"] = "debug";
  variables["TRIBUTARY_HTTP_OPERATOR_KEY"] = "secret-of-all-of-operators";
  variables["TRIBUTARY_HTTP_CRON_SECRET"] = "secret-of-the-cron";
  variables["TRIBUTARY_SECRETS_KEY"] = key;
  variables["TRIBUTARY_CLICKHOUSE_USE"] = "automatic";
  variables["TRIBUTARY_CLICKHOUSE_URL"] = "http://admin:secret-of-clickhouse@127.0.0.1:1";
  variables["TRIBUTARY_CLICKHOUSE_LIMITED_USER_PASSWORD"] = "secret-of-tenants";
  variables["TRIBUTARY_CLICKHOUSE_HASH_KEY"] = "secret-of-hashes";
  variables["TRIBUTARY_TELEMETRY_OTLP_ENDPOINT"] = "http://127.0.0.1:1";
  variables["TRIBUTARY_TELEMETRY_OTLP_HEADERS"] = "x-api-key=secret-of-collector";
  Binary serve({"serve", "--threads", "1"}, variables);
  const auto port = port_of(serve);
  insert_teams(tenancy_, "acme", 1);
  HttpClient(port).request("POST", "/api/v1/internal/projects", "{}", {{"authorization", "Bearer secret-of-all-of-operators"}});
  HttpClient(port).get("/api/v1/internal/external-db-sync/status?secret=none", {{"authorization", "Bearer secret-of-the-cron"}});
  const HttpClient::Fields admin{{"x-stack-project-id", "umbrella"},
                                 {"x-stack-access-type", "admin"},
                                 {"x-stack-super-secret-admin-key", std::string(keys.at(1).at("key").as_string())},
                                 {"Content-Type", "application/json"}};
  const auto patch = [&](const std::string& id, const std::string& address) {
    const boost::json::object override{{"dbSync.externalDatabases." + id, {{"type", "postgres"}, {"connectionString", address}}}};
    const boost::json::object body{{"config_override_string", boost::json::serialize(override)}};
    return HttpClient(port).request("PATCH", "/api/v1/internal/config/override", boost::json::serialize(body), admin);
  };
  const auto patched = patch("patched", "postgresql://me:secret-of-patch@127.0.0.1:1/nothing");
  EXPECT_EQ(patched.status, 200U) << patched.body;
  const auto refused = patch("refused", "postgresql://me:secret-of-patch@127.0.0.1:1/nothing?service=secret-of-patch");
  EXPECT_EQ(refused.status, 400U) << refused.body;
  const auto shown = HttpClient(port).get("/api/v1/internal/config", admin).body;
  EXPECT_THAT(shown, HasSubstr("patched"));
  serve.wait_for("\"destination\":\"shown\"");
  serve.wait_for("\"destination\":\"patched\"");
  serve.wait_for("the collector of traces fails");
  serve.wait_for("the shared ClickHouse failed");
  const auto metrics = HttpClient(port).get("/metrics").body;
  source_.session().run(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()");
  serve.wait_for("a listener lost its connection");  // to a server that it names
  serve.signal(SIGTERM);
  serve.wait();
  const auto status = tributary({"status", "--all", "--json"});
  for (const auto* text :
       {&serve.err(), &serve.out(), &metrics, &status.out, &status.err, &patched.body, &refused.body, &shown}) {
    for (const auto& secret : secrets) EXPECT_THAT(*text, Not(HasSubstr(secret)));
    EXPECT_THAT(*text, Not(HasSubstr(key)));
  }
  EXPECT_THAT(serve.err(), HasSubstr("shown"));
}

TEST_F(CliLog, ARequestIsALineThatTellsWhatBecameOfItAndNoKey) {
  const auto made = json_of(done({"project", "create", "umbrella", "--json"}));
  const auto key = [&](std::size_t kind) { return std::string(made.at("keys").at(kind).at("key").as_string()); };
  Binary serve({"serve", "--roles", "api", "--threads", "1"}, environment());
  HttpClient client(port_of(serve));
  const HttpClient::Fields fields{
      {"x-stack-project-id", "umbrella"},         {"x-stack-access-type", "server"}, {"x-stack-secret-server-key", key(0)},
      {"x-stack-super-secret-admin-key", key(1)}, {"x-request-id", "r-1"},           {"Content-Type", "application/json"}};
  const auto answer =
      client.request("POST", "/api/v1/users?token=secret-of-query", R"({"display_name": "secret-of-body"})", fields);
  EXPECT_EQ(answer.status, 400U);
  client.get("/livez");  // the line of the other one has been written by then
  serve.signal(SIGTERM);
  serve.wait();

  const auto lines = lines_of(serve.err());
  const auto& request = line(lines, "request");
  EXPECT_EQ(request.at("method"), "POST");
  EXPECT_EQ(request.at("path"), "/api/v1/users");
  EXPECT_EQ(request.at("status"), 400);
  EXPECT_EQ(request.at("request"), "r-1");
  EXPECT_EQ(request.at("project"), "umbrella");
  EXPECT_EQ(request.at("client"), "127.0.0.1");
  EXPECT_EQ(request.at("bytes").to_number<std::size_t>(), answer.body.size());
  EXPECT_GT(request.at("ms").to_number<double>(), 0);
  for (const auto& secret : {key(0), key(1), std::string("secret-of-query"), std::string("secret-of-body")})
    EXPECT_THAT(serve.err(), Not(HasSubstr(secret)));
}

}  // namespace
}  // namespace tributary::test
