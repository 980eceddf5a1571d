#include <boost/algorithm/string/case_conv.hpp>
#include <cstdio>
#include <cstdlib>
#include <random>

#include "clickhouse/embedded/supervisor.hpp"
#include "fixture.hpp"
#include "integration/clickhouse_host/tenants.hpp"
#include "support/api_fuzzer.hpp"

namespace tributary::test {
namespace {

using clickhouse::embedded::test::TenantHost;

/// What is legal and does something, beside what chance makes of the schemas.
json::array texts(std::initializer_list<std::string_view> list) {
  json::array array;
  for (const auto text : list) array.emplace_back(text);
  return array;
}

class ApiFuzz : public ApiTest {
 protected:
  ApiFuzz() : ApiFuzz(ClickHouse::is_installed() ? std::make_unique<TenantHost>([](const auto&) {}) : nullptr) {}

  /// A database that can be synced to, others that cannot, and what is no configuration.
  json::array overrides() const {
    const auto database = [](const std::string& id, const std::string& url) {
      return json::serialize(json::object{{"dbSync.externalDatabases." + id, {{"type", "postgres"}, {"connectionString", url}}}});
    };
    auto overrides =
        texts({R"({"dbSync.externalDatabases": null})", R"({"dbSync.externalDatabases": {}})",
               R"({"dbSync.externalDatabases.down": null})", R"({"dbSync": 5})", R"({"auth.x": {"y": [1, null, "z"]}})",
               R"({"auth.x.y": null})", R"({"a\u0000b": 1})", R"({"": {"": ""}})", "[]", "{", "null"});
    overrides.emplace_back(database("main", customer_.uri()));
    overrides.emplace_back(database("down", "postgresql://nobody:x@127.0.0.1:1/nothing"));
    overrides.emplace_back(database("refused", "postgresql://u@10.0.0.1/d?sslmode=maybe"));
    return overrides;
  }
  /// Projects that may be deleted: of the one that calls nothing but its configuration may change.
  static json::array spare_projects() { return texts({"spare", "spare 🎉", "spare/2"}); }

  FuzzParams fuzz_params(const ApiProject& project, const ApiProject& other, std::uint64_t seed) const {
    const std::string admin_key = "x-stack-super-secret-admin-key";
    return {
        .port = api_.port(),
        .document = json::parse(HttpClient(api_.port()).get("/api/v1/openapi.json").body).as_object(),
        .credentials = {{"x-stack-project-id", project.id},
                        {"x-stack-access-type", "admin"},
                        {"x-stack-secret-server-key", project.server_key},
                        {admin_key, project.admin_key}},
        .wrong_credentials = {{{admin_key, other.admin_key}},
                              {{admin_key, project.server_key}},
                              {{admin_key, project.admin_key.substr(1)}},
                              {{admin_key, project.admin_key + "\xff"}},
                              {{admin_key, ""}},
                              {{"x-stack-access-type", "client"}},
                              {{"x-stack-access-type", "\xF0\x9F\x8E\x89"}},
                              {{"x-stack-access-type", ""}},
                              {{"x-stack-project-id", "nobody"}},
                              {{"x-stack-project-id", ""}},
                              {{"x-stack-branch-id", "nowhere"}}},
        .seed = seed,
        .leave_out = [with_clickhouse = engine_ != nullptr](
                         std::string_view,
                         std::string_view path) { return !with_clickhouse && path.find("/analytics/") != path.npos; },
        .seldom =
            [](std::string_view method, std::string_view path) {
              return method == "GET" ? path.ends_with("/sequencer") || path.ends_with("/poller") || path.ends_with("/status")
                                     : path.ends_with("/sync-engine") || path.find("/analytics/") != path.npos;
            },
        .parameters = {{"maxDurationMs", {0, 1, 5}}, {"project_id", spare_projects()}},
        .fields = {{"config_override_string", overrides()},
                   {"id", spare_projects()},
                   {"tenancyId", {project.tenancy}},
                   {"query", texts({"SELECT 1 AS n, nan AS x, [1, 2] AS l, 'a\"b' AS t", "SELECT display_name FROM users",
                                    "SELECT {a:String} AS a", "SELECT toUInt8('x')", "SELECT * FROM system.tables", "SELEC"})},
                   {"params", {json::object{{"a", "b"}}, json::object{{"a", {"'", nullptr}}}}}}};
  }

  /// Always the same, or chance would decide whether each operation succeeds once; unless another one is asked for (0: any).
  static std::uint64_t seed() {
    const char* given = std::getenv("TRIBUTARY_FUZZ_SEED");
    auto seed = given != nullptr ? std::strtoull(given, nullptr, 10) : FuzzParams{}.seed;
    if (seed == 0) seed = std::random_device{}();
    std::printf("TRIBUTARY_FUZZ_SEED=%llu\n", static_cast<unsigned long long>(seed));
    return seed;
  }

  /// Those that are called.
  static std::vector<std::string> operations(const FuzzParams& params) {
    std::vector<std::string> names;
    for (const auto& [path, methods] : params.document.at("paths").as_object()) {
      for (const auto& [method, description] : methods.as_object()) {
        const auto name = boost::algorithm::to_upper_copy(std::string(method));
        if (!params.leave_out(name, path)) names.push_back(name + ' ' + std::string(path));
      }
    }
    return names;
  }

  static inline const Secrets secrets_{Secrets::generate_key()};
  const std::unique_ptr<TenantHost> engine_;
  const Database customer_{"customer"};

 private:
  explicit ApiFuzz(std::unique_ptr<TenantHost> engine)
      : ApiTest(
            {.secrets = secrets_,
             .clickhouse = engine ? std::optional(clickhouse::embedded::limited_user_of(engine->host().ready())) : std::nullopt,
             .administrator =
                 engine ? std::optional(clickhouse::embedded::administrator_of(engine->host().ready())) : std::nullopt}),
        engine_(std::move(engine)) {}
};

TEST_F(ApiFuzz, TenThousandRequestsFindNoFailureAndNoAnswerOutsideOfTheSchema) {
  const auto internal = add_project("internal");
  const auto params = fuzz_params(internal, add_project("other"), seed());
  SCOPED_TRACE(fmt::format("TRIBUTARY_FUZZ_SEED={} sends the same again", params.seed));
  const auto report = fuzz_api(params);
  for (const auto& failure : report.failures) ADD_FAILURE() << failure;
  for (const auto& operation : operations(params)) EXPECT_TRUE(report.successes.contains(operation)) << operation;

  // Whatever was switched off and configured meanwhile: it goes on from there.
  ApiClient cron(api_.port(), cron_.headers());  // the other one's connection may have been idle for too long
  expect_ok(cron.post("/internal/external-db-sync/fusebox", {{"sequencer_enabled", true}, {"poller_enabled", true}}));
  set_databases(internal, {{"main", customer_.uri()}});
  Service::Params service;
  service.sync.secrets = secrets_;
  const Service running(source_, service);
  auto customer = customer_.session();
  wait_until_equal(session_, internal.tenancy, customer);
}

}  // namespace
}  // namespace tributary::test
