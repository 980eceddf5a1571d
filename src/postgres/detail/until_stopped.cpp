#include "postgres/detail/until_stopped.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <memory>

namespace tributary::postgres::detail {

asio::awaitable<void> until_stopped(asio::awaitable<void> work, std::stop_token stop) {
  const auto executor = co_await asio::this_coro::executor;
  const auto signal = std::make_shared<asio::cancellation_signal>();
  auto outer = (co_await asio::this_coro::cancellation_state).slot();
  if (outer.is_connected()) outer.assign([signal](asio::cancellation_type type) { signal->emit(type); });
  const std::stop_callback cancel(
      stop, [executor, signal] { asio::post(executor, [signal] { signal->emit(asio::cancellation_type::terminal); }); });
  co_await asio::co_spawn(executor, std::move(work), asio::bind_cancellation_slot(signal->slot(), asio::use_awaitable));
}

}  // namespace tributary::postgres::detail
