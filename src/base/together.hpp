#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>

#include <exception>
#include <stop_token>
#include <utility>

#include "base/event.hpp"

namespace tributary {

/// Runs coroutines at the same time until all have ended, so that what they refer to may live in the coroutine that waits for them; then throws what the first of them
/// threw. One that throws ends the others by `stop`. Threads: one loop. REQUIRES: wait() is called, and not cancelled, once something was started.
class Together {
 public:
  explicit Together(boost::asio::any_io_executor executor) : executor_(executor), one_ended_(executor) {}

  void start(boost::asio::awaitable<void> work) {
    ++running_;
    boost::asio::co_spawn(executor_, std::move(work), [this](std::exception_ptr error) {
      --running_;
      if (error && !failure_) {
        failure_ = error;
        stop_.request_stop();
      }
      one_ended_.set();
    });
  }
  std::stop_token stop_token() const { return stop_.get_token(); }
  void request_stop() { stop_.request_stop(); }

  boost::asio::awaitable<void> wait() {
    while (running_ > 0) co_await one_ended_.wait(Deadline::never());
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  boost::asio::any_io_executor executor_;
  Event one_ended_;
  std::stop_source stop_;
  int running_ = 0;
  std::exception_ptr failure_;
};

}  // namespace tributary
