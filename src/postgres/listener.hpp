#pragma once
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/backoff.hpp"
#include "postgres/connection.hpp"

namespace tributary::postgres {

/// LISTENs on a connection of its own and calls back for each notification, reconnecting with backoff for ever.
/// After each (re)connect it calls back once with an empty payload for every channel: what was sent meanwhile is lost, so look for yourself.
/// Threads: one loop; the callback runs on it and must neither block nor throw.
class Listener {
 public:
  using Callback = std::function<void(const Notification&)>;
  /// `greeting`: a statement that each of its sessions begins with.
  Listener(ConnectOptions options, std::vector<std::string> channels, Callback callback, std::string greeting = {});

  /// Returns when `stop` is requested; no error ends it, each is logged.
  asio::awaitable<void> run(std::stop_token stop);

 private:
  asio::awaitable<void> listen_for_ever();
  asio::awaitable<void> listen_until_it_breaks(int& failures);

  ConnectOptions options_;
  std::vector<std::string> channels_;
  Callback callback_;
  std::string greeting_;
  Backoff backoff_{std::chrono::milliseconds(100), std::chrono::milliseconds(5'000)};
};

}  // namespace tributary::postgres
