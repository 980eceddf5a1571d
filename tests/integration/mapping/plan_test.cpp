#include <map>
#include <memory>
#include <regex>

#include "fixture.hpp"
#include "mapping/compare_sql.hpp"

// The plan of the fetch is two index scans in order, merged, stopped at the limit, whatever the statistics say: a batch then costs what it reads,
// never what the tables hold.

namespace tributary::mapping {
namespace {

constexpr int kBig = 2, kSmall = 3;
constexpr int kRows = 40'000;

/// What the planner was told about the tables.
enum class Statistics { none, of_one_tenancy, of_empty_tables, current };

class PlanTest : public ::testing::TestWithParam<Statistics> {
 protected:
  PlanTest() : session_(filled(GetParam()).session()) { become_reader(session_); }

  static void TearDownTestSuite() { databases_.clear(); }

  /// One database for all tests of a state: they only read.
  static test::Database& filled(Statistics statistics) {
    auto& database = databases_[statistics];
    if (database) return *database;
    database = std::make_unique<test::Database>("mapping");
    auto session = database->session();
    create_source(session);
    if (statistics == Statistics::of_empty_tables) session.run("ANALYZE");
    if (statistics == Statistics::of_one_tenancy) {
      fill(session, 1, 0, 1000);
      session.run("ANALYZE");
    }
    fill(session, kBig, 10'000, kRows);
    fill(session, kSmall, 10'000'000, 10);
    if (statistics == Statistics::current) session.run("ANALYZE");
    return *database;
  }

  /// Rows of every table with ids after `base`, and a tombstone to every tenth.
  static void fill(test::Session& session, int tenancy, int base, int rows) {
    const auto from = " FROM generate_series(1, " + std::to_string(rows) + ") AS i";
    const auto t = literal(id(tenancy));
    const auto sequence_id = std::to_string(base) + " + i";
    session.run("INSERT INTO public.\"ProjectUser\" (\"tenancyId\", \"projectUserId\", \"sequenceId\") SELECT " + t +
                ", gen_random_uuid(), " + sequence_id + from);
    session.run(
        "INSERT INTO public.\"ContactChannel\" (\"tenancyId\", \"projectUserId\", id, type, \"isPrimary\", \"isVerified\", "
        "value, \"sequenceId\")"
        " SELECT \"tenancyId\", \"projectUserId\", gen_random_uuid(), 'EMAIL', 'TRUE', TRUE, 'a@example.com', \"sequenceId\""
        " FROM public.\"ProjectUser\" WHERE \"tenancyId\" = " +
        t);
    session.run("INSERT INTO public.\"Team\" (\"tenancyId\", \"teamId\", \"sequenceId\") SELECT " + t + ", gen_random_uuid(), " +
                sequence_id + from);
    session.run("INSERT INTO public.\"TeamMember\" (\"tenancyId\", \"projectUserId\", \"teamId\", \"sequenceId\") SELECT " + t +
                ", gen_random_uuid(), gen_random_uuid(), " + sequence_id + from);
    session.run(
        "INSERT INTO public.\"DeletedRow\" (\"tenancyId\", \"tableName\", \"primaryKey\", \"sequenceId\")"
        " SELECT " +
        t +
        ", \"table\", jsonb_build_object('id', key, 'projectUserId', key, 'teamId', key),"
        " (ordinality - 1) * 100000000 + " +
        std::to_string(base) +
        " + 10 * i"
        " FROM generate_series(1, " +
        std::to_string(rows / 10) +
        ") AS i, gen_random_uuid() AS key,"
        " unnest(ARRAY['ProjectUser', 'ContactChannel', 'Team', 'TeamMember']) WITH ORDINALITY AS tables (\"table\", "
        "ordinality)");
  }

  std::string explain(const std::string& statement) {
    std::string plan;
    for (const auto& row : session_.rows("EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) " + statement))
      plan += row[0].value_or("") + "\n";
    return plan;
  }

  /// The largest number of rows that any node of the plan gave or threw away.
  static long long most_rows(const std::string& plan) {
    static const std::regex rows(R"re("(?:Actual Rows|Rows Removed by (?:Filter|Join Filter|Index Recheck))": (\d+))re");
    long long most = 0;
    for (auto match = std::sregex_iterator(plan.begin(), plan.end(), rows); match != std::sregex_iterator(); ++match) {
      most = std::max(most, std::stoll((*match)[1]));
    }
    return most;
  }

  static void expect_ordered_index_scans(const std::string& plan, int limit) {
    for (const auto* node : {"Seq Scan", "Sort", "Incremental Sort", "Bitmap Heap Scan", "Hash Join", "Materialize", "Gather"}) {
      EXPECT_EQ(plan.find("\"Node Type\": \"" + std::string(node) + "\""), std::string::npos) << node << " in\n" << plan;
    }
    EXPECT_NE(plan.find("\"Node Type\": \"Merge Append\""), std::string::npos) << plan;
    EXPECT_NE(plan.find("_order\""), std::string::npos) << plan;
    EXPECT_LE(most_rows(plan), limit + 1) << plan;
  }

  static inline std::map<Statistics, std::unique_ptr<test::Database>> databases_;
  test::Session session_;
};

TEST_P(PlanTest, APreparedFetchStopsAtTheLimit) {
  session_.run("SET plan_cache_mode = force_generic_plan");
  for (const auto& name : built_in_names()) {
    SCOPED_TRACE(name);
    session_.run("PREPARE fetch_" + name + " (uuid, bigint, bigint) AS " +
                 fetch_sql(built_in_mapping(name), {.tenancy = "$1", .after = "$2", .limit = "$3"}));
    const auto execute = [&](int tenancy, int after, int limit) {
      return "EXECUTE fetch_" + name + " ('" + id(tenancy) + "', " + std::to_string(after) + ", " + std::to_string(limit) + ")";
    };
    expect_ordered_index_scans(explain(execute(kBig, 30'000, 500)), 500);
    expect_ordered_index_scans(explain(execute(kSmall, 0, 500)), 500);
  }
}

TEST_P(PlanTest, AFetchWithLiteralsStopsAtTheLimit) {
  for (const auto& name : built_in_names()) {
    SCOPED_TRACE(name);
    const auto select = [&](int tenancy, int after, int limit) {
      return fetch_sql(built_in_mapping(name),
                       {.tenancy = literal(id(tenancy)), .after = std::to_string(after), .limit = std::to_string(limit)});
    };
    expect_ordered_index_scans(explain(select(kBig, -1, 20'000)), 20'000);
    expect_ordered_index_scans(explain(select(kBig, 30'000, 500)), 500);
    expect_ordered_index_scans(explain(select(kSmall, 0, 500)), 500);
  }
}

TEST_P(PlanTest, AWholeReadCostsWhatTheTenancyHas) {
  session_.run("BEGIN; " + std::string(kWholeReaderSettings));
  for (const auto& name : built_in_names()) {
    SCOPED_TRACE(name);
    const auto range = [](int tenancy) {
      return FetchArguments{.tenancy = literal(id(tenancy)), .after = "-1", .limit = "20000"};
    };
    const auto of_small = explain(fetch_whole_sql(built_in_mapping(name), range(kSmall), DestinationKind::postgres));
    EXPECT_EQ(of_small.find("\"Node Type\": \"Seq Scan\""), std::string::npos) << of_small;
    EXPECT_LE(most_rows(of_small), 11) << of_small;
    const auto of_big = explain(fetch_whole_sql(built_in_mapping(name), range(kBig), DestinationKind::postgres));
    EXPECT_LE(most_rows(of_big), kRows + kRows / 10) << of_big;
    if (name == "users") EXPECT_NE(of_big.find("\"Node Type\": \"Hash Join\""), std::string::npos) << of_big;
    EXPECT_LE(most_rows(explain(count_changes_sql(built_in_mapping(name), range(kBig)))), 20'000);
    const auto estimated = estimated_rows(session_.value(estimate_rows_sql(built_in_mapping(name), literal(id(kBig)))));
    EXPECT_GE(estimated, GetParam() == Statistics::current ? kRows / 2 : 0);
    EXPECT_LE(estimated, 2 * kRows);
  }
  session_.run("ROLLBACK");
}

TEST_P(PlanTest, LookingForUnsequencedRowsReadsOnlyThose) {
  session_.run("SET plan_cache_mode = force_generic_plan");
  for (const auto& name : built_in_names()) {
    SCOPED_TRACE(name);
    session_.run("PREPARE unsequenced_" + name + " (uuid) AS " + has_unsequenced_sql(built_in_mapping(name)));
    const auto plan = explain("EXECUTE unsequenced_" + name + " ('" + id(kBig) + "')");
    EXPECT_LE(most_rows(plan), 1) << plan;
  }
}

TEST_P(PlanTest, WhetherTheSourceRemembersIsLookedUp) {
  session_.run("BEGIN; SET plan_cache_mode = force_generic_plan; INSERT INTO tributary.sequence_jump VALUES (4294967296)");
  for (const auto& name : built_in_names()) {
    SCOPED_TRACE(name);
    session_.run("PREPARE remembers_" + name + " (uuid, bigint) AS " + remembers_sql(built_in_mapping(name)));
    for (const auto tenancy : {kBig, kSmall}) {
      const auto plan = explain("EXECUTE remembers_" + name + " ('" + id(tenancy) + "', 0)");
      EXPECT_LE(most_rows(plan), 1) << plan;
    }
  }
  session_.run("ROLLBACK");
}

TEST_P(PlanTest, FetchingKeysReadsOnlyThose) {
  session_.run("SET plan_cache_mode = force_generic_plan");
  session_.run("PREPARE keys (uuid, uuid[]) AS " + fetch_keys_sql(built_in_mapping("contact_channels")));
  const auto keys = session_.value(
      "SELECT array_agg(id) FROM (SELECT id FROM public.\"ContactChannel\" ORDER BY \"sequenceId\" LIMIT 5) AS first_ones");
  const auto plan = explain("EXECUTE keys ('" + id(kBig) + "', '" + keys + "')");
  EXPECT_LE(most_rows(plan), 5) << plan;
}

INSTANTIATE_TEST_SUITE_P(Statistics, PlanTest,
                         ::testing::Values(Statistics::none, Statistics::of_one_tenancy, Statistics::of_empty_tables,
                                           Statistics::current),
                         [](const auto& info) {
                           switch (info.param) {
                             case Statistics::none:
                               return "none";
                             case Statistics::of_one_tenancy:
                               return "of_one_tenancy";
                             case Statistics::of_empty_tables:
                               return "of_empty_tables";
                             case Statistics::current:
                               return "current";
                           }
                           return "";
                         });

}  // namespace
}  // namespace tributary::mapping
