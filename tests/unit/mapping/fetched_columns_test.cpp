#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "built_in.hpp"
#include "mapping/sql.hpp"

// docs/decisions/0006: one read serves destinations of both kinds.

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

TEST(FetchedColumns, ThoseOfPostgresStandInFrontOfWhatOnlyClickHouseHas) {
  const auto mapping = with_columns_of_each_kind();
  EXPECT_THAT(names(fetched_columns(mapping, Readers::both)), ElementsAre("id", "own", "shared", "left_out", "inner"));
  EXPECT_THAT(names(fetched_columns(mapping, Readers::postgres)), ElementsAre("id", "own", "shared", "left_out"));
  EXPECT_THAT(names(fetched_columns(mapping, Readers::clickhouse)), ElementsAre("inner", "id", "shared"));
}

TEST(FetchedColumns, EachKindFindsItsOwn) {
  const auto mapping = with_columns_of_each_kind();
  EXPECT_THAT(fetched_positions(mapping, Readers::both, DestinationKind::postgres), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(fetched_positions(mapping, Readers::both, DestinationKind::clickhouse), ElementsAre(4, 0, 2));
  EXPECT_THAT(fetched_positions(mapping, Readers::clickhouse, DestinationKind::clickhouse), ElementsAre(0, 1, 2));
  EXPECT_THROW(fetched_positions(mapping, Readers::postgres, DestinationKind::clickhouse), std::logic_error);
}

TEST(FetchedColumns, WhereClickHouseHasNothingOfItsOwnOneReadIsThatOfPostgres) {
  const FetchArguments arguments{.tenancy = "$1", .after = "$2", .limit = "$3"};
  for (const auto& mapping : built_in_mappings()) {
    const bool same = fetch_sql(mapping, arguments, Readers::both) == fetch_sql(mapping, arguments);
    EXPECT_EQ(same, mapping.name != "users") << mapping.name;
  }
}

TEST(FetchedColumns, WhatIsForClickHouseOnlyIsNotReadForPostgres) {
  const auto users = built_in_mapping("users");
  const FetchArguments arguments{.tenancy = "$1", .after = "$2", .limit = "$3"};
  EXPECT_EQ(fetch_sql(users, arguments).find("restrictedByAdmin"), std::string::npos);
  EXPECT_NE(fetch_sql(users, arguments, Readers::clickhouse).find("restrictedByAdminPrivateDetails"), std::string::npos);
}

}  // namespace
}  // namespace tributary::mapping
