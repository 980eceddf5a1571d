#include "destination/clickhouse/breaker.hpp"

#include <gtest/gtest.h>

namespace tributary::destination::clickhouse_target {
namespace {

using namespace std::chrono_literals;

const Failure kDown{.kind = FailureKind::unavailable, .sqlstate = "08006", .message = "down"};

class BreakerTest : public testing::Test {
 protected:
  static Breaker::Clock::time_point at(std::chrono::milliseconds time) { return Breaker::Clock::time_point(1h) + time; }
  Breaker breaker{{.first = 100ms, .longest = 1s}, 5s};
};

TEST_F(BreakerTest, LetsEverybodyThroughUntilSomethingFails) {
  EXPECT_FALSE(breaker.refuses(at(0ms)));
  EXPECT_FALSE(breaker.refuses(at(0ms)));
  breaker.failed(kDown, at(0ms), 0.0);
  ASSERT_TRUE(breaker.refuses(at(1ms)));
  EXPECT_EQ(breaker.refuses(at(49ms))->message, "down");
}

TEST_F(BreakerTest, LetsOneProbeThroughAfterThePause) {
  breaker.failed(kDown, at(0ms), 0.0);
  EXPECT_FALSE(breaker.refuses(at(50ms)));
  EXPECT_TRUE(breaker.refuses(at(50ms)));
  breaker.succeeded();
  EXPECT_FALSE(breaker.refuses(at(51ms)));
  EXPECT_FALSE(breaker.refuses(at(51ms)));
}

TEST_F(BreakerTest, WaitsLongerAfterEachProbeThatFails) {
  breaker.failed(kDown, at(0ms), 0.0);
  ASSERT_FALSE(breaker.refuses(at(50ms)));
  breaker.failed(kDown, at(60ms), 0.0);
  EXPECT_TRUE(breaker.refuses(at(159ms)));
  EXPECT_FALSE(breaker.refuses(at(160ms)));
}

TEST_F(BreakerTest, CountsWhatFailsTogetherOnce) {
  for (int i = 0; i < 10; ++i) breaker.failed(kDown, at(0ms), 0.0);
  EXPECT_FALSE(breaker.refuses(at(50ms)));
}

TEST_F(BreakerTest, TakesASilentProbeForLost) {
  breaker.failed(kDown, at(0ms), 0.0);
  ASSERT_FALSE(breaker.refuses(at(50ms)));
  EXPECT_TRUE(breaker.refuses(at(5'049ms)));
  EXPECT_FALSE(breaker.refuses(at(5'050ms)));
}

}  // namespace
}  // namespace tributary::destination::clickhouse_target
