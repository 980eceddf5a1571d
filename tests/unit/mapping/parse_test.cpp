#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>

#include "base/embedded.hpp"
#include "built_in.hpp"
#include "mapping/mapping.hpp"

namespace tributary::mapping {
namespace {

using ::testing::ElementsAre;

// Without mistakes. Line numbers below are of this text.
constexpr std::string_view kGood = R"(mapping: channels
source:
  table: ContactChannel
  tenancy: tenancyId
  key: [tenancyId, userId, id]
target:
  table: channels
  key: [id]
dependencies:
  - table: ProjectUser
    alias: owner
    on: {tenancyId: tenancyId, projectUserId: userId, x: id}
    where: owner."isAnonymous" IS NOT NULL
columns:
  - {name: id, type: uuid, from: id}
  - {name: value, type: text, from: value, privacy: {clickhouse: mask}}
  - {name: is_primary, type: bool, sql: '"isPrimary" IS NOT NULL'}
  - {name: secret, type: text, from: secret, nullable: true, only: [postgres]}
  - {name: extra, type: jsonb, from: extra, default: "'{}'::jsonb"}
  - {name: kind, type: text, from: type, low_cardinality: true}
retention: 30d
)";

std::vector<std::string> problems_of(std::string_view yaml) {
  const auto parsed = parse(yaml, "m.yaml");
  EXPECT_EQ(parsed.mapping.has_value(), parsed.problems.empty());
  std::vector<std::string> result;
  for (const auto& problem : parsed.problems) result.push_back(problem.to_string());
  return result;
}

/// kGood with a piece of it replaced.
std::string edited(std::string_view piece, std::string_view replacement) {
  std::string text(kGood);
  const auto at = text.find(piece);
  if (at == std::string::npos) throw std::logic_error("no such piece: " + std::string(piece));
  return text.replace(at, piece.size(), replacement);
}

TEST(Parse, ReadsEveryField) {
  const auto parsed = parse(kGood, "m.yaml");
  ASSERT_THAT(problems_of(kGood), ElementsAre());
  const auto& mapping = *parsed.mapping;
  EXPECT_EQ(mapping.name, "channels");
  EXPECT_EQ(mapping.source_table, "ContactChannel");
  EXPECT_EQ(mapping.tenancy_column, "tenancyId");
  EXPECT_THAT(mapping.source_key, ElementsAre("tenancyId", "userId", "id"));
  EXPECT_EQ(mapping.target_table, "channels");
  EXPECT_THAT(mapping.target_key, ElementsAre("id"));
  EXPECT_EQ(mapping.retention, std::chrono::hours(30 * 24));
  ASSERT_EQ(mapping.columns.size(), 6U);
  EXPECT_EQ(mapping.column("id").from, "id");
  EXPECT_EQ(mapping.column("id").type, ColumnType::uuid);
  EXPECT_EQ(mapping.column("value").clickhouse_privacy, Privacy::mask);
  EXPECT_FALSE(mapping.column("value").nullable);
  EXPECT_EQ(mapping.column("is_primary").sql, "\"isPrimary\" IS NOT NULL");
  EXPECT_TRUE(mapping.column("is_primary").from.empty());
  EXPECT_TRUE(mapping.column("secret").nullable);
  EXPECT_THAT(mapping.column("secret").only, ElementsAre(DestinationKind::postgres));
  EXPECT_EQ(mapping.column("extra").default_sql, "'{}'::jsonb");
  EXPECT_TRUE(mapping.column("kind").low_cardinality);
  ASSERT_EQ(mapping.dependencies.size(), 1U);
  EXPECT_EQ(mapping.dependencies[0].table, "ProjectUser");
  EXPECT_EQ(mapping.dependencies[0].alias, "owner");
  EXPECT_THAT(mapping.dependencies[0].on,
              ElementsAre(std::pair("tenancyId", "tenancyId"), std::pair("projectUserId", "userId"), std::pair("x", "id")));
  EXPECT_EQ(mapping.dependencies[0].where, "owner.\"isAnonymous\" IS NOT NULL");
}

struct Mistake {
  std::string name;
  std::string piece;
  std::string replacement;
  std::vector<std::string> problems;
};

void PrintTo(const Mistake& mistake, std::ostream* out) { *out << mistake.name; }

class MistakeTest : public ::testing::TestWithParam<Mistake> {};

TEST_P(MistakeTest, IsNamedWithItsPlace) {
  const auto& mistake = GetParam();
  EXPECT_THAT(problems_of(edited(mistake.piece, mistake.replacement)), ::testing::ElementsAreArray(mistake.problems));
}

INSTANTIATE_TEST_SUITE_P(
    Parse, MistakeTest,
    ::testing::Values(
        Mistake{
            "UnknownKeyAtTheTop",
            "retention: 30d",
            "retain: 30d",
            {"m.yaml:21:1: mapping: unknown key \"retain\"; one of mapping, source, target, columns, dependencies, retention"}},
        Mistake{"UnknownKeyInSource",
                "tenancy: tenancyId",
                "tenant: tenancyId",
                {"m.yaml:3:3: source: \"tenancy\" is missing",
                 "m.yaml:4:3: source: unknown key \"tenant\"; one of table, tenancy, key"}},
        Mistake{"UnknownKeyInTarget",
                "key: [id]",
                "key: [id]\n  schema: public",
                {"m.yaml:9:3: target: unknown key \"schema\"; one of table, key"}},
        Mistake{"TargetTableOfOurOwn",
                "table: channels",
                "table: _stack_sync_metadata",
                {"m.yaml:7:10: target: \"_stack_sync_metadata\" is a table of Tributary's own"}},
        Mistake{"UnknownKeyInAColumn",
                "low_cardinality: true",
                "low: true",
                {"m.yaml:20:42: column: unknown key \"low\"; one of name, type, from, sql, nullable, default, low_cardinality, "
                 "privacy, only"}},
        Mistake{"UnknownKeyInADependency",
                "where:",
                "when:",
                {"m.yaml:13:5: dependency: unknown key \"when\"; one of table, alias, on, where"}},
        Mistake{"UnknownKeyInPrivacy",
                "{clickhouse: mask}",
                "{postgres: mask}",
                {"m.yaml:16:53: column \"value\": privacy: \"clickhouse\" is missing",
                 "m.yaml:16:54: column \"value\": privacy: unknown key \"postgres\"; one of clickhouse"}},
        Mistake{"KeyTwice",
                "retention: 30d",
                "retention: 30d\nretention: 31d",
                {"m.yaml:22:1: mapping: \"retention\" stands here a second time"}},
        Mistake{"NoName", "mapping: channels\n", "", {"m.yaml:1:1: mapping: \"mapping\" is missing"}},
        Mistake{"NoPlainName",
                "mapping: channels",
                "mapping: Channels!",
                {"m.yaml:1:10: mapping: \"Channels!\" is no name for a mapping: small letters, digits and _, a letter first, at "
                 "most 40"}},
        Mistake{"NoSource",
                "source:\n  table: ContactChannel\n  tenancy: tenancyId\n  key: [tenancyId, userId, id]\n",
                "",
                {"m.yaml:1:1: mapping: \"source\" is missing"}},
        Mistake{"SourceIsNoMap",
                "source:\n  table: ContactChannel\n  tenancy: tenancyId\n  key: [tenancyId, userId, id]\n",
                "source: ContactChannel\n",
                {"m.yaml:2:9: source: must be a map of table, tenancy, key"}},
        Mistake{"TenancyNotInTheSourceKey",
                "tenancy: tenancyId",
                "tenancy: tenantId",
                {"m.yaml:4:12: source: the tenancy column \"tenantId\" is not in the key"}},
        Mistake{"SourceKeyNamesAColumnTwice",
                "[tenancyId, userId, id]",
                "[tenancyId, userId, id, userId]",
                {"m.yaml:5:32: source: \"key\" names \"userId\" twice"}},
        Mistake{"NoTargetKey", "  key: [id]\n", "", {"m.yaml:7:3: target: \"key\" is missing"}},
        Mistake{"EmptyTargetKey", "  key: [id]", "  key: []", {"m.yaml:8:8: target: \"key\" must be a list that is not empty"}},
        Mistake{"TargetKeyNotAmongTheColumns",
                "  key: [id]",
                "  key: [id, uid]",
                {"m.yaml:8:13: target: key \"uid\" is not among the columns"}},
        Mistake{"TargetKeyNotFromTheSourceKey",
                "  key: [id]",
                "  key: [id, kind]",
                {"m.yaml:20:12: column \"kind\": is in the target key, so it must come from a column of the source key "
                 "(tenancyId, userId, id)"}},
        Mistake{"TargetKeyFromSql",
                "type: uuid, from: id",
                "type: uuid, sql: id",
                {"m.yaml:15:12: column \"id\": is in the target key, so it must come from a column of the source key (tenancyId, "
                 "userId, id)"}},
        Mistake{
            "TargetKeyOfATypeThatClickHouseCuts",
            "type: uuid, from: id",
            "type: timestamp, from: id",
            {"m.yaml:15:12: column \"id\": is in the target key, so its type is uuid, text, bool, smallint, integer or bigint"}},
        Mistake{"NullableTargetKey",
                "type: uuid, from: id",
                "type: uuid, from: id, nullable: true",
                {"m.yaml:15:12: column \"id\": is in the target key, so it can be neither \"nullable\" nor have a \"default\""}},
        Mistake{"TargetKeyNotEverywhere",
                "type: uuid, from: id",
                "type: uuid, from: id, only: [postgres]",
                {"m.yaml:15:12: column \"id\": is in the target key, so every destination has it as it is: neither \"only\" nor "
                 "\"privacy\""}},
        Mistake{"UnknownType",
                "type: bool",
                "type: varchar",
                {"m.yaml:17:30: column \"is_primary\": unknown type \"varchar\"; one of uuid, text, bool, smallint, integer, "
                 "bigint, double, timestamp, "
                 "timestamptz, jsonb"}},
        Mistake{"NoType", "type: bool, ", "", {"m.yaml:17:5: column \"is_primary\": \"type\" is missing"}},
        Mistake{"NoColumnName", "name: is_primary, ", "", {"m.yaml:17:5: column: \"name\" is missing"}},
        Mistake{"ColumnTwice", "name: secret", "name: value", {"m.yaml:18:12: column \"value\": a second column of this name"}},
        Mistake{
            "ReservedColumn",
            "name: secret",
            "name: is_deleted",
            {"m.yaml:18:12: column \"is_deleted\": a reserved name (sequence_id, is_deleted, project_id, branch_id, sync_…)"}},
        Mistake{"ReservedPrefix",
                "name: secret",
                "name: sync_x",
                {"m.yaml:18:12: column \"sync_x\": a reserved name (sequence_id, is_deleted, project_id, branch_id, sync_…)"}},
        Mistake{"SystemColumn",
                "name: secret",
                "name: xmin",
                {"m.yaml:18:12: column \"xmin\": the name of a column that every PostgreSQL table has"}},
        Mistake{"TooLongAName",
                "name: secret",
                "name: " + std::string(64, 'n'),
                {"m.yaml:18:12: column: \"name\" is longer than the 63 bytes of a name in PostgreSQL"}},
        Mistake{"BothFromAndSql",
                "from: secret",
                "from: secret, sql: secret",
                {"m.yaml:18:5: column \"secret\": has both \"from\" and \"sql\"; one of them says where the value comes from"}},
        Mistake{"NeitherFromNorSql",
                "from: secret, ",
                "",
                {"m.yaml:18:5: column \"secret\": \"from\" or \"sql\" is missing: where does the value come from?"}},
        Mistake{"SqlWithAComment",
                "'\"isPrimary\" IS NOT NULL'",
                "'TRUE -- why'",
                {"m.yaml:17:41: column \"is_primary\": \"sql\" is no SQL expression: a comment"}},
        Mistake{"SqlThatIsNotClosed",
                "'\"isPrimary\" IS NOT NULL'",
                "'coalesce(a'",
                {"m.yaml:17:41: column \"is_primary\": \"sql\" is no SQL expression: a ( is not closed"}},
        Mistake{"NullableIsNoBool",
                "nullable: true",
                "nullable: yes",
                {"m.yaml:18:56: column \"secret\": \"nullable\" must be true or false"}},
        Mistake{"DefaultAndNullable",
                "from: extra,",
                "from: extra, nullable: true,",
                {"m.yaml:19:70: column \"extra\": has a \"default\" for NULL, so it cannot be \"nullable\""}},
        Mistake{"LowCardinalityOfANumber",
                "name: kind, type: text",
                "name: kind, type: integer",
                {"m.yaml:20:62: column \"kind\": \"low_cardinality\" is for columns of type text"}},
        Mistake{"UnknownPrivacy",
                "clickhouse: mask",
                "clickhouse: hide",
                {"m.yaml:16:66: column \"value\": privacy: unknown privacy \"hide\"; one of plain, mask, hash, omit"}},
        Mistake{"MaskedNumber",
                "name: value, type: text",
                "name: value, type: integer",
                {"m.yaml:16:69: column \"value\": privacy: \"mask\" is for columns of type text"}},
        Mistake{"UnknownDestinationKind",
                "only: [postgres]",
                "only: [postgres, kafka]",
                {"m.yaml:18:79: column \"secret\": unknown kind of destination \"kafka\"; one of postgres, clickhouse"}},
        Mistake{"DependencyOnANonKeyColumn",
                "projectUserId: userId",
                "projectUserId: value, userId: userId",
                {"m.yaml:12:47: dependency \"ProjectUser\": \"on\" names \"value\", which is not in the source key (tenancyId, "
                 "userId, id)"}},
        Mistake{"DependencyThatLeavesOutTheTenancy",
                "tenancyId: tenancyId, projectUserId",
                "projectUserId",
                {"m.yaml:12:9: dependency \"ProjectUser\": \"on\" leaves out \"tenancyId\" of the source key: which row is to be "
                 "looked at again?"}},
        Mistake{"DependencyWithoutOn",
                "    on: {tenancyId: tenancyId, projectUserId: userId, x: id}\n",
                "",
                {"m.yaml:10:5: dependency \"ProjectUser\": \"on\" is missing"}},
        Mistake{"DependencyWithATakenAlias",
                "alias: owner",
                "alias: source",
                {"m.yaml:11:12: dependency \"ProjectUser\": the alias \"source\" is taken; source, deleted, gone, alive, change, "
                 "wanted, found are"}},
        Mistake{
            "RetentionWithoutUnit",
            "30d",
            "30",
            {"m.yaml:21:12: mapping: \"retention\" must be a number of hours, days or weeks such as 12h, 30d or 4w, not \"30\""}},
        Mistake{"EmptyValue", "table: channels", "table:", {"m.yaml:7:3: target: \"table\" must be a text that is not empty"}},
        Mistake{"Alias", "key: [id]", "key: *id", {"m.yaml:8:8: is not YAML: the referenced anchor is not defined"}},
        Mistake{"Tag", "key: [id]", "key: !!set [id]", {"m.yaml:8:8: tags (tag:yaml.org,2002:set) are not supported here"}},
        Mistake{"BrokenYaml", "key: [id]", "key: [id", {"m.yaml:9:13: is not YAML: end of sequence flow not found"}}),
    [](const auto& info) { return info.param.name; });

TEST(Parse, TellsEveryMistakeOfAFileInTheOrderOfItsLines) {
  auto text = edited("type: bool", "type: boolean");
  text.replace(text.find("from: secret"), 12, "form: secret");
  text.replace(text.find("table: channels"), 15, "tabel: channels");
  std::vector<std::pair<int, int>> places;
  for (const auto& problem : parse(text, "m.yaml").problems) places.emplace_back(problem.line, problem.column);
  EXPECT_THAT(places, ElementsAre(std::pair(7, 3), std::pair(7, 3), std::pair(17, 30), std::pair(18, 5), std::pair(18, 32)));
}

TEST(Parse, RefusesWhatIsNoMapping) {
  EXPECT_THAT(problems_of(""), ElementsAre("m.yaml:1:1: is empty"));
  EXPECT_THAT(problems_of("# nothing\n"), ElementsAre("m.yaml:1:1: is empty"));
  EXPECT_THAT(problems_of("- a\n"),
              ElementsAre("m.yaml:1:1: mapping: must be a map of mapping, source, target, columns, dependencies, retention"));
  EXPECT_THAT(problems_of(std::string(kGood) + "---\n" + std::string(kGood)),
              ElementsAre("m.yaml:23:1: a second document; a file holds one mapping"));
}

TEST(Parse, BoundsWhatItReads) {
  EXPECT_THAT(problems_of(std::string(300 * 1024, '#')), ElementsAre("m.yaml:1:1: larger than 256 KiB"));
  EXPECT_THAT(problems_of("mapping: " + std::string(100'000, '[') + std::string(100'000, ']')),
              ElementsAre("m.yaml:1:25: nested deeper than 16 levels"));
  EXPECT_THAT(problems_of("a: &a [x, x]\nb: &b [*a, *a]\n"), ElementsAre("m.yaml:2:8: aliases (*name) are not supported here"));
}

RC_GTEST_PROP(Parse, NeverThrowsAndAlwaysSaysWhy, (const std::string& garbage)) {
  // Garbage in the middle of something nearly right goes further than garbage alone.
  std::string text(kGood);
  const auto at = *rc::gen::inRange<std::size_t>(0, text.size());
  const auto length = *rc::gen::inRange<std::size_t>(0, 20);
  text.replace(at, length, garbage);
  const auto parsed = parse(text, "m.yaml");
  RC_ASSERT(parsed.mapping.has_value() == parsed.problems.empty());
  for (const auto& problem : parsed.problems) {
    RC_ASSERT(problem.file == "m.yaml");
    RC_ASSERT(problem.line >= 1 && problem.column >= 1);
    RC_ASSERT(!problem.message.empty());
  }
}

TEST(BuiltIn, AllFourFitTogether) {
  const auto mappings = built_in_mappings();
  std::vector<std::string> names;
  for (const auto& mapping : mappings) names.push_back(mapping.name);
  EXPECT_THAT(names, ElementsAre("contact_channels", "team_member_profiles", "teams", "users"));
  EXPECT_TRUE(check_together(mappings).empty());
}

TEST(BuiltIn, RestrictionsOfUsersAreForClickHouseOnly) {
  const auto users = built_in_mapping("users");
  EXPECT_EQ(users.columns_for(DestinationKind::postgres).size(), 10U);
  EXPECT_EQ(users.columns_for(DestinationKind::clickhouse).size(), 13U);
}

TEST(BuiltIn, TheSourceColumnsOfATargetKeyAreInItsOrder) {
  EXPECT_THAT(target_key_source_columns(built_in_mapping("team_member_profiles")), ElementsAre("teamId", "projectUserId"));
  EXPECT_THAT(target_key_source_columns(built_in_mapping("contact_channels")), ElementsAre("id"));
}

TEST(Mapping, AnOmittedColumnIsNotInClickHouse) {
  const auto parsed = parse(edited("clickhouse: mask", "clickhouse: omit"), "m.yaml");
  ASSERT_TRUE(parsed.mapping);
  const auto names = [&](DestinationKind kind) {
    std::vector<std::string> result;
    for (const auto& column : parsed.mapping->columns_for(kind)) result.push_back(column.name);
    return result;
  };
  EXPECT_THAT(names(DestinationKind::clickhouse), ElementsAre("id", "is_primary", "extra", "kind"));
  EXPECT_THAT(names(DestinationKind::postgres), ElementsAre("id", "value", "is_primary", "secret", "extra", "kind"));
}

TEST(CheckTogether, NamesBothPlaces) {
  const auto first = parse(kGood, "a.yaml");
  const auto second = parse(kGood, "b.yaml");
  const std::vector<Mapping> mappings{*first.mapping, *second.mapping};
  std::vector<std::string> problems;
  for (const auto& problem : check_together(mappings)) problems.push_back(problem.to_string());
  EXPECT_THAT(problems,
              ElementsAre("b.yaml:1:10: mapping \"channels\": the same name as that of a.yaml:1:10",
                          "b.yaml:1:10: mapping \"channels\": the same target table \"channels\" as that of a.yaml:1:10"));
}

}  // namespace
}  // namespace tributary::mapping
