#include "support/proxy.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <string>

namespace tributary::test {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

/// Counts the messages of one client that the server answers to.
class Requests {
 public:
  int count(std::string_view bytes) {
    pending_ += bytes;
    int found = 0;
    for (;;) {
      const std::size_t header = started_ ? 1 : 0;  // the first message has no type
      if (pending_.size() < header + 4) return found;
      std::size_t length = 0;
      for (std::size_t i = 0; i < 4; ++i) length = length << 8 | static_cast<unsigned char>(pending_[header + i]);
      if (pending_.size() < header + length) return found;
      if (started_ && (pending_[0] == 'S' || pending_[0] == 'Q')) ++found;
      started_ = true;
      pending_.erase(0, header + length);
    }
  }

 private:
  std::string pending_;
  bool started_ = false;
};

}  // namespace

struct CountingProxy::State : std::enable_shared_from_this<State> {
  State(const asio::any_io_executor& executor, postgres::ConnectOptions options)
      : server(std::move(options)), acceptor(executor, {asio::ip::address_v4::loopback(), 0}) {}

  using Socket = std::shared_ptr<tcp::socket>;

  asio::awaitable<void> forward(Socket from, Socket to, bool counted) {
    Requests messages;
    std::array<char, 16'384> buffer;
    boost::system::error_code error;
    while (!error) {
      const auto size = co_await from->async_read_some(asio::buffer(buffer), asio::redirect_error(asio::use_awaitable, error));
      if (counted) requests += messages.count({buffer.data(), size});
      if (!error) co_await asio::async_write(*to, asio::buffer(buffer, size), asio::redirect_error(asio::use_awaitable, error));
    }
    boost::system::error_code ignored;
    to->shutdown(tcp::socket::shutdown_send, ignored);
  }

  asio::awaitable<void> accept() {
    const auto executor = acceptor.get_executor();
    const auto port = static_cast<asio::ip::port_type>(std::stoi(server.keywords.at("port")));
    const tcp::endpoint address(asio::ip::make_address(server.keywords.at("host")), port);
    boost::system::error_code error;
    for (;;) {
      const auto client = std::make_shared<tcp::socket>(executor);
      co_await acceptor.async_accept(*client, asio::redirect_error(asio::use_awaitable, error));
      if (error) co_return;
      const auto upstream = std::make_shared<tcp::socket>(executor);
      co_await upstream->async_connect(address, asio::redirect_error(asio::use_awaitable, error));
      if (error) continue;
      const auto start = [&](Socket from, Socket to, bool counted) {
        asio::co_spawn(
            executor,
            [](std::shared_ptr<State> self, Socket source, Socket target, bool count) -> asio::awaitable<void> {
              co_await self->forward(std::move(source), std::move(target), count);
            }(shared_from_this(), std::move(from), std::move(to), counted),
            asio::detached);
      };
      start(client, upstream, true);
      start(upstream, client, false);
    }
  }

  const postgres::ConnectOptions server;
  tcp::acceptor acceptor;
  int requests = 0;
};

CountingProxy::CountingProxy(const asio::any_io_executor& executor, postgres::ConnectOptions server)
    : state_(std::make_shared<State>(executor, std::move(server))) {
  asio::co_spawn(
      executor, [](std::shared_ptr<State> self) -> asio::awaitable<void> { co_await self->accept(); }(state_), asio::detached);
}

CountingProxy::~CountingProxy() { state_->acceptor.close(); }

postgres::ConnectOptions CountingProxy::options() const {
  return state_->server.with("port", std::to_string(state_->acceptor.local_endpoint().port()));
}

int CountingProxy::requests() const { return state_->requests; }

}  // namespace tributary::test
