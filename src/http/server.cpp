#include "http/server.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include "http/detail/connection.hpp"
#include "http/detail/server_state.hpp"
#include "telemetry/log.hpp"

namespace tributary::http {
namespace {

using namespace std::chrono_literals;
using telemetry::Level;

constexpr int kBacklog = 4096;
constexpr auto kAcceptAgain = 100ms;
constexpr auto kLastMoment = 1s;  ///< for what was cut off to notice

asio::awaitable<void> hold(std::unique_ptr<detail::Connection> connection) {
  try {
    co_await connection->run();
  } catch (const std::exception& error) {
    telemetry::log(Level::error, "http", "a connection ended by a defect", {{"error", error.what()}});
  }
}

}  // namespace

asio::ip::tcp::acceptor listen(asio::any_io_executor executor, const asio::ip::tcp::endpoint& endpoint) {
  asio::ip::tcp::acceptor acceptor(std::move(executor));
  acceptor.open(endpoint.protocol());
  acceptor.set_option(asio::socket_base::reuse_address(true));
  acceptor.bind(endpoint);
  acceptor.listen(kBacklog);
  return acceptor;
}

asio::ip::tcp::acceptor share(asio::ip::tcp::acceptor& acceptor, asio::any_io_executor executor) {
  const int copy = ::dup(acceptor.native_handle());
  if (copy < 0) throw boost::system::system_error(errno, boost::system::system_category(), "dup");
  return {std::move(executor), acceptor.local_endpoint().protocol(), copy};
}

Server::State::State(asio::ip::tcp::acceptor listening, const Router& its_router, ServerParams its_params,
                     telemetry::Metrics& its_metrics)
    : acceptor(std::move(listening)),
      router(its_router),
      params(std::move(its_params)),
      metrics(its_metrics),
      open_gauge(metrics.gauge("tributary_http_connections")),
      place(acceptor.get_executor()),
      one_ended(acceptor.get_executor()),
      large_bodies(acceptor.get_executor(), params.parallel_large_bodies) {}

const Server::State::RouteMetrics& Server::State::metrics_of(const std::string& method, const std::string& route) {
  const auto& known_method = parse_method(method) ? method : "other";
  const auto [entry, is_new] = route_metrics_.try_emplace({known_method, route});
  auto& found = entry->second;
  if (!is_new) return found;
  for (std::size_t digit = 0; digit < std::size(found.requests); ++digit) {
    found.requests[digit] = &metrics.counter("tributary_http_requests_total",
                                             {{"method", known_method}, {"path", route}, {"status", fmt::format("{}xx", digit)}});
  }
  found.duration = &metrics.histogram("tributary_http_request_seconds", {{"method", known_method}, {"path", route}});
  return found;
}

Server::Server(asio::ip::tcp::acceptor acceptor, const Router& router, ServerParams params, telemetry::Metrics& metrics)
    : state_(std::make_shared<State>(std::move(acceptor), router, std::move(params), metrics)) {}

Server::~Server() = default;

asio::awaitable<void> Server::run() {
  const auto state = state_;
  while (!state->draining) {
    // All are busy: whoever comes waits in the system's queue.
    while (!state->draining && state->open.size() >= state->params.most_connections && state->idle.empty())
      co_await state->place.wait(Deadline::never());
    boost::system::error_code error;
    auto socket = co_await state->acceptor.async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (state->draining) break;
    if (error) {
      // Out of descriptors, most likely: some will be closed.
      asio::steady_timer pause(state->acceptor.get_executor(), kAcceptAgain);
      co_await pause.async_wait(asio::use_awaitable);
      continue;
    }
    if (state->open.size() >= state->params.most_connections && !state->idle.empty()) state->idle.front()->wind_up();
    asio::co_spawn(state->acceptor.get_executor(), hold(std::make_unique<detail::Connection>(state, std::move(socket))),
                   asio::detached);
  }
}

asio::awaitable<bool> Server::drain(Deadline deadline) {
  const auto state = state_;
  state->draining = true;
  state->acceptor.close();
  state->place.set();
  for (auto* connection : state->open) connection->wind_up();
  while (!state->open.empty() && co_await state->one_ended.wait(deadline)) continue;
  const bool in_time = state->open.empty();
  for (auto* connection : state->open) connection->cut_off();
  state->large_bodies.open_for_all();
  const auto end = Deadline::after(kLastMoment);
  while (!state->open.empty() && co_await state->one_ended.wait(end)) continue;
  co_return in_time;
}

asio::ip::tcp::endpoint Server::endpoint() const { return state_->acceptor.local_endpoint(); }
std::size_t Server::connections() const { return state_->open.size(); }

}  // namespace tributary::http
