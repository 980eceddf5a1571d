#pragma once
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/system/error_code.hpp>

#include <stop_token>
#include <string>
#include <vector>

#include "base/deadline.hpp"

namespace tributary {

namespace asio = boost::asio;

struct LookedUp {
  boost::system::error_code error;  ///< asio::error::timed_out where the deadline or a stop request came first
  std::vector<asio::ip::address> addresses;
};

/// Addresses of a host, as getaddrinfo orders them. A numeric address is its own.
/// Runs on the calling coroutine's executor; getaddrinfo cannot be interrupted, so its late answer is awaited by nobody.
asio::awaitable<LookedUp> look_up(std::string host, Deadline deadline, std::stop_token stop = {});

}  // namespace tributary
