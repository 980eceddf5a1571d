#include "base/event.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace tributary {

Event::Event(asio::any_io_executor executor)
    : executor_(std::move(executor)), timer_(executor_, asio::steady_timer::time_point::max()) {}

asio::awaitable<bool> Event::wait(Deadline deadline, std::stop_token stop) {
  while (!is_set_ && !stop.stop_requested() && !deadline.expired()) {
    timer_.expires_at(deadline.when());
    std::stop_callback wake_at_stop(stop, [this] { asio::post(executor_, [this] { timer_.cancel(); }); });
    boost::system::error_code error;
    co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, error));
    if ((co_await asio::this_coro::cancellation_state).cancelled() != asio::cancellation_type::none) {
      throw boost::system::system_error(asio::error::operation_aborted);
    }
  }
  const bool was_set = is_set_;
  is_set_ = false;
  co_return was_set;
}

void Event::set() {
  is_set_ = true;
  timer_.cancel();
}

void Event::notify() {
  asio::post(executor_, [this] { set(); });
}

}  // namespace tributary
