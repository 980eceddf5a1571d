#include "postgres/listener.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>

#include <random>

#include "postgres/detail/cancelled.hpp"
#include "postgres/detail/until_stopped.hpp"
#include "telemetry/log.hpp"

namespace tributary::postgres {
namespace {

double random_fraction() {
  thread_local std::minstd_rand generator{std::random_device{}()};
  return std::uniform_real_distribution<double>(0, 1)(generator);
}

asio::awaitable<void> pause(std::chrono::milliseconds duration) {
  asio::steady_timer timer(co_await asio::this_coro::executor, duration);
  co_await timer.async_wait(asio::use_awaitable);
}

}  // namespace

Listener::Listener(ConnectOptions options, std::vector<std::string> channels, Callback callback, std::string greeting)
    : options_(std::move(options)),
      channels_(std::move(channels)),
      callback_(std::move(callback)),
      greeting_(std::move(greeting)) {}

asio::awaitable<void> Listener::run(std::stop_token stop) {
  if (stop.stop_requested()) co_return;
  try {
    co_await detail::until_stopped(listen_for_ever(), stop);
  } catch (const std::exception&) {
    if (!stop.stop_requested()) throw;
  }
}

asio::awaitable<void> Listener::listen_for_ever() {
  for (int failures = 0;;) {
    std::optional<Error> failure;
    try {
      co_await listen_until_it_breaks(failures);
    } catch (const Error& error) {
      failure = error;
    }
    if (detail::is_cancelled(co_await asio::this_coro::cancellation_state)) co_return;
    telemetry::log(telemetry::Level::warning, "postgres", "a listener lost its connection",
                   {{"server", options_.redacted()}, {"error", failure->what()}, {"sqlstate", std::string(failure->sqlstate())}});
    co_await pause(backoff_.delay(++failures, random_fraction()));
  }
}

asio::awaitable<void> Listener::listen_until_it_breaks(int& failures) {
  const auto setup = Deadline::after(options_.connect_timeout);
  auto connection = co_await Connection::open(options_, setup);
  std::string listen;
  for (const auto& channel : channels_) listen += "LISTEN " + quote_identifier(channel) + ";";
  if (!greeting_.empty()) co_await connection.execute(greeting_, setup);
  co_await connection.execute_script(listen, setup);
  failures = 0;
  for (const auto& channel : channels_) callback_({channel, ""});
  while (true) callback_(co_await connection.wait_notification(Deadline::never()));
}

}  // namespace tributary::postgres
