#pragma once
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/system/error_code.hpp>

#include <cstddef>
#include <functional>
#include <memory>
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

/// Looks up names that strangers chose, whose servers may never answer. getaddrinfo cannot be interrupted: each look-up has a thread to itself, which nobody waits
/// for, neither at the deadline nor at the end of the process. There are at most so many of them, and of each owner so few that its names hold up its own only; what is
/// given up before its turn is not looked up at all.
///
/// Threads: any. Lifetime: it may be gone before what it looks up.
class Resolver {
 public:
  struct Limits {
    std::size_t each = 4;  ///< look-ups of one owner at once
    std::size_t all = 64;
  };
  /// Addresses of a host; blocks for as long as it takes, and does not throw.
  using Function = std::function<LookedUp(const std::string& host)>;

  Resolver();  ///< by getaddrinfo
  explicit Resolver(Limits limits, Function function);

  /// Addresses of a host, in the resolver's order. A numeric address is its own. Runs on the calling coroutine's executor.
  asio::awaitable<LookedUp> look_up(std::string host, std::string owner, Deadline deadline, std::stop_token stop = {});

 private:
  struct State;
  std::shared_ptr<State> state_;
};

/// The same for a name that the operator chose, which waits for nobody else's: by a thread of its own, of which there are as many as callers and what these gave up.
asio::awaitable<LookedUp> look_up(std::string host, Deadline deadline, std::stop_token stop = {});

}  // namespace tributary
