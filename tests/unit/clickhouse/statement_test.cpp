#include "clickhouse/embedded/statement.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "clickhouse/tenant_message.hpp"
#include "clickhouse/tenant_statement.hpp"

namespace tributary::clickhouse::embedded {
namespace {

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> result;
  for (const auto& token : tokens(text)) result.emplace_back(token.value);
  return result;
}

TEST(Lexer, PassesOverTheCommentsOfTheEngine) {
  const std::string text = "a /* b /* c */ d */ e -- f\ng // h\ni # j\nk #! l\nm";
  EXPECT_THAT(words(text), testing::ElementsAre("a", "e", "g", "i", "k", "m"));
}

TEST(Lexer, WhatIsNotClosedIsOther) {
  for (const auto* text : {"a 'b", "a \"b", "a `b\\`", "a /* b", "a /* /* b */", "a $$b"})
    EXPECT_EQ(tokens(text).at(1).kind, Token::Kind::other) << text;
}

TEST(TenantStatement, IsItsTokensWithoutComments) {
  EXPECT_EQ(tenant_statement("SELECT/**/1 -- ; x\n , 'a -- b' /* /* */ ' */ ->x"), "SELECT 1 , 'a -- b' ->x");
  EXPECT_EQ(tenant_statement("SELECT a.b::String||x'ff'>=1.5e3"), "SELECT a.b::String||x'ff'>=1.5e3");
}

TEST(TenantStatement, RefusesWhatCanBeReadInTwoWays) {
  for (const auto* text : {"SELECT 'a", "SELECT $$ $$", "SELECT 1\\G",
                           "SELECT\xc2\xa0"
                           "1",
                           "SELECT \xe2\x80\x98x\xe2\x80\x99", "SELECT #x", "SELECT `a\\`", "SELECT {x : Identifier}",
                           "SELECT .5FORMAT CSV", "SELECT .5SETTINGS a = 1", "SELECT 1 > .5eSETTINGS a = 1",
                           "SELECT .5e+3SETTINGS a = 1", "SELECT .0x1pSETTINGS a = 1", "SELECT .0b1SETTINGS a = 1"})
    EXPECT_THROW(tenant_statement(text), StatementRefused) << text;
  for (const auto* text : {"SELECT .5, 1.5e3, 1e+3, 1_000, 0xfF, 0x1p-3, 0b101, t.1, t.1.2, 5."})
    EXPECT_NO_THROW(tenant_statement(text)) << text;
}

TEST(TenantStatement, MayBeLongInListsButNotInWords) {
  std::string list = "SELECT 1 IN (0";
  for (int i = 0; i < 20'000; ++i) list += ", 1";
  EXPECT_NO_THROW(tenant_statement(list + ")"));
  std::string unions = "SELECT 1";
  for (int i = 0; i < 2'000; ++i) unions += " UNION ALL SELECT 1";
  EXPECT_THROW(tenant_statement(unions), StatementRefused);
  EXPECT_THROW(tenant_statement("SELECT " + std::string(200, '(') + '1' + std::string(200, ')')), StatementRefused);
}

/// Of its refusal; 0 where it may be sent.
int code(std::string_view text) {
  try {
    tenant_statement(text);
    return 0;
  } catch (const StatementRefused& refused) {
    return refused.code();
  }
}

TEST(TenantStatement, IsOneSelect) {
  EXPECT_EQ(tenant_statement(" SELECT 1 FORMAT CSV ; -- done\n"), "SELECT 1 FORMAT CSV ;");
  EXPECT_EQ(code(""), 62);
  EXPECT_EQ(code("SELECT 1; SELECT 2"), 62);
  EXPECT_EQ(code("KILL QUERY WHERE 1"), 62);
  EXPECT_EQ(code("/* /* */ KILL QUERY WHERE 1 -- */ INSERT INTO t VALUES"), 62);
  EXPECT_EQ(code("SELECT 1 INTO OUTFILE 'x'"), 62);
}

// A server applies the settings of a subquery though the query is read-only, and a row policy in it follows them.
TEST(TenantStatement, NamesNoSettingsAtAnyDepth) {
  for (const auto* text : {"SELECT 1 FORMAT CSV SETTINGS readonly = 0", "SELECT 1 SETTINGS readonly = DEFAULT UNION ALL SELECT 1",
                           "SELECT * FROM (SELECT * FROM users SETTINGS SQL_project_id = 'other')",
                           "WITH u AS (SELECT * FROM users /**/settings/**/SQL_project_id='other', readonly=1) SELECT * FROM u",
                           "SELECT 1 settings `readonly` = 0", "SELECT (SELECT count() FROM users SETTINGS readonly)"}) {
    EXPECT_EQ(code(text), 164) << text;
  }
  EXPECT_EQ(code("SELECT `settings`, \"settings\", 'SETTINGS a = 1' FROM t -- SETTINGS a = 1"), 0);
}

TEST(TenantMessage, IsTheServersForStatementsThatCannotBeParsedOnly) {
  EXPECT_EQ(tenant_message(62, "Syntax error: failed at position 3"), "Syntax error: failed at position 3");
  for (const int code : {158, 159, 164, 396, 636}) {
    EXPECT_NE(tenant_message(code, "secret"), tenant_message(0, "secret"));
    EXPECT_EQ(tenant_message(code, "secret").find("secret"), std::string::npos);
  }
  for (const int code : {0, 6, 43, 47, 60, 241, 395, 497}) {
    EXPECT_EQ(tenant_message(code, "secret"), "Error during execution of this query.");
  }
}

}  // namespace
}  // namespace tributary::clickhouse::embedded
