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

/// The text that ClickHouse reads out of `quoted`, by its rules (Lexer, ReadHelpers: readAnyQuotedString) for what we write.
std::string read_clickhouse(const std::string& quoted, char quote) {
  EXPECT_GE(quoted.size(), 2U);
  EXPECT_EQ(quoted.front(), quote);
  EXPECT_EQ(quoted.back(), quote);
  std::string text;
  for (std::size_t i = 1; i + 1 < quoted.size(); ++i) {
    EXPECT_NE(quoted[i], quote) << "the text ends inside " << quoted;
    if (quoted[i] == '\\') {
      ++i;
      EXPECT_LT(i + 1, quoted.size()) << "the closing quote belongs to the text in " << quoted;
      // Before anything else a backslash may have a meaning of its own: \n, \x41.
      EXPECT_TRUE(quoted[i] == '\\' || quoted[i] == quote) << quoted;
    }
    text += quoted[i];
  }
  return text;
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

TEST(SqlText, QuotesForClickHouse) {
  EXPECT_EQ(quote_clickhouse_identifier("users"), "`users`");
  EXPECT_EQ(quote_clickhouse_identifier("a`b\\n\"'"), "`a\\`b\\\\n\"'`");
  EXPECT_EQ(quote_clickhouse_literal("it's `a\\n`"), "'it\\'s `a\\\\n`'");
}

TEST(SqlText, RefusesANul) {
  using std::string_view_literals::operator""sv;
  EXPECT_THROW(quote_identifier("a\0b"sv), std::invalid_argument);
  EXPECT_THROW(quote_literal("a\0b"sv), std::invalid_argument);
  EXPECT_THROW(quote_clickhouse_identifier("a\0b"sv), std::invalid_argument);
  EXPECT_THROW(quote_clickhouse_literal("a\0b"sv), std::invalid_argument);
}

RC_GTEST_PROP(SqlText, EveryNameSurvivesQuoting, (const std::string& raw)) {
  std::string name;
  for (const char c : raw) {
    if (c != '\0') name += c;
  }
  name += *rc::gen::element<std::string>("", "\"", "\"\"", "\";--", "`", "'", "\\", "\\`", "\\'");
  RC_ASSERT(read_identifier(quote_identifier(name)) == name);
  RC_ASSERT(read_clickhouse(quote_clickhouse_identifier(name), '`') == name);
  RC_ASSERT(read_clickhouse(quote_clickhouse_literal(name), '\'') == name);
}

}  // namespace
}  // namespace tributary
