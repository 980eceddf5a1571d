#include "proxy.hpp"

#include <fcntl.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <future>
#include <random>

namespace tributary::bench {
namespace asio = boost::asio;
using asio::ip::tcp;

struct Proxy::Connection {
  explicit Connection(Socket accepted) : client(std::move(accepted)), server(client.get_executor()) {}
  void close() {
    boost::system::error_code ignored;
    client.close(ignored);
    server.close(ignored);
  }
  Socket client;
  Socket server;
};

Proxy::Proxy(std::uint16_t server_port) : server_port_(server_port), port_(free_port()) {
  listen();
  thread_ = std::jthread([this] {
    const auto work = asio::make_work_guard(loop_);
    loop_.run();
  });
}

Proxy::~Proxy() {
  loop_.stop();
  thread_.join();
}

void Proxy::listen() {
  // The same port each time: the destination's address does not change by its being down.
  acceptor_.emplace(loop_, tcp::endpoint(asio::ip::address_v4::loopback(), port_), true);
  ::fcntl(acceptor_->native_handle(), F_SETFD, FD_CLOEXEC);  // a child process would go on listening
  asio::co_spawn(loop_, accept(), asio::detached);
}

/// One that nobody is given for an outgoing connection, so that it is still free after a while of being down.
std::uint16_t Proxy::free_port() {
  std::minstd_rand random(std::random_device{}());
  while (true) {
    const auto port = static_cast<std::uint16_t>(std::uniform_int_distribution(10'000, 30'000)(random));
    tcp::acceptor probe(loop_, tcp::v4());
    boost::system::error_code error;
    probe.bind(tcp::endpoint(asio::ip::address_v4::loopback(), port), error);
    if (!error) return port;
  }
}

void Proxy::set(Mode mode) {
  std::promise<void> done;
  asio::post(loop_, [&] {
    if (mode == Mode::refuse) acceptor_.reset();
    if (mode != Mode::hang) end_connections();
    if (mode != Mode::refuse && !acceptor_) listen();
    mode_ = mode;
    done.set_value();
  });
  done.get_future().wait();
}

void Proxy::end_connections() {
  for (const auto& weak : connections_) {
    if (const auto connection = weak.lock()) connection->close();
  }
  connections_.clear();
}

asio::awaitable<void> Proxy::accept() {
  try {
    while (true) {
      auto connection = std::make_shared<Connection>(co_await acceptor_->async_accept(asio::use_awaitable));
      std::erase_if(connections_, [](const auto& weak) { return weak.expired(); });
      connections_.push_back(connection);
      asio::co_spawn(loop_, serve(std::move(connection)), asio::detached);
    }
  } catch (const boost::system::system_error&) {
    // Nobody listens any more.
  }
}

asio::awaitable<void> Proxy::serve(std::shared_ptr<Connection> connection) {
  try {
    const tcp::endpoint server(asio::ip::address_v4::loopback(), server_port_);
    co_await connection->server.async_connect(server, asio::use_awaitable);
    connection->server.set_option(tcp::no_delay(true));
    connection->client.set_option(tcp::no_delay(true));
    asio::co_spawn(loop_, relay(connection, connection->server, connection->client), asio::detached);
    co_await relay(connection, connection->client, connection->server);
  } catch (const boost::system::system_error&) {
    connection->close();
  }
}

asio::awaitable<void> Proxy::relay(std::shared_ptr<Connection> connection, Socket& from, Socket& to) {
  try {
    std::array<std::byte, 16 * 1024> buffer;
    while (true) {
      const auto size = co_await from.async_read_some(asio::buffer(buffer), asio::use_awaitable);
      if (mode_ != Mode::hang) co_await asio::async_write(to, asio::buffer(buffer, size), asio::use_awaitable);
    }
  } catch (const boost::system::system_error&) {
    connection->close();
  }
}

}  // namespace tributary::bench
