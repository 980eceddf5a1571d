#include "settings/value.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace tributary::settings {
namespace {

using namespace std::chrono_literals;

TEST(SettingValue, DurationsNeedTheirUnit) {
  EXPECT_EQ(parse_duration("250ms"), 250ms);
  EXPECT_EQ(parse_duration("10s"), 10s);
  EXPECT_EQ(parse_duration("5min"), 5min);
  EXPECT_EQ(parse_duration("2h"), 2h);
  EXPECT_EQ(parse_duration("0"), 0ms);
  for (const auto* text : {"", "10", "s", "10 s", "-1s", "1.5s", "10sec", "10S", "9223372036854775807h"})
    EXPECT_FALSE(parse_duration(text)) << text;
}

TEST(SettingValue, SizesNeedTheirUnit) {
  EXPECT_EQ(parse_bytes("512B")->count, 512);
  EXPECT_EQ(parse_bytes("256KiB")->count, 262'144);
  EXPECT_EQ(parse_bytes("8MiB")->count, 8'388'608);
  EXPECT_EQ(parse_bytes("1GiB")->count, 1'073'741'824);
  for (const auto* text : {"", "8", "8MB", "8mib", "-8MiB", "MiB", "99999999999GiB"}) EXPECT_FALSE(parse_bytes(text)) << text;
}

TEST(SettingValue, IntegersAreNothingButDigits) {
  EXPECT_EQ(parse_integer("42"), 42);
  EXPECT_EQ(parse_integer("-1"), -1);
  for (const auto* text : {"", " 1", "1 ", "0x10", "1e3", "1.0", "9223372036854775808"})
    EXPECT_FALSE(parse_integer(text)) << text;
}

TEST(SettingValue, WhatIsWrittenIsReadBack) {
  ASSERT_TRUE(rc::check([] {
    const auto number = *rc::gen::inRange<std::int64_t>(0, 1LL << 40);
    RC_ASSERT(parse_duration(format_duration(std::chrono::milliseconds(number))) == std::chrono::milliseconds(number));
    RC_ASSERT(parse_bytes(format_bytes(Bytes{number})) == Bytes{number});
  }));
}

}  // namespace
}  // namespace tributary::settings
