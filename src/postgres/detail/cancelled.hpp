#pragma once
#include <boost/asio/cancellation_state.hpp>

namespace tributary::postgres::detail {

/// is_cancelled(co_await asio::this_coro::cancellation_state): a plain function, as a cancelled coroutine cannot await anything else.
inline bool is_cancelled(const boost::asio::cancellation_state& state) {
  return state.cancelled() != boost::asio::cancellation_type::none;
}

}  // namespace tributary::postgres::detail
