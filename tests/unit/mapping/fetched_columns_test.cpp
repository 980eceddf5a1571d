#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "built_in.hpp"
#include "mapping/sql.hpp"

// docs/decisions/0006: each kind of destination is read for by itself.

namespace tributary::mapping {
namespace {

using ::testing::ElementsAre;

Mapping with_columns_of_each_kind() {
  const auto parsed = parse(R"(mapping: m
source: {table: T, tenancy: tenancyId, key: [tenancyId, id]}
target: {table: t, key: [id]}
columns:
  - {name: inner, type: text, from: inner, only: [clickhouse]}
  - {name: id, type: uuid, from: id}
  - {name: own, type: text, from: own, only: [postgres]}
  - {name: shared, type: text, from: shared}
  - {name: left_out, type: text, from: leftOut, privacy: {clickhouse: omit}}
)",
                            "m.yaml");
  for (const auto& problem : parsed.problems) ADD_FAILURE() << problem.to_string();
  return parsed.mapping.value();
}

std::vector<std::string> names(const std::vector<Column>& columns) {
  std::vector<std::string> result;
  for (const auto& column : columns) result.push_back(column.name);
  return result;
}

TEST(FetchedColumns, EachKindHasItsOwnInTheOrderOfTheMapping) {
  const auto mapping = with_columns_of_each_kind();
  EXPECT_THAT(names(mapping.columns_for(DestinationKind::postgres)), ElementsAre("id", "own", "shared", "left_out"));
  EXPECT_THAT(names(mapping.columns_for(DestinationKind::clickhouse)), ElementsAre("inner", "id", "shared"));
}

TEST(FetchedColumns, WhatIsForClickHouseOnlyIsNotReadForPostgres) {
  const auto users = built_in_mapping("users");
  const FetchArguments arguments{.tenancy = "$1", .after = "$2", .limit = "$3"};
  EXPECT_EQ(fetch_sql(users, arguments).find("restrictedByAdmin"), std::string::npos);
  EXPECT_NE(fetch_sql(users, arguments, DestinationKind::clickhouse).find("restrictedByAdminPrivateDetails"), std::string::npos);
}

}  // namespace
}  // namespace tributary::mapping
