#include <filesystem>

#include "base/uuid.hpp"
#include "clickhouse/embedded/host_file.hpp"
#include "clickhouse/embedded/supervisor.hpp"
#include "fixture.hpp"
#include "support/clickhouse.hpp"
#include "support/otlp_receiver.hpp"

/// Questions to the shared ClickHouse from the dashboard.
namespace tributary::test {
namespace {

namespace fs = std::filesystem;
namespace embedded = clickhouse::embedded;
using testing::HasSubstr;
using testing::Not;

class DashboardAnalytics : public DashboardTest {
 protected:
  DashboardAnalytics() {
    fs::create_directories(folder_);
    fs::permissions(folder_, fs::perms::owner_all | fs::perms::group_exec | fs::perms::others_exec);
  }
  ~DashboardAnalytics() override {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  /// Sends a query, and reads nothing.
  static HttpClient begin(const Viewer& viewer, const json::object& query) {
    std::string fields;
    for (const auto& [name, value] : viewer.headers()) fields += name + ": " + value + "\r\n";
    const auto body = json::serialize(query);
    HttpClient client(viewer.port());
    client.send(fmt::format("POST /dashboard/api/query HTTP/1.1\r\nHost: localhost\r\n{}Content-Length: {}\r\n\r\n{}", fields,
                            body.size(), body));
    return client;
  }
  /// Queries in the engine whose text is like this.
  int running(const std::string& pattern) const {
    const auto engine = embedded::administrator_of(embedded::read_host_file(folder_).value());
    const auto counted = clickhouse_strings(
        engine, "SELECT toString(count()) FROM system.processes WHERE query LIKE '" + pattern + "' AND query NOT LIKE '%LIKE%'");
    return std::stoi(counted.at(0));
  }

  const fs::path folder_ = fs::temp_directory_path() / ("tributary-dashboard-" + Uuid::random().to_string());
};

TEST_F(DashboardAnalytics, AnswerFromTheProjectsOwnRowsForAGridAndAsCsv) {
  if (!ClickHouse::is_installed()) GTEST_SKIP() << "libchdb is not installed (npm ci)";
  const auto acme = add_project("acme");
  const auto globex = add_project("globex");
  insert_teams(acme.tenancy, "acme", 3);
  insert_teams(globex.tenancy, "globex", 5);
  auto variables = serving();
  variables["TRIBUTARY_CLICKHOUSE_USE"] = "automatic";
  variables["TRIBUTARY_CLICKHOUSE_FOLDER"] = folder_.string();
  variables["TRIBUTARY_HTTP_MAX_QUERIES_OF_PROJECT"] = "1";
  OtlpReceiver collector;
  variables["TRIBUTARY_TELEMETRY_OTLP_ENDPOINT"] = collector.url();
  Binary serve({"serve", "--threads", "1"}, variables);
  Viewer viewer(port_of(serve));
  sign_in(viewer, acme);
  const auto ask = [&](const std::string& query, const std::string& format = "json") {
    return viewer.post("/query", {{"query", query}, {"format", format}});
  };
  Seen seen;
  serve.wait_until(
      [&] {
        seen = ask("SELECT count() AS n, 'x' AS s FROM teams");
        return seen.status == 200 && seen.at("/rows/0/0") == 3;
      },
      std::chrono::seconds(60));
  EXPECT_EQ(seen.at("/columns/0/name"), "n");
  EXPECT_EQ(seen.at("/columns/0/type"), "UInt64");
  EXPECT_EQ(seen.at("/columns/1/type"), "String");
  EXPECT_EQ(seen.at("/rows/0/1"), "x");
  EXPECT_THAT(std::string(seen.at("/query_id").as_string()), HasSubstr("acme:main:"));
  EXPECT_TRUE(ask("SELECT 1 WHERE 0").at("/rows").as_array().empty());

  seen = ask("SELECT display_name AS team, 1 AS one FROM teams ORDER BY team", "csv");
  EXPECT_EQ(seen.body.as_string(), "\"team\",\"one\"\n\"team 1\",1\n\"team 2\",1\n\"team 3\",1\n");
  EXPECT_THAT(seen.fields.at("content-disposition"), HasSubstr("attachment"));
  expect_refusal(ask("SELECT nothing FROM teams", "csv"), 400, "ANALYTICS_QUERY_ERROR");
  expect_refusal(ask("SELECT 1 FORMAT CSV"), 400, "ANALYTICS_QUERY_ERROR");
  expect_refusal(ask("DROP TABLE teams"), 400, "ANALYTICS_QUERY_ERROR");
  const auto traced = [&](const auto& is_it) {
    return std::ranges::any_of(collector.spans(), [&](const auto& span) {
      return span.name == "analytics.tenant-query" && span.attributes.at("stack.project-id") == "acme" && is_it(span);
    });
  };
  serve.wait_until([&] {
    return traced([](const auto& span) { return !span.error.empty(); }) &&
           traced([](const auto& span) { return span.attributes.contains("stack.analytics.bytes"); });
  });

  // A download counts until its end, which is far: nobody reads it.
  {
    auto download =
        begin(viewer, {{"query", "SELECT repeat('x', 10000) AS x FROM (SELECT arrayJoin(range(9000)))"}, {"format", "csv"}});
    ASSERT_EQ(download.start_reading().status, 200U);
    expect_refusal(ask("SELECT 1"), 429, "TOO_MANY_QUERIES");
    expect_refusal(ask("SELECT 1", "csv"), 429, "TOO_MANY_QUERIES");
    download.abort();
  }
  serve.wait_until([&] { return ask("SELECT 1").status == 200; });

  // Nor is a query that would answer for the first time in hours in the way of the next, once nobody waits for it.
  {
    const auto stopped = begin(
        viewer, {{"query", "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1"}, {"timeout_ms", 120'000}});
    serve.wait_until([&] { return running("%sipHash64(number) = 1%") == 1; });
    expect_refusal(ask("SELECT 1"), 429, "TOO_MANY_QUERIES");
  }
  serve.wait_until([&] { return running("%sipHash64(number) = 1%") == 0 && ask("SELECT 1").status == 200; });

  // What the browser of tables lists can be asked for as it is listed.
  const auto tables = viewer.get("/tables");
  for (const auto& table : tables.at("/tables").as_array()) {
    std::string columns;
    for (const auto& column : table.at("columns").as_array())
      columns += (columns.empty() ? "" : ", ") + std::string(column.at("name").as_string());
    const auto rows = ask("SELECT " + columns + " FROM " + std::string(table.at("name").as_string()) + " LIMIT 0");
    ASSERT_EQ(rows.status, 200U) << json::serialize(rows.body);
    EXPECT_EQ(rows.at("/columns"), table.at("columns"));
  }
  sign_in(viewer);
  expect_refusal(ask("SELECT 1"), 400, "SCHEMA_ERROR");
  const json::value of_globex{{"project_id", "globex"}, {"query", "SELECT count() FROM teams"}};
  serve.wait_until([&] { return viewer.post("/query", of_globex).at("/rows/0/0") == 5; });
  expect_refusal(viewer.post("/query", {{"project_id", "nobody"}, {"query", "SELECT 1"}}), 404, "PROJECT_NOT_FOUND");

  const auto tenancy = viewer.get("/tenancies/" + acme.tenancy);
  EXPECT_EQ(tenancy.at("/destinations/0/destination/destination_id"), "@clickhouse");
  EXPECT_TRUE(tenancy.at("/destinations/0/is_reached").as_bool());
  EXPECT_EQ(viewer.post("/destinations/" + acme.tenancy + "/%40clickhouse/test").at("/ok"), true);
  EXPECT_EQ(viewer.get("/overview").number("/destinations/clickhouse/total"), 2);
}

}  // namespace
}  // namespace tributary::test
