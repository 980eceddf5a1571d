#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "built_in.hpp"
#include "mapping/clickhouse_plan.hpp"

namespace tributary::mapping::clickhouse {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

Uuid installation(char digit) { return Uuid::parse("00000000-0000-4000-8000-00000000000" + std::string(1, digit)).value(); }

/// The catalog of a server on which a plan was carried out.
Existing carried_out(std::span<const Mapping> mappings, const Options& options) {
  Existing existing;
  existing.tables.push_back({std::string(kMetadataTable), "AggregatingMergeTree", "AggregatingMergeTree ORDER BY …", ""});
  for (const auto* name : {"tenancy_id", "last_synced_sequence_id", "complete_through"})
    existing.columns.push_back({std::string(kMetadataTable), name, "", false});
  existing.tables.push_back({std::string(kSchemaTable), "ReplacingMergeTree", "ReplacingMergeTree ORDER BY …", ""});
  for (const auto& mapping : mappings) {
    existing.tables.push_back(
        {mapping.target_table, "ReplacingMergeTree", "ReplacingMergeTree(sync_sequence_id, sync_is_deleted) ORDER BY …", ""});
    for (const auto& column : table_columns(mapping)) {
      const bool in_key = column.name == "project_id" || column.name == "branch_id" ||
                          std::ranges::find(mapping.target_key, column.name) != mapping.target_key.end();
      existing.columns.push_back({mapping.target_table, column.name, column.type, in_key});
      existing.view_columns.emplace(mapping.target_table, column.name);
    }
  }
  existing.records.push_back({kSchemaVersion, options.installation});
  return existing;
}

class ClickHousePlanTest : public ::testing::Test {
 protected:
  Plan plan_now(const TenantUser* user = nullptr) const { return plan(mappings_, options_, user, existing_); }
  std::vector<std::string> messages() const {
    std::vector<std::string> result;
    for (const auto& difference : plan_now().differences) result.push_back(difference.message);
    return result;
  }
  std::vector<std::string> step_names(const TenantUser* user = nullptr) const {
    std::vector<std::string> result;
    for (const auto& step : plan_now(user).steps) result.push_back(step.name);
    return result;
  }
  std::vector<std::string> statements_of(std::string_view name) const {
    for (const auto& step : plan_now().steps) {
      if (step.name == name) return step.statements;
    }
    return {};
  }
  Existing::Column& column(std::string_view table, std::string_view name) {
    for (auto& one : existing_.columns) {
      if (one.table == table && one.name == name) return one;
    }
    throw std::logic_error("no such column");
  }
  Existing::Table& table(std::string_view name) { return *std::ranges::find(existing_.tables, name, &Existing::Table::name); }

  const std::vector<Mapping> mappings_ = built_in_mappings();
  Options options_{.installation = installation('1')};
  Existing existing_ = carried_out(mappings_, options_);
  const TenantUser user_{.password_sha256 = std::string(64, '0')};
};

TEST_F(ClickHousePlanTest, WhereAllIsThereOnlyViewsAndRightsAreMadeAgain) {
  EXPECT_THAT(messages(), IsEmpty());
  EXPECT_THAT(step_names(), ElementsAre("views"));
  EXPECT_THAT(step_names(&user_), ElementsAre("user", "row policies", "views", "grants"));
}

TEST_F(ClickHousePlanTest, AViewThatIsMissingOrLacksAColumnIsAReasonToMakeThem) {
  const auto lacks_views = [&] { return plan_now().steps.back().is_missing; };
  EXPECT_FALSE(lacks_views());
  existing_.view_columns.erase({"teams", "display_name"});
  EXPECT_TRUE(lacks_views());
}

TEST_F(ClickHousePlanTest, AnEmptyServerGetsEverythingAndPoliciesComeBeforeViewsBeforeGrants) {
  existing_ = {};
  EXPECT_THAT(step_names(&user_), ElementsAre("bookkeeping", "tables", "user", "row policies", "views", "grants"));
  EXPECT_EQ(plan_now().steps.front().version, 1U);
  EXPECT_THAT(plan_now().steps.front().statements.back(),
              HasSubstr("VALUES (1, 'bookkeeping', '00000000-0000-4000-8000-000000000001')"));
}

TEST_F(ClickHousePlanTest, AMissingTableIsMade) {
  std::erase_if(existing_.tables, [](const auto& one) { return one.name == "teams"; });
  std::erase_if(existing_.columns, [](const auto& one) { return one.table == "teams"; });
  EXPECT_THAT(messages(), IsEmpty());
  EXPECT_THAT(statements_of("tables"), ElementsAre(HasSubstr("CREATE TABLE IF NOT EXISTS analytics_internal.`teams`")));
}

TEST_F(ClickHousePlanTest, AMissingColumnIsAdded) {
  std::erase_if(existing_.columns, [](const auto& one) {
    return one.table == "users" && (one.name == "is_anonymous" || one.name == "restricted_by_admin_reason");
  });
  EXPECT_THAT(messages(), IsEmpty());
  EXPECT_THAT(statements_of("tables"), ElementsAre("ALTER TABLE analytics_internal.`users`\n"
                                                   "  ADD COLUMN IF NOT EXISTS `is_anonymous` UInt8,\n"
                                                   "  ADD COLUMN IF NOT EXISTS `restricted_by_admin_reason` Nullable(String)"));
}

TEST_F(ClickHousePlanTest, WatermarksOfAnEarlierVersionGetTheirNewColumn) {
  std::erase_if(existing_.columns, [](const auto& one) { return one.name == "complete_through"; });
  EXPECT_THAT(step_names(), ElementsAre("tables", "views"));
  EXPECT_THAT(statements_of("tables"), ElementsAre(HasSubstr("ADD COLUMN IF NOT EXISTS `complete_through`")));
}

TEST_F(ClickHousePlanTest, NamesAnotherType) {
  column("contact_channels", "type").type = "String";
  EXPECT_THAT(messages(),
              ElementsAre("analytics_internal.contact_channels has column \"type\" of type String, not LowCardinality(String)"));
}

TEST_F(ClickHousePlanTest, OneThatDiffersIsLeftAloneAndTheOthersGoOn) {
  column("users", "primary_email").type = "String";
  std::erase_if(existing_.columns, [](const auto& one) { return one.name == "created_at" && one.table == "teams"; });
  std::erase_if(existing_.columns, [](const auto& one) { return one.name == "is_anonymous"; });
  const auto result = plan_now();
  ASSERT_EQ(result.differences.size(), 1U);
  EXPECT_EQ(result.differences[0].mapping, "users");
  EXPECT_THAT(statements_of("tables"), ElementsAre(HasSubstr("`teams`")));
  for (const auto& statement : statements_of("views")) EXPECT_THAT(statement, Not(HasSubstr("default.`users`")));
  EXPECT_EQ(statements_of("views").size(), 3U);
}

TEST_F(ClickHousePlanTest, NamesAnotherKey) {
  column("users", "signed_up_at").in_sorting_key = true;
  column("teams", "id").in_sorting_key = false;
  EXPECT_THAT(messages(),
              ElementsAre("analytics_internal.teams has column \"id\" outside of its sorting key, which it is part of",
                          "analytics_internal.users has column \"signed_up_at\" in its sorting key, which it is not part of"));
}

TEST_F(ClickHousePlanTest, AColumnOfTheKeyCannotBeAdded) {
  std::erase_if(existing_.columns, [](const auto& one) { return one.table == "users" && one.name == "branch_id"; });
  EXPECT_THAT(messages(), ElementsAre("analytics_internal.users has no column \"branch_id\" (String) in its sorting key"));
}

TEST_F(ClickHousePlanTest, NamesAnotherEngine) {
  table("users").engine = "MergeTree";
  table("users").engine_full = "MergeTree ORDER BY id";
  table("teams").engine_full = "ReplacingMergeTree(sync_sequence_id) ORDER BY …";
  table("contact_channels").partition_key = "toYYYYMM(created_at)";
  EXPECT_THAT(messages(),
              ElementsAre("analytics_internal.contact_channels has partitions by toYYYYMM(created_at), not none: a deleted row "
                          "could miss its tombstone",
                          "analytics_internal.teams has engine ReplacingMergeTree(sync_sequence_id) ORDER BY …, not "
                          "ReplacingMergeTree(sync_sequence_id, sync_is_deleted)",
                          "analytics_internal.users has engine MergeTree ORDER BY id, not "
                          "ReplacingMergeTree(sync_sequence_id, sync_is_deleted)"));
}

TEST_F(ClickHousePlanTest, AReplicatedEngineOfTheFamilyFits) {
  table("users").engine = "SharedReplacingMergeTree";
  table("users").engine_full =
      "SharedReplacingMergeTree('/clickhouse/x', '{replica}', sync_sequence_id, sync_is_deleted) ORDER …";
  EXPECT_THAT(messages(), IsEmpty());
}

TEST_F(ClickHousePlanTest, AColumnThatAMappingHasNoMoreStays) {
  existing_.columns.push_back({"users", "formerly", "Array(String)", false});
  EXPECT_THAT(messages(), IsEmpty());
  EXPECT_THAT(step_names(), ElementsAre("views"));
}

TEST_F(ClickHousePlanTest, ANewerSchemaIsRefused) {
  existing_.records.push_back({kSchemaVersion + 1, options_.installation});
  EXPECT_THAT(messages(), ElementsAre("analytics_internal is of version 2, made by a newer Tributary, while this one knows "
                                      "versions up to 1: run the newer one"));
  EXPECT_THAT(plan_now().steps, IsEmpty());
}

TEST_F(ClickHousePlanTest, AnotherInstallationsSchemaIsRefused) {
  existing_.records[0].installation = installation('2');
  EXPECT_THAT(messages(), ElementsAre("analytics_internal belongs to installation 00000000-0000-4000-8000-000000000002, not to "
                                      "00000000-0000-4000-8000-000000000001: give each a ClickHouse of its own"));
  EXPECT_THAT(plan_now().steps, IsEmpty());
}

TEST_F(ClickHousePlanTest, ASchemaThatWasPrintedAndRunByHandIsTakenOver) {
  existing_.records[0].installation = Uuid{};
  EXPECT_THAT(messages(), IsEmpty());
  EXPECT_THAT(step_names(), ElementsAre("bookkeeping", "views"));
}

TEST_F(ClickHousePlanTest, DroppedWatermarksAreMadeAgain) {
  std::erase_if(existing_.tables, [](const auto& one) { return one.name == kMetadataTable; });
  EXPECT_THAT(step_names(), ElementsAre("bookkeeping", "views"));
}

TEST(ClickHouseTypes, AreNullableAndOfLowCardinalityWhereTheColumnIs) {
  EXPECT_EQ(clickhouse_type({.type = ColumnType::timestamptz}), "DateTime64(3, 'UTC')");
  EXPECT_EQ(clickhouse_type({.type = ColumnType::uuid, .nullable = true}), "Nullable(UUID)");
  EXPECT_EQ(clickhouse_type({.type = ColumnType::text, .low_cardinality = true}), "LowCardinality(String)");
  EXPECT_EQ(clickhouse_type({.type = ColumnType::text, .nullable = true, .low_cardinality = true}),
            "LowCardinality(Nullable(String))");
}

/// A mapping whose table has this name.
Mapping named(std::string table) {
  auto mapping = built_in_mapping("teams");
  mapping.target_table = std::move(table);
  return mapping;
}

TEST(ClickHouseNames, CannotBreakOut) {
  const auto mapping = named("a`b\\");
  EXPECT_THAT(create_table_sql(mapping, {}), HasSubstr("analytics_internal.`a\\`b\\\\` (\n"));
  EXPECT_THAT(create_view_sql(mapping, {.definer = "x`y"}), HasSubstr("DEFINER = `x\\`y` SQL SECURITY DEFINER"));
  EXPECT_THAT(create_database_sql({.cluster = "c`"}), HasSubstr(" ON CLUSTER `c\\``"));
}

TEST(ClickHouseNames, CannotBreakOutOfXml) {
  const std::vector<Mapping> mappings{named("\"/></table>&\n")};
  const auto users = embedded_users(mappings);
  EXPECT_THAT(users, HasSubstr("<table name=\"&#34;/&#62;&#60;/table&#62;&#38;&#10;\">"));
  EXPECT_THAT(users, HasSubstr("<query>GRANT SELECT ON default.`&#34;/&#62;&#60;/table&#62;&#38;&#10;`</query>"));
  EXPECT_THROW(embedded_users(std::vector<Mapping>{named("\x01")}), std::invalid_argument);
}

}  // namespace
}  // namespace tributary::mapping::clickhouse
