#include "destination/clickhouse/privacy.hpp"

#include <gtest/gtest.h>

namespace tributary::destination::clickhouse_target {
namespace {

TEST(Privacy, AMaskLeavesTheFirstCharacterAndTheDomain) {
  EXPECT_EQ(masked("jane@example.com"), "j•••@example.com");
  EXPECT_EQ(masked("Ädä Löf"), "Ä•••");
  EXPECT_EQ(masked("\"a@b\"@example.com"), "\"•••@example.com");
}

TEST(Privacy, AMaskNeverLeavesAWholeName) {
  EXPECT_EQ(masked("j@example.com"), "•••@example.com");
  EXPECT_EQ(masked("Ä"), "•••");
  EXPECT_EQ(masked("@example.com"), "•••@example.com");
  EXPECT_EQ(masked("a\xff"), "a•••") << "bytes that are no UTF-8";
  EXPECT_EQ(masked(""), "");
}

TEST(Privacy, AHashIsTheSameForEqualValuesOfAProjectOnly) {
  EXPECT_EQ(hashed("key", "project", "value"), hashed("key", "project", "value"));
  EXPECT_NE(hashed("key", "project", "value"), hashed("key", "project", "other"));
  EXPECT_NE(hashed("key", "project", "value"), hashed("key", "another", "value"));
  EXPECT_NE(hashed("key", "project", "value"), hashed("yek", "project", "value"));
}

// printf value | openssl dgst -sha256 -mac HMAC -macopt hexkey:$(printf project | openssl dgst -sha256 -hmac key | cut -d ' ' -f 2)
TEST(Privacy, AHashIsTheHmacThatTheDocumentationPromises) {
  EXPECT_EQ(hashed("key", "project", "value"), "67b1660dfc78b25d568e4f5fdca93208bbb4e686a2f6b3085269fddaf3b51360");
}

}  // namespace
}  // namespace tributary::destination::clickhouse_target
