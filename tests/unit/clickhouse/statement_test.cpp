#include "clickhouse/embedded/statement.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "clickhouse/embedded/request.hpp"
#include "clickhouse/embedded/tenant_rules.hpp"

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

TEST(TenantText, IsItsTokensWithoutComments) {
  EXPECT_EQ(TenantRules::plain_text("SELECT/**/1 -- ; x\n , 'a -- b' /* /* */ ' */ ->x"), "SELECT 1 , 'a -- b' ->x");
  EXPECT_EQ(TenantRules::plain_text("SELECT a.b::String||x'ff'>=1.5e3"), "SELECT a.b::String||x'ff'>=1.5e3");
}

TEST(TenantText, RefusesWhatCanBeReadInTwoWays) {
  for (const auto* text : {"SELECT 'a", "SELECT $$ $$", "SELECT 1\\G",
                           "SELECT\xc2\xa0"
                           "1",
                           "SELECT \xe2\x80\x98x\xe2\x80\x99", "SELECT #x", "SELECT `a\\`", "SELECT {x : Identifier}"})
    EXPECT_THROW(TenantRules::plain_text(text), EngineFailure) << text;
}

TEST(TenantText, MayBeLongInListsButNotInWords) {
  std::string list = "SELECT 1 IN (0";
  for (int i = 0; i < 20'000; ++i) list += ", 1";
  EXPECT_NO_THROW(TenantRules::plain_text(list + ")"));
  std::string unions = "SELECT 1";
  for (int i = 0; i < 2'000; ++i) unions += " UNION ALL SELECT 1";
  EXPECT_THROW(TenantRules::plain_text(unions), EngineFailure);
  EXPECT_THROW(TenantRules::plain_text("SELECT " + std::string(200, '(') + '1' + std::string(200, ')')), EngineFailure);
}

}  // namespace
}  // namespace tributary::clickhouse::embedded
