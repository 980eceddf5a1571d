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

}  // namespace
}  // namespace tributary
