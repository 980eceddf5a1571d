#include <gtest/gtest.h>

#include <limits>

#include "postgres/connection.hpp"

namespace tributary::postgres {
namespace {

TEST(Literal, IsTypedAndNegativeNumbersAreInParentheses) {
  EXPECT_EQ(literal(std::int64_t{42}), "42::bigint");
  EXPECT_EQ(literal(std::int64_t{-42}), "(-42)::bigint");
  EXPECT_EQ(literal(std::numeric_limits<std::int64_t>::min()), "(-9223372036854775808)::bigint");
  EXPECT_EQ(literal(*Uuid::parse("6B29FC40-CA47-1067-B31D-00DD010662DA")), "'6b29fc40-ca47-1067-b31d-00dd010662da'::uuid");
}

}  // namespace
}  // namespace tributary::postgres
