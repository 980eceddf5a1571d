#pragma once
#include <boost/asio/awaitable.hpp>

#include <stop_token>

namespace tributary::postgres::detail {

namespace asio = boost::asio;

/// Awaits `work`, which is cancelled (terminally, as Asio calls it) when `stop` is requested from any thread, or when the awaiting coroutine is
/// cancelled itself. Throws what `work` throws, also because it was cancelled.
asio::awaitable<void> until_stopped(asio::awaitable<void> work, std::stop_token stop);

}  // namespace tributary::postgres::detail
