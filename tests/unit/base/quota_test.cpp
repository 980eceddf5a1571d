#include "base/quota.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace tributary {
namespace {

TEST(Quota, OneThatAsksForMoreThanItMayKeepsNobodyElseOut) {
  Quota quota(2, 3);
  std::vector<Quota::Place> places;
  for (int i = 0; i < 2; ++i) places.push_back(quota.enter("greedy").value());
  EXPECT_FALSE(quota.enter("greedy"));
  EXPECT_FALSE(quota.is_full());
  places.push_back(quota.enter("other").value());
  EXPECT_TRUE(quota.is_full());
  EXPECT_FALSE(quota.enter("a third one"));
}

TEST(Quota, APlaceThatIsLeftCanBeHadAgain) {
  Quota quota(1, 1);
  {
    auto place = quota.enter("a");
    const auto moved = std::move(*place);
    EXPECT_FALSE(quota.enter("a"));
  }
  EXPECT_TRUE(quota.enter("a"));
}

TEST(Quota, APlaceMayOutliveTheQuota) {
  auto place = Quota(1, 1).enter("a");
  ASSERT_TRUE(place);
  place.reset();  // a sanitizer would tell
}

}  // namespace
}  // namespace tributary
