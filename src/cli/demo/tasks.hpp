#pragma once
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include <cstddef>
#include <exception>
#include <stop_token>
#include <vector>

#include "base/event.hpp"

namespace tributary::cli::demo {

/// Coroutines that run beside each other and belong together: the first that fails stops the rest.
///
/// Lifetime: outlives its loop's run (Event). Threads: one loop.
class Tasks {
 public:
  explicit Tasks(asio::any_io_executor executor) : executor_(std::move(executor)), ended_(executor_) {}
  Tasks(const Tasks&) = delete;
  Tasks& operator=(const Tasks&) = delete;

  /// `stop_token()` is what a task is to heed.
  void add(asio::awaitable<void> task);
  std::stop_token stop_token() const { return stop_.get_token(); }
  void request_stop() { stop_.request_stop(); }
  /// Throws the first failure, if there is one.
  void check() const;
  /// Returns when all have ended, and throws the first failure. A requested `stop` is handed on to the tasks.
  asio::awaitable<void> join(std::stop_token stop = {});

 private:
  asio::any_io_executor executor_;
  Event ended_;
  std::stop_source stop_;
  std::size_t running_ = 0;
  std::exception_ptr failure_;
};

/// A pause that a stop ends. Lifetime as Event. REQUIRES: one waiter.
class Pause {
 public:
  explicit Pause(asio::any_io_executor executor) : event_(std::move(executor)) {}
  asio::awaitable<void> until(Deadline deadline, std::stop_token stop) { co_await event_.wait(deadline, std::move(stop)); }

 private:
  Event event_;
};

}  // namespace tributary::cli::demo
