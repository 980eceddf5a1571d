#include "support/fake_server.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <memory>

namespace tributary::test {
namespace {

using asio::use_awaitable;

asio::awaitable<void> converse(FakeServer::Conversation conversation, FakeServer::Socket socket) {
  try {
    co_await conversation(socket);
  } catch (const boost::system::system_error&) {
    // The client has gone.
  }
}

asio::awaitable<std::string> read(FakeServer::Socket& socket, std::size_t size) {
  std::string bytes(size, '\0');
  co_await asio::async_read(socket, asio::buffer(bytes), use_awaitable);
  co_return bytes;
}

std::uint32_t to_number(std::string_view bytes) {
  std::uint32_t value = 0;
  for (const unsigned char byte : bytes.substr(0, 4)) value = value << 8 | byte;
  return value;
}

}  // namespace

FakeServer::FakeServer(Conversation conversation)
    : conversation_(std::move(conversation)), acceptor_(loop_, {asio::ip::address_v4::loopback(), 0}) {
  asio::co_spawn(loop_, accept(), asio::detached);
  thread_ = std::thread([this] { loop_.run(); });
}

FakeServer::~FakeServer() {
  loop_.stop();
  thread_.join();
}

asio::awaitable<void> FakeServer::accept() {
  for (;;) asio::co_spawn(loop_, converse(conversation_, co_await acceptor_.async_accept(use_awaitable)), asio::detached);
}

std::string FakeServer::port() const { return std::to_string(acceptor_.local_endpoint().port()); }
std::string FakeServer::uri() const { return "postgresql://tenant:secret@127.0.0.1:" + port() + "/shop?sslmode=disable"; }

namespace wire {

std::string number(std::uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift & 0xFFU);
  return bytes;
}

std::string message(char type, std::string_view payload) {
  return type + number(static_cast<std::uint32_t>(payload.size() + 4)) + std::string(payload);
}

std::string welcome() { return message('R', number(0)) + message('K', number(1) + number(2)) + ready(); }
std::string ready() { return message('Z', "I"); }

std::string error(std::string_view sqlstate, std::string_view text) {
  std::string payload("SERROR\0VERROR\0C", 15);
  payload += std::string(sqlstate) + '\0' + 'M' + std::string(text) + '\0' + '\0';
  return message('E', payload);
}

asio::awaitable<void> send(FakeServer::Socket& socket, std::string bytes) {
  co_await asio::async_write(socket, asio::buffer(bytes), use_awaitable);
}

asio::awaitable<std::string> startup(FakeServer::Socket& socket) {
  constexpr std::uint32_t kVersion3 = 196'608;
  for (;;) {
    const auto length = to_number(co_await read(socket, 4));
    const auto body = co_await read(socket, length - 4);
    if (to_number(body) == kVersion3) co_return body.substr(4);
    co_await send(socket, "N");
  }
}

asio::awaitable<Message> receive(FakeServer::Socket& socket) {
  Message message;
  message.type = (co_await read(socket, 1))[0];
  message.payload = co_await read(socket, to_number(co_await read(socket, 4)) - 4);
  co_return message;
}

asio::awaitable<void> receive_request(FakeServer::Socket& socket) {
  for (;;) {
    const auto message = co_await receive(socket);
    if (message.type == 'Q' || message.type == 'S') co_return;
  }
}

}  // namespace wire

}  // namespace tributary::test
