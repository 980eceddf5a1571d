#pragma once
#include <boost/asio/awaitable.hpp>
#include <boost/beast/core/tcp_stream.hpp>

#include <chrono>
#include <list>
#include <optional>

#include "clickhouse/embedded/detail/server_state.hpp"

namespace tributary::clickhouse::embedded {

namespace beast = boost::beast;

/// Whoever is at the other end of a connection: a stranger, until it has said a password.
///
/// A stranger has ServerParams::stranger_time from when it was accepted, and there are most_strangers of them: one more puts the oldest out. So whoever knows a
/// password gets in, however many connections others open and whatever they send there. Threads: the server's loop.
class Peer {
 public:
  Peer(Server::State& server, asio::ip::tcp::socket socket);
  ~Peer();
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  beast::tcp_stream& stream() { return stream_; }
  bool is_stranger() const { return entry_.has_value(); }
  /// It has said this role's password. Waits for one of the most_connections places that the role has, once.
  asio::awaitable<void> sign_in(Role role);
  /// How long what is read or written next may take; of a stranger's time there may be less left.
  void expires_after(std::chrono::milliseconds time);

 private:
  void forget();

  Server::State& server_;
  beast::tcp_stream stream_;
  const Deadline until_;  ///< of a stranger
  std::optional<std::list<Peer*>::iterator> entry_;  ///< among the strangers
  std::optional<Turnstile::Place> place_;  ///< among the others
  Role role_{};  ///< of the place
};

}  // namespace tributary::clickhouse::embedded
