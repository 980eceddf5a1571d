#include "base/one_line.hpp"

#include <gtest/gtest.h>

namespace tributary {
namespace {

TEST(OneLine, TurnsBlanksAndControlCharactersIntoOneSpace) {
  EXPECT_EQ(one_line(" a\r\n\tb\x1b[31m \x7f c \n", 100), "a b [31m c");
}

TEST(OneLine, CutsBetweenCharacters) {
  EXPECT_EQ(one_line("ab\u00e9", 3), "ab");
  EXPECT_EQ(one_line("ab\u00e9", 4), "ab\u00e9");
  EXPECT_EQ(one_line("abc", 0), "");
}

TEST(OneLine, KeepsUtf8AndNothingElse) {
  for (const auto* text : {"\u00e9\u20ac\U0001f600", "\uffff", "\U0010ffff"}) EXPECT_EQ(one_line(text, 100), text);
  EXPECT_EQ(one_line("a\xff"
                     "b\xc3",
                     100),
            "a?b?");
  EXPECT_EQ(one_line("\xc0\x80 \xed\xa0\x80 \xf5\x80\x80\x80 \xe2\x82 x", 100), "?? ??? ???? ?? x");
  EXPECT_EQ(one_line("\xe2\x82", 2), "??");
  // Control characters of C0 and C1, and DEL: terminals take some for orders.
  EXPECT_EQ(one_line("a\x1b[0mb\x7f"
                     "c\u009b31md\u0085e",
                     100),
            "a [0mb c 31md e");
}

}  // namespace
}  // namespace tributary
