#include "clickhouse/embedded/server.hpp"

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>

#include "clickhouse/embedded/detail/exchange.hpp"
#include "telemetry/log.hpp"

namespace tributary::clickhouse::embedded {
namespace {

using namespace std::chrono_literals;
using telemetry::Level;

constexpr auto kIdle = 30s;  ///< a connection without a request is closed after this
constexpr std::uint32_t kMostHead = 1024 * 1024;  ///< of a request: its URL can hold a statement
constexpr auto kAcceptAgain = 100ms;

/// A client that sends a large body may ask first whether it is wanted.
asio::awaitable<void> encourage(beast::tcp_stream& stream, const Parser& parser) {
  if (!beast::iequals(parser.get()[http::field::expect], "100-continue")) co_return;
  const http::response<http::empty_body> go_on(http::status::continue_, 11);
  co_await http::async_write(stream, go_on, asio::use_awaitable);
}

asio::awaitable<void> serve(Server::State& server, Peer& peer) {
  auto& stream = peer.stream();
  beast::flat_buffer buffer;
  bool open = true;
  while (open && !server.stopping) {
    Parser parser;
    parser.body_limit(boost::none);
    parser.header_limit(kMostHead);
    peer.expires_after(kIdle);
    server.idle.insert(&stream);
    boost::system::error_code error;
    co_await http::async_read_header(stream, buffer, parser, asio::redirect_error(asio::use_awaitable, error));
    server.idle.erase(&stream);
    if (error) co_return;
    co_await encourage(stream, parser);
    Exchange exchange(server, peer, buffer, parser);
    open = co_await exchange.run();
  }
}

asio::awaitable<void> hold(Server::State& server, asio::ip::tcp::socket socket) {
  {
    Peer peer(server, std::move(socket));
    try {
      co_await serve(server, peer);
    } catch (const boost::system::system_error&) {
      // The peer is gone, and its statement was ended.
    } catch (const std::exception& error) {
      telemetry::log(Level::error, "clickhouse-host", "a connection failed", {{"error", error.what()}});
    }
  }
  --server.open;
  server.one_ended.set();
}

}  // namespace

Server::Server(asio::ip::tcp::acceptor acceptor, Engine& engine, std::optional<TenantRules> rules, ServerParams params)
    : state_(std::make_unique<State>(std::move(acceptor), engine, std::move(rules), std::move(params))) {}

Server::~Server() = default;

asio::awaitable<void> Server::run() {
  auto& state = *state_;
  while (!state.stopping) {
    boost::system::error_code error;
    auto socket = co_await state.acceptor.async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (state.stopping) break;
    if (error) {
      // Out of descriptors, most likely: some will be closed.
      asio::steady_timer pause(state.acceptor.get_executor(), kAcceptAgain);
      co_await pause.async_wait(asio::use_awaitable);
      continue;
    }
    socket.set_option(asio::ip::tcp::no_delay(true), error);
    ++state.open;
    asio::co_spawn(state.acceptor.get_executor(), hold(state, std::move(socket)), asio::detached);
  }
}

asio::awaitable<bool> Server::stop(Deadline deadline) {
  auto& state = *state_;
  state.stopping = true;
  state.acceptor.close();
  state.admin_connections.open_for_all();
  state.tenant_connections.open_for_all();
  const auto idle = state.idle;
  for (auto* stream : idle) stream->cancel();
  while (state.open > 0 && co_await state.one_ended.wait(deadline)) continue;
  const bool in_time = state.open == 0;
  for (auto* statement : state.statements) statement->kill();
  const auto end = Deadline::after(1s);
  while (state.open > 0 && co_await state.one_ended.wait(end)) continue;
  co_return in_time;
}

}  // namespace tributary::clickhouse::embedded
