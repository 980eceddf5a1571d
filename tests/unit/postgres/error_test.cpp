#include "postgres/error.hpp"

#include <gtest/gtest.h>

namespace tributary::postgres {
namespace {

Error server_error(std::string sqlstate) {
  Error::Details details;
  details.kind = ErrorKind::server;
  details.message = "refused";
  details.sqlstate = std::move(sqlstate);
  return Error(std::move(details));
}

TEST(Error, OnlyAServersRefusalLeavesTheConnectionUsable) {
  EXPECT_FALSE(server_error("23505").poisons_connection());
  for (const auto kind : {ErrorKind::connection, ErrorKind::deadline, ErrorKind::protocol, ErrorKind::usage}) {
    EXPECT_TRUE(Error(kind, "x").poisons_connection());
  }
}

TEST(Error, IsRetryableOnlyWhereNobodyNeedsToDoAnything) {
  EXPECT_TRUE(Error(ErrorKind::connection, "x").retryable());
  EXPECT_TRUE(Error(ErrorKind::deadline, "x").retryable());
  EXPECT_FALSE(Error(ErrorKind::protocol, "x").retryable());
  EXPECT_FALSE(Error(ErrorKind::usage, "x").retryable());
  for (const auto* state : {"08006", "40001", "40P01", "53300", "55P03", "57014", "57P01", "58030", "XX000"}) {
    EXPECT_TRUE(server_error(state).retryable()) << state;
  }
  for (const auto* state : {"22001", "23505", "25P02", "26000", "28P01", "42P01", "42501", "P0001", ""}) {
    EXPECT_FALSE(server_error(state).retryable()) << state;
  }
}

TEST(Error, MayBlameARowUnlessItIsOfTheSessionTheStatementOrTheServer) {
  for (const auto* state : {"21000", "22001", "23505", "23514", "44000", "54000", "P0001", "U0001", "2F003"})
    EXPECT_TRUE(server_error(state).may_blame_a_row()) << state;
  for (const auto* state :
       {"08006", "0A000", "25006", "26000", "28000", "3D000", "40P01", "42P01", "53100", "55P03", "57014", "58030", "XX000", ""})
    EXPECT_FALSE(server_error(state).may_blame_a_row()) << state;
  Error::Details details;
  details.kind = ErrorKind::connection;
  details.sqlstate = "23505";
  EXPECT_FALSE(Error(details).may_blame_a_row());
}

TEST(Error, TextsAreOneLineOfBoundedLength) {
  EXPECT_STREQ(Error(ErrorKind::server, "one\n\ttwo\x01\r\n three \n").what(), "one two three");
  EXPECT_EQ(std::string_view(Error(ErrorKind::server, std::string(1'000'000, 'x')).what()).size(), 2048U);
  Error::Details details;
  details.detail = std::string(1'000'000, 'x');
  details.statement = std::string(1'000'000, 'x');
  const Error error(details);
  EXPECT_EQ(error.details().detail.size(), 2048U);
  EXPECT_EQ(error.details().statement.size(), 200U);
}

TEST(Error, TextsAreCutBetweenCharacters) {
  for (std::size_t padding = 0; padding < 4; ++padding) {
    std::string text(padding, 'x');
    while (text.size() < 3000) text += "\xF0\x9F\x90\x98";  // an elephant, four bytes
    const std::string_view kept = Error(ErrorKind::server, text).details().message;
    EXPECT_EQ((kept.size() - padding) % 4, 0U);
    EXPECT_GT(kept.size(), 2040U);
  }
}

TEST(Error, InDoubtKeepsEverythingElse) {
  const auto error = server_error("57P01").in_doubt();
  EXPECT_TRUE(error.commit_in_doubt());
  EXPECT_EQ(error.sqlstate(), "57P01");
  EXPECT_STREQ(error.what(), "refused");
}

}  // namespace
}  // namespace tributary::postgres
