#include "base/backoff.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace tributary {
namespace {

using namespace std::chrono_literals;

TEST(Backoff, DoublesFromTheFirstUpToTheLongest) {
  const Backoff backoff{.first = 500ms, .longest = 3s};
  constexpr double kNearlyOne = 0.999999;
  const auto near = [&](int failures, std::chrono::milliseconds whole) {
    const auto delay = backoff.delay(failures, kNearlyOne);
    return delay <= whole && delay >= whole - 1ms;
  };
  EXPECT_TRUE(near(1, 500ms));
  EXPECT_TRUE(near(2, 1s));
  EXPECT_TRUE(near(3, 2s));
  EXPECT_TRUE(near(4, 3s));
  EXPECT_TRUE(near(1'000'000, 3s));
}

TEST(Backoff, WaitsBetweenHalfAndTheWhole) {
  ASSERT_TRUE(rc::check([] {
    const Backoff backoff{.first = std::chrono::milliseconds(*rc::gen::inRange(1, 10'000)),
                          .longest = std::chrono::milliseconds(*rc::gen::inRange(10'000, 1'000'000))};
    const auto failures = *rc::gen::inRange(1, 100);
    const auto random = *rc::gen::inRange(0, 1'000) / 1'000.0;
    const auto shortest = backoff.delay(failures, 0);
    const auto delay = backoff.delay(failures, random);
    RC_ASSERT(shortest >= backoff.first / 2);
    RC_ASSERT(delay >= shortest);
    RC_ASSERT(delay <= 2 * shortest + 1ms);
    RC_ASSERT(delay <= backoff.longest);
  }));
}

}  // namespace
}  // namespace tributary
