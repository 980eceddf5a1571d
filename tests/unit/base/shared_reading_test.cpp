#include "base/shared_reading.hpp"

#include <gtest/gtest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "base/event.hpp"

namespace tributary {
namespace {

using namespace std::chrono_literals;

class SharedReadingTest : public testing::Test {
 protected:
  /// Somebody who asks, and may be cancelled.
  void ask(asio::cancellation_signal& cancel) {
    asio::co_spawn(loop_, reading_.get(), asio::bind_cancellation_slot(cancel.slot(), [this](std::exception_ptr error) {
                     ++(error ? failed_ : answered_);
                   }));
  }
  void run() {
    loop_.restart();
    loop_.poll();
  }
  asio::awaitable<void> read() {
    ++begun_;
    co_await released_.wait(Deadline::never());
    if (fails_) throw std::runtime_error("it cannot be read");
  }

  asio::io_context loop_{1};
  Event released_{loop_.get_executor()};
  SharedReading reading_{loop_.get_executor(), [this] { return read(); }, 1h};
  bool fails_ = false;
  int begun_ = 0;
  int answered_ = 0;
  int failed_ = 0;
};

TEST_F(SharedReadingTest, IsReadOnceForAllWhoAskMeanwhileAndForThoseWhoComeSoon) {
  asio::cancellation_signal cancel[4];
  for (int i = 0; i < 3; ++i) ask(cancel[i]);
  run();
  EXPECT_EQ(begun_, 1);
  EXPECT_EQ(answered_, 0);
  released_.set();
  run();
  EXPECT_EQ(answered_, 3);
  ask(cancel[3]);
  run();
  EXPECT_EQ(answered_, 4);
  EXPECT_EQ(begun_, 1);
}

TEST_F(SharedReadingTest, IsTakenOnByAnotherWhenWhoeverReadsIsCancelled) {
  asio::cancellation_signal cancel[2];
  for (auto& signal : cancel) ask(signal);
  run();
  cancel[0].emit(asio::cancellation_type::terminal);
  run();
  EXPECT_EQ(failed_, 1);
  EXPECT_EQ(begun_, 2);
  released_.set();
  run();
  EXPECT_EQ(answered_, 1);
}

TEST_F(SharedReadingTest, AFailureIsOfWhoeverRead) {
  asio::cancellation_signal cancel[2];
  for (auto& signal : cancel) ask(signal);
  fails_ = true;
  released_.set();
  run();
  EXPECT_EQ(failed_, 1);
  EXPECT_EQ(begun_, 2);
  fails_ = false;
  released_.set();
  run();
  EXPECT_EQ(answered_, 1);
}

}  // namespace
}  // namespace tributary
