#include "sync/examined.hpp"

#include <gtest/gtest.h>

namespace tributary::sync {
namespace {

constexpr std::int64_t kJump = 7;

Examined::Key key(std::size_t number) { return {Uuid{}, "d", std::to_string(number)}; }

TEST(Examined, IsOfOneJumpAndOneWatermark) {
  Examined examined;
  examined.add(key(1), kJump, 5);
  EXPECT_TRUE(examined.contains(key(1), kJump, 5));
  EXPECT_FALSE(examined.contains(key(1), kJump, 6));
  EXPECT_FALSE(examined.contains(key(1), kJump + 1, 5));
  examined.add(key(2), kJump + 1, 5);
  EXPECT_FALSE(examined.contains(key(1), kJump + 1, 5)) << "another server may have forgotten something else";
}

TEST(Examined, ForgetsTheOldestAndNeverAllAtOnce) {
  Examined examined;
  constexpr auto kMany = 5 * Examined::kFew;
  std::size_t oldest = 0;
  for (std::size_t i = 0; i < kMany; ++i) {
    examined.add(key(i), kJump, 5);
    while (!examined.contains(key(oldest), kJump, 5)) ++oldest;
    ASSERT_GE(i - oldest + 1, std::min(i + 1, Examined::kFew)) << i;
    ASSERT_LE(i - oldest + 1, 2 * Examined::kFew) << i;
  }
}

TEST(Examined, TheNewestWordCounts) {
  Examined examined;
  examined.add(key(0), kJump, 5);
  for (std::size_t i = 1; i <= Examined::kFew; ++i) examined.add(key(i), kJump, 5);
  examined.add(key(0), kJump, 6);
  EXPECT_TRUE(examined.contains(key(0), kJump, 6));
}

}  // namespace
}  // namespace tributary::sync
