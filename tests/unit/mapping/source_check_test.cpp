#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "built_in.hpp"
#include "mapping/expression.hpp"
#include "mapping/mapping.hpp"

namespace tributary::mapping {
namespace {

using ::testing::ElementsAre;

/// The source as the catalog describes it, for users.yaml.
std::vector<SourceColumn> catalog() {
  std::vector<SourceColumn> columns;
  const auto add = [&](const std::string& table, std::initializer_list<std::pair<const char*, const char*>> named) {
    for (const auto& [name, type] : named) columns.push_back({table, name, type});
  };
  add("ProjectUser", {{"tenancyId", "uuid"},
                      {"projectUserId", "uuid"},
                      {"displayName", "text"},
                      {"profileImageUrl", "character varying(2000)"},
                      {"signedUpAt", "timestamp(3) without time zone"},
                      {"clientMetadata", "jsonb"},
                      {"clientReadOnlyMetadata", "jsonb"},
                      {"serverMetadata", "json"},
                      {"isAnonymous", "boolean"},
                      {"restrictedByAdmin", "boolean"},
                      {"restrictedByAdminReason", "text"},
                      {"restrictedByAdminPrivateDetails", "text"}});
  add("ContactChannel", {{"tenancyId", "uuid"},
                         {"projectUserId", "uuid"},
                         {"id", "uuid"},
                         {"type", "\"ContactChannelType\""},
                         {"isPrimary", "\"BooleanTrue\""},
                         {"isVerified", "boolean"},
                         {"value", "text"}});
  return columns;
}

std::vector<std::string> problems_of(const Mapping& mapping, const std::vector<SourceColumn>& columns) {
  std::vector<std::string> result;
  for (const auto& problem : check_against_source(mapping, columns)) result.push_back(problem.to_string());
  return result;
}

std::vector<SourceColumn> without(std::vector<SourceColumn> columns, const std::string& table, const std::string& column = "") {
  std::erase_if(columns, [&](const SourceColumn& c) { return c.table == table && (column.empty() || c.column == column); });
  return columns;
}

std::vector<SourceColumn> retyped(std::vector<SourceColumn> columns, const std::string& column, const std::string& type) {
  std::ranges::find_if(columns, [&](const SourceColumn& c) { return c.column == column; })->type = type;
  return columns;
}

TEST(SourceCheck, ASourceThatFitsHasNoProblems) { EXPECT_THAT(problems_of(built_in_mapping("users"), catalog()), ElementsAre()); }

TEST(SourceCheck, NamesAMissingTable) {
  const auto users = built_in_mapping("users");
  EXPECT_THAT(problems_of(users, without(catalog(), "ProjectUser")),
              ElementsAre("users.yaml:4:10: the source has no table \"ProjectUser\""));
  EXPECT_THAT(problems_of(users, without(catalog(), "ContactChannel")),
              ElementsAre("users.yaml:13:12: the source has no table \"ContactChannel\""));
}

TEST(SourceCheck, NamesEachMissingColumnAtItsPlace) {
  const auto users = built_in_mapping("users");
  EXPECT_THAT(problems_of(users, without(catalog(), "ProjectUser", "displayName")),
              ElementsAre("users.yaml:19:44: column \"display_name\": table \"ProjectUser\" has no column \"displayName\""));
  EXPECT_THAT(problems_of(users, without(catalog(), "ContactChannel", "value")),
              ElementsAre("users.yaml:21:44: column \"primary_email\": there is no column primary_channel.\"value\""));
  EXPECT_THAT(problems_of(users, without(catalog(), "ContactChannel", "isPrimary")),
              ElementsAre("users.yaml:13:12: dependency \"primary_channel\": there is no column primary_channel.\"isPrimary\""));
  EXPECT_THAT(
      problems_of(users, without(catalog(), "ContactChannel", "projectUserId")),
      ElementsAre("users.yaml:13:12: dependency \"primary_channel\": table \"ContactChannel\" has no column \"projectUserId\""));
}

TEST(SourceCheck, NamesATypeThatDoesNotBecomeTheTargets) {
  const auto users = built_in_mapping("users");
  EXPECT_THAT(
      problems_of(users, retyped(catalog(), "isAnonymous", "text")),
      ElementsAre("users.yaml:27:44: column \"is_anonymous\": \"isAnonymous\" is of type text, which does not become bool"));
  // Which instant a timestamp with time zone becomes would depend on the session.
  EXPECT_THAT(
      problems_of(users, retyped(catalog(), "signedUpAt", "timestamp(3) with time zone")),
      ElementsAre(
          "users.yaml:23:49: column \"signed_up_at\": \"signedUpAt\" is of type timestamp with time zone, which does not become "
          "timestamp"));
  EXPECT_THAT(problems_of(users, retyped(catalog(), "projectUserId", "text")),
              ElementsAre("users.yaml:13:12: dependency \"primary_channel\": \"projectUserId\" is of type uuid, but "
                          "\"projectUserId\" of type text",
                          "users.yaml:18:34: column \"id\": \"projectUserId\" is of type text, not uuid; a key keeps its type"));
  EXPECT_THAT(problems_of(users, retyped(catalog(), "displayName", "\"SomeEnum\"")), ElementsAre());
}

TEST(SourceCheck, TheTenancyIsAUuid) {
  auto columns = catalog();
  for (auto& column : columns) {
    if (column.column == "tenancyId") column.type = "text";
  }
  EXPECT_THAT(problems_of(built_in_mapping("users"), columns),
              ElementsAre("users.yaml:4:10: source: the tenancy column \"tenancyId\" is of type text, not uuid"));
}

std::string references_in(std::string_view sql) {
  std::string text;
  for (const auto& reference : column_references(sql)) text += "<" + reference.qualifier + "." + reference.column + ">";
  return text;
}

TEST(Expression, FindsColumnsInDoubleQuotes) {
  EXPECT_EQ(references_in(R"("isPrimary" IS NOT NULL)"), "<.isPrimary>");
  EXPECT_EQ(references_in(R"(a."x" = 'it''s "y"' AND b."z""z" = 1)"), "<a.x><b.z\"z>");
  EXPECT_EQ(references_in(R"("x"::"BooleanTrue" = "f"("y"))"), "<.x><.y>");
  EXPECT_EQ(references_in(R"(E'\'"no"' || "yes")"), "<.yes>");
  EXPECT_EQ(references_in("lower(value)"), "");
}

TEST(Expression, NamesASlip) {
  EXPECT_EQ(expression_mistake(R"(coalesce(a, ')'))"), std::nullopt);
  EXPECT_EQ(expression_mistake(R"("a;b" = '--' AND x - -1 < 2)"), std::nullopt);
  EXPECT_EQ(expression_mistake("a)"), "a ) without its (");
  EXPECT_EQ(expression_mistake("(a"), "a ( is not closed");
  EXPECT_EQ(expression_mistake("'a"), "a ' is not closed");
  EXPECT_EQ(expression_mistake("\"a"), "a \" is not closed");
  EXPECT_EQ(expression_mistake("a; b"), "a semicolon");
  EXPECT_EQ(expression_mistake("a -- b"), "a comment");
  EXPECT_EQ(expression_mistake("a /* b"), "a comment");
  EXPECT_EQ(expression_mistake("$1"), "a $: parameters and dollar quotes have no place here");
}

}  // namespace
}  // namespace tributary::mapping
