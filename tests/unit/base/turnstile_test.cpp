#include "base/turnstile.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

namespace tributary {
namespace {

using testing::ElementsAre;

class TurnstileTest : public testing::Test {
 protected:
  /// Somebody who wants in; says so in `entered_` once inside, and stays there.
  asio::awaitable<void> visit(int who) {
    auto place = co_await turnstile_.enter(Deadline::never());
    place->keep();
    entered_.push_back(who);
  }
  void spawn(int who) { asio::co_spawn(loop_, visit(who), asio::detached); }
  void settle() {
    loop_.restart();
    loop_.poll();
  }

  void TearDown() override { owner_.reset(); }  // destroys who still waits, before the turnstile

  std::vector<int> entered_;
  std::unique_ptr<asio::io_context> owner_ = std::make_unique<asio::io_context>();
  asio::io_context& loop_ = *owner_;
  Turnstile turnstile_{loop_.get_executor(), 2};
};

TEST_F(TurnstileTest, LetsInAtMostItsPlacesInOrderOfArrival) {
  for (int who = 1; who <= 5; ++who) spawn(who);
  settle();
  EXPECT_THAT(entered_, ElementsAre(1, 2));
  EXPECT_EQ(turnstile_.waiting(), 3U);
  turnstile_.leave();
  settle();
  EXPECT_THAT(entered_, ElementsAre(1, 2, 3));
  turnstile_.leave();
  spawn(6);
  turnstile_.leave();
  settle();
  EXPECT_THAT(entered_, ElementsAre(1, 2, 3, 4, 5));
  EXPECT_EQ(turnstile_.inside(), 2U);
}

TEST_F(TurnstileTest, AFreedPlaceBelongsToTheFirstWaiterBeforeItRuns) {
  spawn(1);
  spawn(2);
  settle();
  spawn(3);
  settle();
  turnstile_.leave();  // 3 is let in, but has not run yet
  EXPECT_EQ(turnstile_.inside(), 1U);
  EXPECT_EQ(turnstile_.waiting(), 1U);
  std::optional<bool> got_in;
  const auto pass_by = [&]() -> asio::awaitable<void> {
    got_in = (co_await turnstile_.enter(Deadline::after(std::chrono::milliseconds(1)))).has_value();
  };
  asio::co_spawn(loop_, pass_by(), asio::detached);
  loop_.restart();
  loop_.run();
  EXPECT_EQ(got_in, false);
  EXPECT_THAT(entered_, ElementsAre(1, 2, 3));
}

TEST_F(TurnstileTest, APlaceIsLeftUnlessKept) {
  asio::co_spawn(loop_, [this]() -> asio::awaitable<void> { co_await turnstile_.enter(Deadline::never()); }, asio::detached);
  settle();
  EXPECT_EQ(turnstile_.inside(), 0U);
}

TEST_F(TurnstileTest, AWaiterWhoseTimeIsUpLeavesTheQueue) {
  spawn(1);
  spawn(2);
  settle();
  std::optional<bool> got_in;
  asio::co_spawn(
      loop_,
      [&]() -> asio::awaitable<void> {
        got_in = (co_await turnstile_.enter(Deadline::after(std::chrono::milliseconds(1)))).has_value();
      },
      asio::detached);
  loop_.restart();
  loop_.run();
  EXPECT_EQ(got_in, false);
  EXPECT_EQ(turnstile_.waiting(), 0U);
}

TEST_F(TurnstileTest, AWaiterThatIsCancelledAsItIsLetInHandsThePlaceOn) {
  spawn(1);
  spawn(2);
  settle();
  asio::cancellation_signal signal;
  asio::co_spawn(loop_, visit(3), asio::bind_cancellation_slot(signal.slot(), asio::detached));
  spawn(4);
  settle();
  turnstile_.leave();
  signal.emit(asio::cancellation_type::terminal);
  settle();
  turnstile_.leave();
  settle();
  EXPECT_THAT(entered_, testing::Contains(4));
  EXPECT_EQ(turnstile_.waiting(), 0U);
  EXPECT_LE(turnstile_.inside(), 2U);
}

TEST_F(TurnstileTest, OpenForAllEndsTheWaiting) {
  for (int who = 1; who <= 5; ++who) spawn(who);
  settle();
  turnstile_.open_for_all();
  spawn(6);
  settle();
  EXPECT_EQ(entered_.size(), 6U);
}

TEST(Turnstile, ALoopThatEndsUnderItsVisitorsLeavesNobodyBehind) {
  auto loop = std::make_unique<asio::io_context>();
  Turnstile turnstile(loop->get_executor(), 1);
  const auto stay = [&]() -> asio::awaitable<void> {
    const auto place = co_await turnstile.enter(Deadline::never());
    co_await turnstile.enter(Deadline::never());
  };
  for (int i = 0; i < 3; ++i) asio::co_spawn(*loop, stay(), asio::detached);
  loop->poll();
  EXPECT_EQ(turnstile.inside(), 1U);
  EXPECT_EQ(turnstile.waiting(), 3U);
  loop.reset();
  EXPECT_EQ(turnstile.inside(), 0U);
  EXPECT_EQ(turnstile.waiting(), 0U);
}

}  // namespace
}  // namespace tributary
