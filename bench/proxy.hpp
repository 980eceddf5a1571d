#pragma once
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <thread>

namespace tributary::bench {

/// Stands in front of a server on 127.0.0.1 and can fail as servers fail.
///
/// Runs on a thread of its own. Threads: any. Lifetime: destroying it ends its connections.
class Proxy {
 public:
  enum class Mode {
    pass,    ///< as if it were not there
    refuse,  ///< nobody listens, and who was connected is not any more
    hang,    ///< accepts and answers nothing; who was connected hears nothing any more either
  };

  explicit Proxy(std::uint16_t server_port);
  ~Proxy();
  Proxy(const Proxy&) = delete;
  Proxy& operator=(const Proxy&) = delete;

  std::uint16_t port() const { return port_; }
  /// Returns when it is so. Going back to pass ends the connections of before.
  void set(Mode mode);

 private:
  using Socket = boost::asio::ip::tcp::socket;
  struct Connection;

  std::uint16_t free_port();
  void listen();
  boost::asio::awaitable<void> accept();
  boost::asio::awaitable<void> serve(std::shared_ptr<Connection> connection);
  boost::asio::awaitable<void> relay(std::shared_ptr<Connection> connection, Socket& from, Socket& to);
  void end_connections();

  boost::asio::io_context loop_{1};
  const std::uint16_t server_port_;
  const std::uint16_t port_;
  // Touched by the loop's thread only, once it runs.
  std::optional<boost::asio::ip::tcp::acceptor> acceptor_;
  std::list<std::weak_ptr<Connection>> connections_;
  Mode mode_ = Mode::pass;
  std::jthread thread_;
};

}  // namespace tributary::bench
