#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "tenants.hpp"

namespace tributary::clickhouse::embedded::test {
namespace {

using testing::HasSubstr;
using testing::Not;

/// Two tenants' teams.
class HostTenant : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    host_ = std::make_unique<TenantHost>([](const Host& admin) {
      for (const auto* project : {"one", "two"}) {
        admin.run(fmt::format(
            "INSERT INTO analytics_internal.teams (project_id, branch_id, id, display_name, created_at, sync_sequence_id, "
            "sync_is_deleted) "
            "SELECT '{0}', 'main', generateUUIDv4(), '{0} team ' || toString(number), now(), number, 0 FROM numbers(5)",
            project));
      }
    });
  }
  static void TearDownTestSuite() { host_.reset(); }
  static const Host& host() { return host_->host(); }

  static std::unique_ptr<TenantHost> host_;
};

std::unique_ptr<TenantHost> HostTenant::host_;

TEST_F(HostTenant, SeesItsOwnRowsAndNoneOfOthers) {
  ASSERT_TRUE(host().ready().serves_tenants);
  EXPECT_EQ(host().ask_as("one", "SELECT count(), min(project_id), max(project_id) FROM teams").body, "5\tone\tone\n");
  EXPECT_EQ(host().ask_as("two", "SELECT count(), countIf(display_name LIKE 'two%') FROM default.teams").body, "5\t5\n");
  EXPECT_EQ(host().ask_as("three", "SELECT count() FROM teams").body, "0\n");
  EXPECT_EQ(host().ask_as("one", "SELECT count() FROM teams WHERE project_id = 'two' OR 1 = 1").body, "5\n");
  EXPECT_EQ(host().ask_as("one\",\"project_id\":\"two", "SELECT count() FROM teams").body, "0\n");
}

TEST_F(HostTenant, MustBeNamedInFull) {
  const std::string tenant(Credentials::kTenant);
  EXPECT_EQ(host().ask({.body = "SELECT 1", .user = tenant}).exception_code(), "36");
  EXPECT_EQ(host().ask({.target = "/?SQL_project_id=one", .body = "SELECT 1", .user = tenant}).exception_code(), "36");
  EXPECT_EQ(host().ask({.body = "SELECT 1", .user = tenant, .password = "wrong"}).exception_code(), "516");
  EXPECT_EQ(
      host().ask({.body = "SELECT 1", .user = tenant, .password = host().ready().credentials.admin_password}).exception_code(),
      "516");
}

TEST_F(HostTenant, OrdinaryQueriesWork) {
  const auto answers = [](const std::string& sql) {
    const auto answer = host().ask_as("one", sql, "&param_n=2");
    EXPECT_EQ(answer.status, 200) << sql << '\n' << answer.body;
  };
  answers("SELECT toStartOfWeek(created_at) AS week, count() FROM teams GROUP BY week ORDER BY week");
  answers("WITH mine AS (SELECT id FROM teams) SELECT count() FROM mine WHERE id IN (SELECT id FROM teams) AND id IN mine");
  answers(
      "SELECT t.display_name, m.user_id FROM teams AS t LEFT JOIN team_member_profiles AS m ON m.team_id = t.id LIMIT {n:UInt8} "
      "FORMAT JSON");
  answers("SELECT sumIf(1, display_name != ''), uniqOrNull(id), quantile(0.5)(1), arrayMap(x -> x + 1, [1, 2]) FROM teams");
  answers("SELECT number FROM numbers(3) UNION ALL SELECT 4");
  answers("SELECT display_name, row_number() OVER (PARTITION BY branch_id ORDER BY id) FROM teams -- ; done");
  answers("SELECT JSONExtractString(client_metadata, 'plan'), NOW(), cast(1 AS String), CASE WHEN 1 THEN 2 END FROM teams;");
}

TEST_F(HostTenant, IsRefusedEverythingElse) {
  for (const std::string sql : {"SELECT * FROM analytics_internal.teams",
                                "SELECT * FROM system.tables",
                                "SELECT * FROM information_schema.tables",
                                "SELECT 1 WHERE 'x' IN system.databases",
                                "SELECT * FROM merge('analytics_internal', '.*')",
                                "SELECT * FROM mergeTreeIndex(analytics_internal, teams)",
                                "SELECT file('/etc/passwd')",
                                "SELECT FILE('/etc/passwd')",
                                "SELECT * FROM file('*')",
                                "SELECT * FROM url('http://127.0.0.1/')",
                                "SELECT * FROM remote('127.0.0.1', default.teams)",
                                "SELECT * FROM executable('id', CSV, 'x String')",
                                "SELECT * FROM view(SELECT file('x'))",
                                "SELECT * APPLY(file) FROM teams",
                                "SELECT arrayMap(x -> file(x), ['a'])",
                                "SELECT dictGet('a', 'b', 1)",
                                "SELECT hostName()",
                                "SELECT sleep(1)",
                                "SELECT getSetting('log_comment')",
                                "SELECT * FROM {t:Identifier}",
                                "SELECT 1 SETTINGS readonly = 0",
                                "SELECT 1 FORMAT CSV SETTINGS log_comment = 'x'",
                                "SET readonly = 0",
                                "SELECT 1; SELECT 2",
                                "SELECT 1 INTO OUTFILE 'x'",
                                "SELECT $a$ $a$",
                                "SELECT \xe2\x80\x98'\xe2\x80\x99 INTO OUTFILE 'x'",
                                "INSERT INTO teams VALUES (1)",
                                "KILL QUERY WHERE 1",
                                "SHOW TABLES",
                                "SHOW CREATE TABLE analytics_internal.teams",
                                "EXPLAIN SELECT 1",
                                "DESCRIBE teams",
                                "CREATE TEMPORARY TABLE x (a Int8)",
                                "DROP TABLE teams",
                                "SYSTEM SHUTDOWN",
                                "USE system",
                                "EXISTS TABLE teams"}) {
    const auto answer = host().ask_as("one", sql, "&param_t=teams");
    EXPECT_NE(answer.status, 200) << sql << '\n' << answer.body;
    EXPECT_THAT(answer.body, Not(HasSubstr("analytics_internal"))) << sql;
  }
}

TEST_F(HostTenant, MaySetLimitsButNotRaiseThem) {
  EXPECT_EQ(host().ask_as("one", "SELECT 1", "&max_result_rows=10&output_format_json_quote_64bit_integers=1&readonly=0").body,
            "1\n");
  EXPECT_EQ(host().ask_as("one", "SELECT number FROM numbers(1000)", "&max_result_rows=10&wait_end_of_query=1").exception_code(),
            "396");
  EXPECT_EQ(host().ask_as("one", "SELECT 1", "&log_comment=x").body, "1\n");
  EXPECT_EQ(host().ask_as("one", "SELECT 1", "&allow_ddl=1").exception_code(), "164");
  EXPECT_EQ(host().ask_as("one", "SELECT 1", "&max_memory_usage=everything").exception_code(), "36");
  std::string deep = "SELECT 1";
  for (int i = 0; i < 25; ++i) deep = "SELECT * FROM (" + deep + ")";
  for (const auto* more : {"1000", "0"}) {
    const auto answer = host().ask_as("one", deep, fmt::format("&max_subquery_depth={}", more));
    EXPECT_EQ(answer.exception_code(), "162") << answer.body;
  }
}

TEST_F(HostTenant, IsToldNothingByErrors) {
  const auto answer = host().ask_as("one", "SELECT toUInt8(display_name) FROM teams", "&wait_end_of_query=1");
  EXPECT_NE(answer.status, 200);
  EXPECT_THAT(answer.body, Not(HasSubstr("one team")));
  EXPECT_THAT(host().ask_as("one", "SELECT secret_name FROM teams").body, Not(HasSubstr("secret_name")));
}

TEST_F(HostTenant, TheWriterMayWriteAndReadWatermarksAndSequenceIdsButNoMoreOfTheTables) {
  EXPECT_EQ(host()
                .ask({.body = "INSERT INTO analytics_internal.teams (project_id, branch_id, id, sync_sequence_id) "
                              "SELECT 'four', 'main', generateUUIDv4(), 1"})
                .status,
            200);
  EXPECT_EQ(host().ask({.body = "SELECT count() FROM analytics_internal._stack_sync_metadata"}).status, 200);
  EXPECT_EQ(host().ask({.body = "SELECT max(sync_sequence_id) > 0 FROM analytics_internal.teams WHERE project_id = 'four'"}).body,
            "1\n");
  EXPECT_EQ(host().ask({.body = "SELECT display_name FROM analytics_internal.teams"}).exception_code(), "497");
  // A tenant, did its SQL get so far.
  EXPECT_EQ(host().ask({.body = "SELECT count(project_id) FROM analytics_internal.teams SETTINGS readonly = 1"}).body, "0\n");
  EXPECT_EQ(host().ask({.body = "CREATE TABLE default.x (a Int8) ENGINE = Memory"}).exception_code(), "497");
}

TEST_F(HostTenant, OneProjectLeavesPlacesToTheOthers) {
  const std::string endless = "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 27182";
  const auto running = [] {
    return host().run(
        "SELECT count() FROM system.processes WHERE query LIKE '%= 27182%' AND query NOT LIKE '%system.processes%'");
  };
  std::vector<std::shared_ptr<void>> asked;
  for (int i = 0; i < 6; ++i) asked.push_back(host().send(Host::as("one", endless)));
  while (running() != "2\n" && running() != "4\n") std::this_thread::yield();
  EXPECT_EQ(host().ask_as("two", "SELECT count() FROM teams", "&max_execution_time=60").body, "5\n");
  EXPECT_EQ(running(), "2\n");
  asked.clear();
  while (running() != "0\n") std::this_thread::yield();
}

TEST_F(HostTenant, ALongQueryIsCutOffInTime) {
  const std::string parameters = "&max_execution_time=1";
  const auto answer = host().ask_as("one", "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1", parameters);
  EXPECT_TRUE(answer.exception_code() == "159" || answer.exception_code() == "158") << answer.body;
}

}  // namespace
}  // namespace tributary::clickhouse::embedded::test
