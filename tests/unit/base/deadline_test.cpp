#include "base/deadline.hpp"

#include <gtest/gtest.h>

namespace tributary {
namespace {

using namespace std::chrono_literals;
using Clock = Deadline::Clock;

TEST(Deadline, InThePastIsExpiredAndHasNothingLeft) {
  const auto deadline = Deadline::at(Clock::now() - 1s);
  EXPECT_TRUE(deadline.expired());
  EXPECT_EQ(deadline.remaining(), Clock::duration::zero());
}

TEST(Deadline, AheadIsNotExpired) {
  const auto deadline = Deadline::after(1h);
  EXPECT_FALSE(deadline.expired());
  EXPECT_GT(deadline.remaining(), 59min);
  EXPECT_LE(deadline.remaining(), 1h);
}

TEST(Deadline, NeverDoesNotExpire) {
  EXPECT_TRUE(Deadline::never().is_never());
  EXPECT_FALSE(Deadline::never().expired());
  EXPECT_EQ(Deadline::never().remaining(), Clock::duration::max());
}

TEST(Deadline, CappedIsTheEarlierOfBoth) {
  const auto deadline = Deadline::after(1h);
  EXPECT_EQ(deadline.capped(2h).when(), deadline.when());
  EXPECT_LT(deadline.capped(1min).when(), deadline.when());
  EXPECT_LE(Deadline::never().capped(1min).remaining(), 1min);
}

TEST(Deadline, ADurationLongerThanTheClockIsNever) {
  EXPECT_TRUE(Deadline::after(Clock::duration::max()).is_never());
  EXPECT_TRUE(Deadline::never().capped(Deadline::never().remaining()).is_never());
}

}  // namespace
}  // namespace tributary
