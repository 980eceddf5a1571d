#include "cli/text.hpp"

#include <gtest/gtest.h>

namespace tributary::cli {
namespace {

using namespace std::chrono_literals;

TEST(Table, AlignsNumbersToTheRightAndTextToTheLeft) {
  Table table({"NAME", "ROWS"});
  table.add({"a", "7"});
  table.add({"Zoë", "1,234"});
  EXPECT_EQ(table.to_string(),
            "NAME   ROWS\n"
            "a         7\n"
            "Zoë   1,234\n");
}

TEST(Table, LeavesNoBlanksAtTheEndOfALineAndKeepsARowOnOneLine) {
  Table table({"NAME", "ERROR"});
  table.add({"a", ""});
  table.add({"b", "two\nlines"});
  EXPECT_EQ(table.to_string(), "NAME  ERROR\na\nb     two lines\n");
}

TEST(Table, ShowsNoTerminalsEscapes) {
  Table table({"NAME"});
  table.add({"a\x1b]0;title\x07 \u009b2Jb"});
  EXPECT_EQ(table.to_string(), "NAME\na ]0;title 2Jb\n");
}

TEST(Table, IsEmptyWithoutRows) {
  Table table({"NAME"});
  EXPECT_TRUE(table.empty());
  table.add({"a"});
  EXPECT_FALSE(table.empty());
}

TEST(Text, NumbersAreGroupedByThousands) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1'000), "1,000");
  EXPECT_EQ(grouped(1'234'567), "1,234,567");
  EXPECT_EQ(grouped(-123), "-123");
  EXPECT_EQ(grouped(-1'234), "-1,234");
}

TEST(Text, DurationsKeepTwoDigits) {
  EXPECT_EQ(rough_duration(-5ms), "0 ms");
  EXPECT_EQ(rough_duration(340ms), "340 ms");
  EXPECT_EQ(rough_duration(2'140ms), "2.1 s");
  EXPECT_EQ(rough_duration(9'990ms), "9 s");
  EXPECT_EQ(rough_duration(119s), "119 s");
  EXPECT_EQ(rough_duration(4min), "4 min");
  EXPECT_EQ(rough_duration(3h), "3 h");
  EXPECT_EQ(rough_duration(50h), "2 d");
}

TEST(Text, ABarIsFullOnlyWhenAllIsDone) {
  EXPECT_EQ(progress_bar(0, 4), "[----]   0 %");
  EXPECT_EQ(progress_bar(0.5, 4), "[##--]  50 %");
  EXPECT_EQ(progress_bar(0.999, 4), "[###-]  99 %");
  EXPECT_EQ(progress_bar(1, 4), "[####] 100 %");
  EXPECT_EQ(progress_bar(7, 4), "[####] 100 %");
}

TEST(Text, NounsAgreeWithTheirNumber) {
  EXPECT_EQ(counted(1, "destination"), "1 destination");
  EXPECT_EQ(counted(0, "destination"), "0 destinations");
  EXPECT_EQ(counted(2'000, "refused row"), "2,000 refused rows");
}

}  // namespace
}  // namespace tributary::cli
