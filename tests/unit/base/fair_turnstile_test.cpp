#include "base/fair_turnstile.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

namespace tributary {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// Four places, two of a key.
class FairTurnstileTest : public testing::Test {
 protected:
  /// Somebody who wants in, and stays there until the place is taken out of `inside_`.
  void spawn(const std::string& key, Deadline deadline = Deadline::never()) {
    const auto visit = [](FairTurnstileTest& test, std::string who, Deadline until) -> asio::awaitable<void> {
      auto place = co_await test.turnstile_.enter(who, until);
      test.entered_.push_back(place ? who : "not " + who);
      if (place) test.inside_.emplace(who, std::move(*place));
    };
    asio::co_spawn(loop_, visit(*this, key, deadline), asio::detached);
    settle();
  }
  std::vector<std::string> leave(const std::string& key) {
    entered_.clear();
    inside_.erase(inside_.find(key));
    settle();
    return entered_;
  }
  void settle() {
    loop_.restart();
    loop_.poll();
  }
  void TearDown() override {
    inside_.clear();
    owner_.reset();  // destroys who still waits, before the turnstile
  }

  std::unique_ptr<asio::io_context> owner_ = std::make_unique<asio::io_context>();
  asio::io_context& loop_ = *owner_;
  FairTurnstile turnstile_{loop_.get_executor(), 4, 2};
  std::vector<std::string> entered_;
  std::multimap<std::string, FairTurnstile::Place> inside_;
};

TEST_F(FairTurnstileTest, OneThatWantsEverythingLeavesRoomForAnother) {
  for (int i = 0; i < 10; ++i) spawn("greedy");
  EXPECT_THAT(entered_, ElementsAre("greedy", "greedy"));
  spawn("other");
  EXPECT_THAT(entered_, ElementsAre("greedy", "greedy", "other"));
  EXPECT_THAT(leave("greedy"), ElementsAre("greedy"));
}

TEST_F(FairTurnstileTest, WhoeverComesWaitsBehindNoMoreOfAnyOtherThanMayBeInside) {
  for (const auto* key : {"a", "b", "c"}) {
    for (int i = 0; i < 10; ++i) spawn(key);
  }
  spawn("late");
  EXPECT_THAT(entered_, ElementsAre("a", "a", "b", "b"));
  EXPECT_THAT(leave("a"), ElementsAre("c"));
  EXPECT_THAT(leave("a"), ElementsAre("c"));
  EXPECT_THAT(leave("b"), ElementsAre("late"));
  EXPECT_THAT(leave("b"), ElementsAre("a"));
}

TEST_F(FairTurnstileTest, WhoseTimeIsUpLeavesBothQueues) {
  for (int i = 0; i < 2; ++i) spawn("a");
  for (int i = 0; i < 2; ++i) spawn("b");
  spawn("a", Deadline::after(std::chrono::milliseconds(1)));
  spawn("c", Deadline::after(std::chrono::milliseconds(1)));
  loop_.restart();
  loop_.run();
  EXPECT_THAT(entered_, ElementsAre("a", "a", "b", "b", testing::StartsWith("not"), testing::StartsWith("not")));
  EXPECT_THAT(leave("a"), IsEmpty());
  spawn("c");
  EXPECT_THAT(entered_, ElementsAre("c"));
}

}  // namespace
}  // namespace tributary
