#include "base/event.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/system/system_error.hpp>
#include <thread>

namespace tributary {
namespace {

using namespace std::chrono_literals;

class EventTest : public testing::Test {
 protected:
  /// Runs one coroutine to its end; what it throws is rethrown.
  template <class Coroutine>
  void run(Coroutine coroutine) {
    std::exception_ptr failure;
    asio::co_spawn(loop_, std::move(coroutine), [&](std::exception_ptr error) { failure = error; });
    loop_.run();
    if (failure) std::rethrow_exception(failure);
  }

  asio::io_context loop_{1};
  Event event_{loop_.get_executor()};
};

TEST_F(EventTest, ASetBeforeTheWaitIsRememberedOnce) {
  run([&]() -> asio::awaitable<void> {
    event_.set();
    event_.set();
    EXPECT_TRUE(co_await event_.wait(Deadline::never()));
    EXPECT_FALSE(co_await event_.wait(Deadline::after(1ms)));
  });
}

TEST_F(EventTest, EndsAtItsDeadline) {
  run([&]() -> asio::awaitable<void> {
    const auto deadline = Deadline::after(5ms);
    EXPECT_FALSE(co_await event_.wait(deadline));
    EXPECT_TRUE(deadline.expired());
  });
}

TEST_F(EventTest, EndsAtAStopRequestFromAnotherThread) {
  std::stop_source stop;
  std::jthread stopper([&] { stop.request_stop(); });
  run([&]() -> asio::awaitable<void> { EXPECT_FALSE(co_await event_.wait(Deadline::never(), stop.get_token())); });
}

TEST_F(EventTest, EndsAtOnceWhenStoppedBefore) {
  std::stop_source stop;
  stop.request_stop();
  run([&]() -> asio::awaitable<void> { EXPECT_FALSE(co_await event_.wait(Deadline::never(), stop.get_token())); });
}

TEST_F(EventTest, CancellationThrows) {
  asio::cancellation_signal cancel;
  std::exception_ptr failure;
  asio::co_spawn(loop_, event_.wait(Deadline::never()),
                 asio::bind_cancellation_slot(cancel.slot(), [&](std::exception_ptr error, bool) { failure = error; }));
  asio::post(loop_, [&] { cancel.emit(asio::cancellation_type::terminal); });
  loop_.run();
  ASSERT_TRUE(failure);
  EXPECT_THROW(std::rethrow_exception(failure), boost::system::system_error);
}

// Several threads hand over numbers and notify; the waiter must see the last one whatever the interleaving.
TEST_F(EventTest, NoNotificationOfAnotherThreadIsLost) {
  constexpr int kThreads = 4;
  constexpr int kRounds = 5'000;
  std::atomic<int> handed_over{0};
  std::vector<std::jthread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < kRounds; ++round) {
        ++handed_over;
        event_.notify();
      }
    });
  }
  run([&]() -> asio::awaitable<void> {
    while (handed_over < kThreads * kRounds) {
      if (!co_await event_.wait(Deadline::after(30s))) {
        ADD_FAILURE() << "a notification was lost";
        co_return;
      }
    }
  });
  threads.clear();
}

}  // namespace
}  // namespace tributary
