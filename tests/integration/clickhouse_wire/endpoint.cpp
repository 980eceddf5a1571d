#include "endpoint.hpp"

#include <fmt/format.h>

#include <boost/asio/detached.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>

namespace tributary::clickhouse {
namespace {

using asio::ip::tcp;
using Plain = tcp::socket;
using Tls = asio::ssl::stream<tcp::socket>;

template <class Stream>
class VisitorOn final : public Endpoint::Visitor {
 public:
  explicit VisitorOn(Stream& stream) : stream_(stream) {}

  asio::awaitable<std::string> request() override {
    boost::system::error_code error;
    const auto head = co_await asio::async_read_until(stream_, asio::dynamic_buffer(buffer_), "\r\n\r\n",
                                                      asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return "";
    auto end = head;
    if (buffer_.substr(0, head).find("chunked") != std::string::npos) {
      end = co_await asio::async_read_until(stream_, asio::dynamic_buffer(buffer_), "0\r\n\r\n", asio::use_awaitable);
    } else if (const auto at = buffer_.find("Content-Length: "); at < head) {
      end += std::stoul(buffer_.substr(at + 16));
      const auto missing = end - std::min(end, buffer_.size());
      co_await asio::async_read(stream_, asio::dynamic_buffer(buffer_), asio::transfer_exactly(missing), asio::use_awaitable);
    }
    auto text = buffer_.substr(0, end);
    buffer_.erase(0, end);
    co_return text;
  }
  asio::awaitable<void> say(std::string text) override {
    co_await asio::async_write(stream_, asio::buffer(text), asio::use_awaitable);
  }

 private:
  Stream& stream_;
  std::string buffer_;
};

}  // namespace

struct Endpoint::State {
  State(const asio::any_io_executor& executor, Script what, std::shared_ptr<asio::ssl::context> context)
      : acceptor(executor, {asio::ip::address_v4::loopback(), 0}), script(std::move(what)), tls(std::move(context)) {}

  tcp::acceptor acceptor;
  Script script;
  std::shared_ptr<asio::ssl::context> tls;
  int connections = 0;
};

Endpoint::Endpoint(const asio::any_io_executor& executor, Script script, std::shared_ptr<asio::ssl::context> tls)
    : state_(std::make_shared<State>(executor, std::move(script), std::move(tls))) {
  asio::co_spawn(executor, accept(state_), asio::detached);
}

Endpoint::~Endpoint() { state_->acceptor.close(); }

asio::awaitable<void> Endpoint::accept(std::shared_ptr<State> state) {
  while (true) {
    auto socket = co_await state->acceptor.async_accept(asio::use_awaitable);
    const int number = state->connections++;
    try {
      if (!state->tls) {
        VisitorOn<Plain> visitor(socket);
        co_await state->script(visitor, number);
        continue;
      }
      Tls stream(std::move(socket), *state->tls);
      co_await stream.async_handshake(asio::ssl::stream_base::server, asio::use_awaitable);
      VisitorOn<Tls> visitor(stream);
      co_await state->script(visitor, number);
    } catch (const boost::system::system_error&) {
      // The client left.
    }
  }
}

ConnectOptions Endpoint::options() const {
  return {.host = "localhost",
          .port = state_->acceptor.local_endpoint().port(),
          .tls = state_->tls != nullptr,
          .compression = Compression::none};
}

int Endpoint::connections() const { return state_->connections; }

std::string answer(std::string_view body, std::string_view fields, std::string_view status) {
  return fmt::format("HTTP/1.1 {}\r\n{}Content-Length: {}\r\n\r\n{}", status, fields, body.size(), body);
}

}  // namespace tributary::clickhouse
