#include "base/event.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace tributary {

Event::Event(asio::any_io_executor executor)
    : executor_(std::move(executor)),
      state_(std::make_shared<State>(State{asio::steady_timer(executor_, asio::steady_timer::time_point::max())})) {}

asio::awaitable<bool> Event::wait(Deadline deadline, std::stop_token stop) {
  const auto state = state_;
  while (!state->is_set && !stop.stop_requested() && !deadline.expired()) {
    state->timer.expires_at(deadline.when());
    std::stop_callback wake_at_stop(stop, [&] { asio::post(executor_, [state] { state->timer.cancel(); }); });
    boost::system::error_code error;
    co_await state->timer.async_wait(asio::redirect_error(asio::use_awaitable, error));
    if ((co_await asio::this_coro::cancellation_state).cancelled() != asio::cancellation_type::none) {
      throw boost::system::system_error(asio::error::operation_aborted);
    }
  }
  co_return std::exchange(state->is_set, false);
}

void Event::State::set() {
  is_set = true;
  timer.cancel();
}

void Event::set() { state_->set(); }

void Event::notify() {
  asio::post(executor_, [state = state_] { state->set(); });
}

}  // namespace tributary
