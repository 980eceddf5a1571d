#include "postgres/listener.hpp"

#include <thread>

#include "base/event.hpp"
#include "fixture.hpp"

namespace tributary::postgres {
namespace {

class ListenerTest : public testing::Test {
 protected:
  /// Runs a Listener beside `body` and stops it at the end.
  void with_listener(const ConnectOptions& options, std::function<asio::awaitable<void>()> body) {
    test::run([&]() -> asio::awaitable<void> {
      const auto executor = co_await asio::this_coro::executor;
      event_.emplace(executor);
      Event ended(executor);
      Listener listener(options, {"one", "two \"quoted\""}, [this](const Notification& notification) {
        heard_.push_back(notification.channel + ":" + notification.payload);
        event_->set();
      });
      asio::co_spawn(executor, listener.run(stop_.get_token()), [&](std::exception_ptr failure) {
        EXPECT_FALSE(failure);
        ended.set();
      });
      co_await body();
      stop_.request_stop();
      EXPECT_TRUE(co_await ended.wait(Deadline::after(10s))) << "it ends promptly";
      event_.reset();  // before its loop
    });
  }
  asio::awaitable<bool> hears(std::string what) {
    while (std::find(heard_.begin(), heard_.end(), what) == heard_.end()) {
      if (!co_await event_->wait(soon())) co_return false;
    }
    co_return true;
  }

  test::Database database_;
  test::Session session_ = database_.session();
  std::optional<Event> event_;
  std::vector<std::string> heard_;
  std::stop_source stop_;
};

TEST_F(ListenerTest, HearsItsChannelsAndComesBackAfterItsBackendWasTerminated) {
  with_listener(database_.options(), [&]() -> asio::awaitable<void> {
    EXPECT_TRUE(co_await hears("two \"quoted\":")) << "once a channel after connecting";
    EXPECT_THAT(heard_, testing::ElementsAre("one:", "two \"quoted\":"));
    session_.run("NOTIFY one, 'a'; NOTIFY other, 'not this'; NOTIFY \"two \"\"quoted\"\"\", 'b'");
    EXPECT_TRUE(co_await hears("two \"quoted\":b"));
    EXPECT_THAT(heard_, testing::ElementsAre("one:", "two \"quoted\":", "one:a", "two \"quoted\":b"));

    heard_.clear();
    session_.run(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> "
        "pg_backend_pid()");
    EXPECT_TRUE(co_await hears("two \"quoted\":")) << "what was sent meanwhile is lost, so it says to look";
    session_.run("NOTIFY one, 'c'");
    EXPECT_TRUE(co_await hears("one:c"));
  });
}

TEST_F(ListenerTest, StopsWhileItCannotConnect) {
  with_listener(database_.options().with("dbname", "no such database"),
                []() -> asio::awaitable<void> { co_await asio::post(asio::use_awaitable); });
  EXPECT_TRUE(heard_.empty());
}

TEST_F(ListenerTest, StopsWhileAServerDoesNotAnswer) {
  test::run([&]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    const SilentPort port(executor, true);
    Listener listener(database_.options().with("port", port.number()), {"one"}, [](const Notification&) {});
    Event ended(executor);
    asio::co_spawn(executor, listener.run(stop_.get_token()), [&](std::exception_ptr failure) {
      EXPECT_FALSE(failure);
      ended.set();
    });
    co_await asio::post(asio::use_awaitable);
    std::thread([&] { stop_.request_stop(); }).join();  // from any thread
    EXPECT_TRUE(co_await ended.wait(Deadline::after(5s)));
  });
}

TEST_F(ListenerTest, AStopBeforeTheStartIsTheEnd) {
  stop_.request_stop();
  test::run([&]() -> asio::awaitable<void> {
    Listener listener(database_.options(), {"one"}, [](const Notification&) { ADD_FAILURE(); });
    co_await listener.run(stop_.get_token());
  });
}

}  // namespace
}  // namespace tributary::postgres
