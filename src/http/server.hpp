#pragma once
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/deadline.hpp"
#include "http/router.hpp"
#include "telemetry/metrics.hpp"

namespace tributary::http {

struct ServerParams {
  std::size_t most_connections =
      10'000;  ///< at least 1. Where there are so many, the one that has been idle for longest is closed for a new one
  std::size_t most_header_bytes = 16 * 1024;  ///< of a request's line and fields together
  std::uint64_t most_body_bytes = 1024 * 1024;
  /// Requests with a body above 16 KiB that are read and answered at once; others with such a body wait. What bounds memory.
  std::size_t parallel_large_bodies = 64;
  std::chrono::milliseconds read_timeout{10'000};     ///< of a request, from its first byte to its last
  std::chrono::milliseconds idle_timeout{75'000};     ///< between two requests of a connection
  std::chrono::milliseconds handler_timeout{30'000};  ///< from the request's last byte to the answer; streams may take longer
  std::chrono::milliseconds write_timeout{30'000};    ///< of an answer, or of a piece of a stream
  std::string allowed_origin = "*";  ///< pages of which origin may call from a browser; empty: none but our own
  bool log_requests = true;          ///< a line for each; without it for those that failed here (5xx)
};

/// Listens at an address. Throws boost::system::system_error where that cannot be had.
asio::ip::tcp::acceptor listen(asio::any_io_executor executor, const asio::ip::tcp::endpoint& endpoint);
/// The same listening socket for another loop: whichever is free takes the next connection.
asio::ip::tcp::acceptor share(asio::ip::tcp::acceptor& acceptor, asio::any_io_executor executor);

/// HTTP/1.1 in front of a router, with keep-alive and pipelining (in order, one at a time), gzip, CORS and request ids.
///
/// What a client does wrong ends in an answer where one can be given, and in a closed connection where it cannot; others notice nothing. Memory: a
/// connection without a request holds about 6 KiB; with one, its header and body besides, of which large ones are few at once.
///
/// Lifetime: router and metrics outlive the loop's run. Threads: one loop, that of the acceptor. Several servers may share one address.
class Server {
 public:
  Server(asio::ip::tcp::acceptor acceptor, const Router& router, ServerParams params, telemetry::Metrics& metrics);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Takes connections until drain().
  asio::awaitable<void> run();
  /// Takes no more connections and requests, lets what runs finish until `deadline`, then cuts it off. False where something was cut off.
  asio::awaitable<bool> drain(Deadline deadline);

  asio::ip::tcp::endpoint endpoint() const;
  std::size_t connections() const;

  struct State;  ///< detail/server_state.hpp

 private:
  std::shared_ptr<State> state_;
};

}  // namespace tributary::http
