#include <cstdio>
#include <filesystem>

#include "base/uuid.hpp"
#include "fixture.hpp"
#include "support/clickhouse.hpp"
#include "support/http_client.hpp"
#include "support/otlp_receiver.hpp"

/// The REST API of a started `tributary serve`: what needs the whole program.
namespace tributary::test {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;
namespace json = boost::json;
using ::testing::HasSubstr;
using ::testing::Not;

class ServedApi : public Cli {
 protected:
  ServedApi() {
    migrate();
    made_ = json_of(done({"project", "create", id_, "--json"}));
  }
  std::string key(std::size_t kind) const { return std::string(made_.at("keys").at(kind).at("key").as_string()); }
  HttpClient::Fields admin() const {
    return {{"x-stack-project-id", id_}, {"x-stack-access-type", "admin"}, {"x-stack-super-secret-admin-key", key(1)}};
  }

  const std::string id_ = Uuid::random().to_string();  // the SDK takes no other ids
  json::value made_;
};

/// What a command says.
std::string output_of(const std::string& command) {
  const std::unique_ptr<FILE, int (*)(FILE*)> output(::popen((command + " 2>&1").c_str(), "r"), ::pclose);
  if (output == nullptr) throw std::runtime_error("cannot run " + command);
  std::string text;
  std::array<char, 4096> piece{};
  while (const auto size = std::fread(piece.data(), 1, piece.size(), output.get())) text.append(piece.data(), size);
  return text;
}

TEST_F(ServedApi, ThePublicSdkOfTheReferenceProductWorksOldAndNew) {
  Binary serve({"serve", "--roles", "api", "--threads", "1"}, environment());
  // The newer one's headers have other names.
  for (const auto* sdk : {"@stackframe/js", "stackframe-js-next"}) {
    const auto text = output_of(fmt::format("node {}/tests/javascript/stack_sdk.mjs http://127.0.0.1:{} {} {} {}",
                                            TRIBUTARY_SOURCE_DIR, port_of(serve), id_, key(0), sdk));
    EXPECT_THAT(text, HasSubstr("all is well")) << sdk << '\n' << text;
    // Nothing that it asks for is unknown here.
    EXPECT_THAT(text, Not(HasSubstr("SCHEMA_ERROR"))) << sdk;
  }
}

TEST_F(ServedApi, TheDocumentNamesEveryEndpoint) {
  Binary serve({"serve", "--roles", "api", "--threads", "1"}, environment());
  const auto document = json::parse(HttpClient(port_of(serve)).get("/api/v1/openapi.json").body);
  const auto& paths = document.at("paths").as_object();
  for (const auto* path : {"/users", "/users/{user_id}", "/teams/{team_id}", "/team-memberships/{team_id}/{user_id}",
                           "/team-member-profiles/{team_id}/{user_id}", "/contact-channels/{user_id}/{contact_channel_id}",
                           "/internal/config/override", "/internal/projects", "/internal/projects/{project_id}/keys/{key_id}",
                           "/internal/external-db-sync/status", "/internal/analytics/query"}) {
    const auto found =
        std::ranges::any_of(paths, [&](const auto& entry) { return std::string_view(entry.key()).ends_with(path); });
    EXPECT_TRUE(found) << path;
  }
}

TEST_F(ServedApi, AnalyticsAnswerFromTheProjectsOwnRowsAndSayWhatTheyTook) {
  if (!ClickHouse::is_installed()) GTEST_SKIP() << "libchdb is not installed (npm ci)";
  const auto folder = fs::temp_directory_path() / ("tributary-cli-api-" + Uuid::random().to_string());
  fs::create_directories(folder);
  fs::permissions(folder, fs::perms::owner_all | fs::perms::group_exec | fs::perms::others_exec);
  insert_teams(std::string(made_.at("tenancy").as_string()), id_, 3);
  insert_teams(create_project("other"), "other", 5);
  {
    auto variables = environment();
    variables["TRIBUTARY_CLICKHOUSE_USE"] = "automatic";
    variables["TRIBUTARY_CLICKHOUSE_FOLDER"] = folder.string();
    const OtlpReceiver collector;
    variables["TRIBUTARY_TELEMETRY_OTLP_ENDPOINT"] = collector.url();
    Binary serve({"serve", "--threads", "1"}, variables);
    HttpClient client(port_of(serve));
    const auto post = [&](const std::string& path, const json::value& body) {
      auto fields = admin();
      fields["Content-Type"] = "application/json";
      return client.request("POST", "/api/v1/internal/analytics/" + path, json::serialize(body), fields);
    };
    const json::object count{{"query",
                              "SELECT toUInt32(count()) AS n FROM teams WHERE display_name LIKE {like:String} "
                              "AND has({ids:Array(Array(UInt8))}, [2])"},
                             {"params", {{"like", "team %"}, {"ids", json::parse("[[1], [2]]")}}}};
    HttpClient::Answer answer;
    serve.wait_until(
        [&] {
          answer = post("query", count);
          return answer.status == 200 && json::parse(answer.body).at("result") == json::parse(R"([{"n": 3}])");
        },
        60s);
    const auto query_id = json::parse(answer.body).at("query_id");
    EXPECT_THAT(std::string(query_id.as_string()), testing::StartsWith(id_ + ":main:"));
    const auto timing = post("query/timing", {{"query_id", query_id}});
    EXPECT_EQ(timing.status, 200U) << timing.body;
    EXPECT_GE(json::parse(timing.body).at("stats").at("wall_clock_time").to_number<int>(), 0);
    EXPECT_EQ(post("query/timing", {{"query_id", "other:main:" + Uuid::random().to_string()}}).fields.at("x-stack-known-error"),
              "ITEM_NOT_FOUND");
    serve.wait_until([&] {
      const auto status = json::parse(client.get("/api/v1/internal/external-db-sync/status", admin()).body);
      const auto& shared = status.at("destinations").at(0);
      EXPECT_EQ(shared.at("id"), "@clickhouse");
      EXPECT_TRUE(shared.at("reached").as_bool()) << json::serialize(shared);
      return std::ranges::all_of(shared.at("mappings").as_array(), [](const auto& one) { return one.at("backlog") == 0; });
    });
    const auto wrong = post("query", {{"query", "SELECT nothing FROM"}});
    EXPECT_EQ(wrong.status, 400U);
    EXPECT_EQ(wrong.fields.at("x-stack-known-error"), "ANALYTICS_QUERY_ERROR");
    // Both are spans; the trace has not what was asked.
    const auto traced = [&](bool failed) {
      return std::ranges::any_of(collector.spans(), [&](const auto& span) {
        return span.name == "analytics.tenant-query" && span.attributes.at("stack.project-id") == id_ &&
               span.error.empty() != failed;
      });
    };
    serve.wait_until([&] { return traced(false) && traced(true); });
    for (const auto& span : collector.spans()) {
      for (const auto& [name, value] : span.attributes) EXPECT_THAT(value, Not(HasSubstr("SELECT"))) << name;
    }
  }
  std::error_code ignored;
  fs::remove_all(folder, ignored);
}

}  // namespace
}  // namespace tributary::test
