#include "fixture.hpp"

namespace tributary::destination::clickhouse_target {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr auto kTables =
    "SELECT arrayStringConcat(groupArray(name), ' ') FROM (SELECT name FROM system.tables WHERE database = '{}' ORDER BY name)";

class ClickHouseSchema : public ClickHouseTest {};

TEST_F(ClickHouseSchema, IsMadeOnceAndThenLeftAlone) {
  const auto made = migrate(Extent::missing);
  EXPECT_FALSE(made.failure);
  EXPECT_THAT(made.of_mappings, IsEmpty());
  EXPECT_GT(made.statements, mappings.size());
  EXPECT_EQ(ask(fmt::format(kTables, "analytics_internal")),
            "_stack_sync_metadata _tributary_schema contact_channels team_member_profiles teams users");
  EXPECT_EQ(ask(fmt::format(kTables, "default")), "contact_channels team_member_profiles teams users");

  EXPECT_EQ(migrate(Extent::missing).statements, 0U);
  const auto again = migrate(Extent::all);
  EXPECT_FALSE(again.failure);
  EXPECT_THAT(again.of_mappings, IsEmpty());
  EXPECT_EQ(ask("SELECT count() FROM analytics_internal._tributary_schema FINAL"), "1");
}

// Found by `make torture`: whoever made the tables was cut off before the views, and whoever came next saw the tables and left it at that.
TEST_F(ClickHouseSchema, ViewsThatNobodyCameToMakeAreMadeByTheNext) {
  migrate(Extent::missing);
  ask("DROP VIEW default.users");
  ask("CREATE OR REPLACE VIEW default.teams AS SELECT id FROM analytics_internal.teams");
  EXPECT_GT(migrate(Extent::missing).statements, 0U);
  EXPECT_EQ(ask("SELECT count() FROM default.users"), "0");
  EXPECT_EQ(ask("SELECT count() FROM default.teams WHERE display_name = ''"), "0");
  EXPECT_EQ(migrate(Extent::missing).statements, 0U);
}

TEST_F(ClickHouseSchema, MayBeMadeByTwoAtOnce) {
  ch::Client other(loop.get_executor(), server->options());
  int ended = 0;
  int failed = 0;
  for (auto* each : {&*client, &other, &*client, &other}) {
    asio::co_spawn(loop, apply_schema(*each, mappings, options, nullptr, Extent::all, soon()),
                   [&](std::exception_ptr error, const SchemaState& state) {
                     ++ended;
                     if (error || state.failure || !state.of_mappings.empty()) ++failed;
                   });
  }
  loop.restart();
  while (ended < 4 && loop.run_one() > 0) {
  }
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(migrate(Extent::missing).statements, 0U);
  other.close();
}

TEST_F(ClickHouseSchema, SaysWhatSomebodyAlteredAndMakesTheRest) {
  migrate();
  ask("ALTER TABLE analytics_internal.users DROP COLUMN display_name, ADD COLUMN display_name UInt64");
  ask("DROP TABLE analytics_internal.teams");
  const auto state = migrate(Extent::missing);
  EXPECT_FALSE(state.failure);
  ASSERT_EQ(state.of_mappings.size(), 1U);
  const auto& failure = state.of_mappings.at("users");
  EXPECT_EQ(failure.kind, FailureKind::refused);
  EXPECT_THAT(failure.message,
              HasSubstr("analytics_internal.users has column \"display_name\" of type UInt64, not Nullable(String)"));
  EXPECT_EQ(ask("EXISTS TABLE analytics_internal.teams"), "1");

  ask("ALTER TABLE analytics_internal.users DROP COLUMN display_name");
  EXPECT_THAT(migrate(Extent::missing).of_mappings, IsEmpty());
  EXPECT_EQ(
      ask("SELECT type FROM system.columns WHERE table = 'users' AND database = 'analytics_internal' AND name = 'display_name'"),
      "Nullable(String)");
}

TEST_F(ClickHouseSchema, OfAnotherInstallationIsNotTouched) {
  migrate();
  options.installation = Uuid::random();
  ask("DROP TABLE analytics_internal.teams");
  const auto state = migrate();
  ASSERT_TRUE(state.failure);
  EXPECT_THAT(state.failure->message, HasSubstr("belongs to installation"));
  EXPECT_EQ(state.statements, 0U);
  EXPECT_EQ(ask("EXISTS TABLE analytics_internal.teams"), "0");
}

// Of a version that knew no complete_through: its watermarks stay, and tell nothing about that.
TEST_F(ClickHouseSchema, WatermarksOfAnEarlierVersionGetTheirNewColumn) {
  migrate();
  ask("ALTER TABLE analytics_internal._stack_sync_metadata DROP COLUMN complete_through");
  ask("INSERT INTO analytics_internal._stack_sync_metadata (tenancy_id, mapping_name, generation, last_synced_sequence_id) "
      "VALUES ('00000000-0000-4000-8000-000000000001', 'users', 0, 7)");
  migrate(Extent::missing);
  EXPECT_EQ(ask("SELECT last_synced_sequence_id, complete_through FROM analytics_internal._stack_sync_metadata"), "7\t-1");
}

// No cluster is at hand: that the engine's own parser takes each statement, and sees what it is to be, is as near as this comes to one.
TEST_F(ClickHouseSchema, OfAClusterIsOnAllOfItsReplicas) {
  const sql::TenantUser user{.password_sha256 = std::string(64, '0')};
  auto plan = sql::plan(mappings, {.cluster = "main cluster", .definer = "tributary", .installation = {}}, &user, {});
  const auto& mapping = mapping_named("users");
  plan.steps.push_back({0,
                        "a column of later",
                        {sql::add_columns_sql(mapping, {{"more", "String"}}, {.cluster = "main cluster", .installation = {}}),
                         sql::add_complete_through_sql({.cluster = "main cluster", .installation = {}})}});
  for (const auto& step : plan.steps) {
    for (const auto& statement : step.statements) {
      const auto tree = ask("EXPLAIN AST " + statement);
      EXPECT_THAT(tree, testing::Not(IsEmpty())) << statement;
      if (statement.starts_with("INSERT")) continue;  // of the one that is asked; the others have it from there
      EXPECT_THAT(statement, HasSubstr(" ON CLUSTER `main cluster`"));
      if (statement.starts_with("CREATE TABLE")) EXPECT_THAT(statement, HasSubstr("/{shard}/analytics_internal/"));
      if (statement.starts_with("CREATE TABLE")) EXPECT_THAT(statement, HasSubstr("', '{replica}'"));
    }
  }
}

TEST_F(ClickHouseSchema, ADroppedTableStartsEveryTenancyOver) {
  migrate();
  ask("INSERT INTO analytics_internal._stack_sync_metadata (tenancy_id, mapping_name, generation, last_synced_sequence_id) "
      "SELECT toUUID('00000000-0000-4000-8000-00000000000' || toString(number)), name, 0, 7 "
      "FROM numbers(2) AS n, (SELECT arrayJoin(['users', 'teams']) AS name) AS m");
  ask("DROP TABLE analytics_internal.teams");
  migrate(Extent::missing);
  constexpr auto kPositions =
      "SELECT mapping_name, argMax(last_synced_sequence_id, generation), max(generation) FROM "
      "analytics_internal._stack_sync_metadata "
      "GROUP BY tenancy_id, mapping_name ORDER BY mapping_name, tenancy_id";
  EXPECT_EQ(ask(kPositions), "teams\t-1\t1\nteams\t-1\t1\nusers\t7\t0\nusers\t7\t0");
}

}  // namespace
}  // namespace tributary::destination::clickhouse_target
