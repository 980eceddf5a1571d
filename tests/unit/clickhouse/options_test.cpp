#include "clickhouse/options.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "clickhouse/error.hpp"

namespace tributary::clickhouse {
namespace {

TEST(ConnectOptions, AreReadFromAUrl) {
  const auto all = ConnectOptions::parse("https://keeper:p%40ss%2Fword@ch.example.com:9443/analytics");
  EXPECT_EQ(all, (ConnectOptions{.host = "ch.example.com",
                                 .port = 9443,
                                 .tls = true,
                                 .user = "keeper",
                                 .password = "p@ss/word",
                                 .database = "analytics"}));
  EXPECT_TRUE(all.verify_certificate);
  EXPECT_EQ(ConnectOptions::parse("http://localhost"), ConnectOptions{});
  EXPECT_EQ(ConnectOptions::parse("https://localhost/").port, 8443);
  EXPECT_EQ(ConnectOptions::parse("http://[::1]:8123").host, "::1");
}

TEST(ConnectOptions, AreShownWithoutThePassword) {
  EXPECT_EQ(ConnectOptions::parse("https://keeper:secret@[::1]:9443/db").redacted(), "https://keeper@[::1]:9443/db");
  EXPECT_EQ(ConnectOptions{}.redacted(), "http://default@localhost:8123");
}

TEST(ConnectOptions, RefuseOtherUrlsWithoutRepeatingThem) {
  for (const auto* url :
       {"", "localhost:8123", "tcp://u:secret@localhost", "http://u:secret@", "http://u:secret@a:99999", "http://u:secret@a:0",
        "http://u:secret@a/db/more", "http://u:secret@a/db?x=1", "http://u:secret@a b"}) {
    try {
      ConnectOptions::parse(url);
      ADD_FAILURE() << url;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::usage);
      EXPECT_THAT(error.what(), testing::Not(testing::HasSubstr("secret")));
    }
  }
}

}  // namespace
}  // namespace tributary::clickhouse
