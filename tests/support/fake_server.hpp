#pragma once
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <functional>
#include <string>
#include <string_view>
#include <thread>

namespace tributary::test {

namespace asio = boost::asio;

/// A server of a test's own making on 127.0.0.1, with a thread of its own: to each client it says what its conversation says, whether that is
/// PostgreSQL's protocol or not. A conversation ends with its client's connection, the destructor ends all.
class FakeServer {
 public:
  using Socket = asio::ip::tcp::socket;
  using Conversation = std::function<asio::awaitable<void>(Socket&)>;

  explicit FakeServer(Conversation conversation);
  ~FakeServer();
  FakeServer(const FakeServer&) = delete;
  FakeServer& operator=(const FakeServer&) = delete;

  std::string port() const;
  /// Of user `tenant` with password `secret`.
  std::string uri() const;

 private:
  asio::awaitable<void> accept();
  Conversation conversation_;
  asio::io_context loop_{1};
  asio::ip::tcp::acceptor acceptor_;
  std::thread thread_;
};

/// PostgreSQL's protocol, version 3.
namespace wire {

std::string number(std::uint32_t value);  ///< four bytes, big-endian
std::string message(char type, std::string_view payload);
/// Lets the client in without asking anything: AuthenticationOk, BackendKeyData, ReadyForQuery.
std::string welcome();
std::string ready();
/// An ErrorResponse.
std::string error(std::string_view sqlstate, std::string_view text);

asio::awaitable<void> send(FakeServer::Socket& socket, std::string bytes);
/// Reads the startup message (TLS and Kerberos are declined) and returns its parameters, each name and value followed by a NUL.
asio::awaitable<std::string> startup(FakeServer::Socket& socket);

struct Message {
  char type = 0;
  std::string payload;
};
asio::awaitable<Message> receive(FakeServer::Socket& socket);
/// Reads up to what is to be answered: a simple query, or the Sync behind others.
asio::awaitable<void> receive_request(FakeServer::Socket& socket);

}  // namespace wire

}  // namespace tributary::test
