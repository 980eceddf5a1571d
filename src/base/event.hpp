#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <memory>
#include <stop_token>

#include "base/deadline.hpp"

namespace tributary {

namespace asio = boost::asio;

/// Wakes waiting coroutines: an auto-reset event. A set() that finds nobody waiting is remembered once, so a waiter that comes
/// later does not miss it (several set() before a wait are one).
///
/// One waiter at a time.
/// Threads: belongs to one event loop. wait() and set() from that loop only; notify() from any thread.
/// Lifetime: what notify() and a stop request post may run when it is gone, and then does nothing. wait() must have returned.
class Event {
 public:
  explicit Event(asio::any_io_executor executor);

  /// True when set, false at the deadline or at `stop`. Cancellation of the coroutine throws as every Asio operation does.
  asio::awaitable<bool> wait(Deadline deadline, std::stop_token stop = {});
  void set();
  void notify();

 private:
  struct State {
    asio::steady_timer timer;
    bool is_set = false;
    void set();
  };
  asio::any_io_executor executor_;
  std::shared_ptr<State> state_;
};

}  // namespace tributary
