#include "postgres/detail/prepared.hpp"

#include <gtest/gtest.h>

#include <set>

namespace tributary::postgres::detail {
namespace {

TEST(PreparedStatements, TheNameDependsOnTheTextAlone) {
  PreparedStatements one;
  PreparedStatements two;
  two.insert("another text");
  EXPECT_EQ(one.insert("SELECT 1"), two.insert("SELECT 1"));
  EXPECT_EQ(one.insert("SELECT 1"), "tributary_199e7bca63ea84f2") << "the same in every build";
}

TEST(PreparedStatements, TheSameTextWithOtherTypesIsAnotherStatement) {
  const auto numbers = PreparedStatements::key("SELECT $1", Params().add(std::int32_t{1}));
  const auto texts = PreparedStatements::key("SELECT $1", Params().add("1"));
  EXPECT_NE(numbers, texts);
  EXPECT_EQ(numbers, PreparedStatements::key("SELECT $1", Params().add(std::int32_t{2})));
}

TEST(PreparedStatements, NamesAreDistinctUntilFull) {
  PreparedStatements statements;
  std::set<std::string> names;
  for (int i = 0; !statements.full(); ++i) names.insert(statements.insert(std::to_string(i)));
  EXPECT_EQ(names.size(), PreparedStatements::kLimit);
  statements.erase("7");
  EXPECT_EQ(statements.find("7"), nullptr);
  EXPECT_FALSE(statements.full());
}

}  // namespace
}  // namespace tributary::postgres::detail
