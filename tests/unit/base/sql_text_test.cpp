#include "base/sql_text.hpp"

#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>

#include <stdexcept>

namespace tributary {
namespace {

/// The name that a server reads out of `quoted`, by PostgreSQL's rules (scan.l: xd).
std::string read_identifier(const std::string& quoted) {
  EXPECT_GE(quoted.size(), 2U);
  EXPECT_EQ(quoted.front(), '"');
  EXPECT_EQ(quoted.back(), '"');
  std::string name;
  for (std::size_t i = 1; i + 1 < quoted.size(); ++i) {
    name += quoted[i];
    if (quoted[i] != '"') continue;
    EXPECT_EQ(quoted[++i], '"') << "the name ends inside " << quoted;
    EXPECT_LT(i + 1, quoted.size()) << "the closing quote belongs to the name in " << quoted;
  }
  return name;
}

TEST(SqlText, QuotesNames) {
  EXPECT_EQ(quote_identifier("tenancyId"), "\"tenancyId\"");
  EXPECT_EQ(quote_identifier("a\"b"), "\"a\"\"b\"");
  EXPECT_EQ(quote_identifier(""), "\"\"");
}

TEST(SqlText, QuotesConstants) {
  EXPECT_EQ(quote_literal("it's"), "'it''s'");
  EXPECT_EQ(quote_literal("a\\b'c"), "E'a\\\\b''c'");
}

TEST(SqlText, RefusesANul) {
  using std::string_view_literals::operator""sv;
  EXPECT_THROW(quote_identifier("a\0b"sv), std::invalid_argument);
  EXPECT_THROW(quote_literal("a\0b"sv), std::invalid_argument);
}

RC_GTEST_PROP(SqlText, EveryNameSurvivesQuoting, (const std::string& raw)) {
  std::string name;
  for (const char c : raw) {
    if (c != '\0') name += c;
  }
  name += *rc::gen::element<std::string>("", "\"", "\"\"", "\";--");
  RC_ASSERT(read_identifier(quote_identifier(name)) == name);
}

}  // namespace
}  // namespace tributary
