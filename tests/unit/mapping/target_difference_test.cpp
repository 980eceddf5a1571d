#include <gtest/gtest.h>

#include <algorithm>

#include "built_in.hpp"
#include "mapping/sql.hpp"
#include "mapping/types.hpp"

namespace tributary::mapping {
namespace {

std::vector<TargetColumn> created(const Mapping& mapping) {
  std::vector<TargetColumn> columns;
  for (const auto& column : mapping.columns_for(DestinationKind::postgres)) {
    const bool in_key = std::ranges::find(mapping.target_key, column.name) != mapping.target_key.end();
    columns.push_back({column.name, std::string(type_info(column.type).postgres_name), !column.nullable, in_key});
  }
  return columns;
}

class TargetDifferenceTest : public ::testing::Test {
 protected:
  TargetColumn& column(const std::string& name) { return *std::ranges::find(actual_, name, &TargetColumn::name); }
  std::string difference(const std::vector<std::string>& required_extra = {}) const {
    return target_difference(users_, actual_, required_extra);
  }

  const Mapping users_ = built_in_mapping("users");
  std::vector<TargetColumn> actual_ = created(users_);
};

TEST_F(TargetDifferenceTest, WhatWeCreatedFits) { EXPECT_EQ(difference(), ""); }

TEST_F(TargetDifferenceTest, NamesAMissingColumn) {
  std::erase_if(actual_, [](const TargetColumn& c) { return c.name == "signed_up_at"; });
  EXPECT_EQ(difference(), "public.users has no column \"signed_up_at\" (timestamp without time zone)");
}

TEST_F(TargetDifferenceTest, NamesAnotherType) {
  column("client_metadata").type = "json";
  EXPECT_EQ(difference(), "public.users has column \"client_metadata\" of type json, not jsonb");
}

TEST_F(TargetDifferenceTest, AnotherPrecisionOfTimeFits) {
  column("signed_up_at").type = "timestamp(3) without time zone";
  EXPECT_EQ(difference(), "");
  column("signed_up_at").type = "timestamp(3) with time zone";
  EXPECT_NE(difference(), "");
}

TEST_F(TargetDifferenceTest, NamesAnotherKey) {
  column("id").in_primary_key = false;
  EXPECT_EQ(difference(), "public.users has no primary key, not primary key (\"id\")");
  column("is_anonymous").in_primary_key = true;
  EXPECT_EQ(difference(), "public.users has primary key (\"is_anonymous\"), not primary key (\"id\")");
}

TEST_F(TargetDifferenceTest, TheCustomersOwnColumnsFitUnlessAnInsertMustGiveThem) {
  actual_.push_back({"note", "text", false, false});
  EXPECT_EQ(difference(), "");
  actual_.push_back({"rank", "integer", true, false});
  EXPECT_EQ(difference({"rank"}), "public.users has a column \"rank\" of its own that is NOT NULL without a default");
  EXPECT_EQ(difference({"is_anonymous"}), "");  // ours: every row has it
}

TEST(Types, EveryTypeIsFoundByItsName) {
  for (const auto& info : all_types()) {
    EXPECT_EQ(type_named(info.name), info.type);
    EXPECT_EQ(&type_info(info.type), &info);
  }
  EXPECT_EQ(type_named("varchar"), std::nullopt);
}

}  // namespace
}  // namespace tributary::mapping
