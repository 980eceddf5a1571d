#include "clickhouse/error.hpp"

#include <gtest/gtest.h>

namespace tributary::clickhouse {
namespace {

Error refused(int code, int status) { return Error({.kind = ErrorKind::server, .code = code, .http_status = status}); }

TEST(Error, SaysWhatMayPassByItself) {
  EXPECT_TRUE(Error(ErrorKind::connection, "").retryable());
  EXPECT_TRUE(Error(ErrorKind::deadline, "").retryable());
  EXPECT_FALSE(Error(ErrorKind::protocol, "").retryable());
  EXPECT_FALSE(Error(ErrorKind::usage, "").retryable());
  EXPECT_TRUE(refused(241, 500).retryable()) << "MEMORY_LIMIT_EXCEEDED";
  EXPECT_TRUE(refused(252, 500).retryable()) << "TOO_MANY_PARTS";
  EXPECT_FALSE(refused(62, 400).retryable()) << "SYNTAX_ERROR";
  EXPECT_FALSE(refused(516, 403).retryable()) << "AUTHENTICATION_FAILED";
  EXPECT_FALSE(refused(60, 503).retryable()) << "the code says more than the status";
  EXPECT_TRUE(refused(0, 503).retryable());
  EXPECT_TRUE(refused(0, 429).retryable());
  EXPECT_FALSE(refused(0, 404).retryable());
}

TEST(Error, ItsMessageIsOneLine) { EXPECT_STREQ(Error(ErrorKind::server, "a\n\tb\x1b").what(), "a b"); }

}  // namespace
}  // namespace tributary::clickhouse
