#include "http_load.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>

namespace tributary::bench {
namespace {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;

struct Run {
  std::uint16_t port;
  Clock::time_point end;
  const std::function<std::string(std::size_t)>& request;
  std::size_t sent = 0;
  HttpLoad seen = {};
};

asio::awaitable<void> client(Run& run) {
  asio::ip::tcp::socket socket(co_await asio::this_coro::executor);
  co_await socket.async_connect({asio::ip::make_address("127.0.0.1"), run.port}, asio::use_awaitable);
  socket.set_option(asio::ip::tcp::no_delay(true));
  boost::beast::flat_buffer buffer;
  do {
    const auto text = run.request(run.sent++);
    const auto begun = Clock::now();
    co_await asio::async_write(socket, asio::buffer(text), asio::use_awaitable);
    boost::beast::http::response<boost::beast::http::string_body> answer;
    co_await boost::beast::http::async_read(socket, buffer, answer, asio::use_awaitable);
    run.seen.milliseconds.push_back(std::chrono::duration<double, std::milli>(Clock::now() - begun).count());
    if (answer.result_int() >= 300)
      throw std::runtime_error("the server answered " + std::to_string(answer.result_int()) + ' ' + answer.body());
  } while (Clock::now() < run.end);
}

}  // namespace

HttpLoad load_http(std::uint16_t port, int connections, std::chrono::milliseconds time,
                   const std::function<std::string(std::size_t n)>& request) {
  asio::io_context loop{1};
  const auto begun = Clock::now();
  Run run{.port = port, .end = begun + time, .request = request};
  std::exception_ptr failure;
  for (int i = 0; i < connections; ++i) {
    asio::co_spawn(loop, client(run), [&](std::exception_ptr error) {
      if (error) failure = error;
    });
  }
  loop.run();
  if (failure) std::rethrow_exception(failure);
  const std::chrono::duration<double> took = Clock::now() - begun;
  run.seen.per_second = static_cast<double>(run.seen.milliseconds.size()) / took.count();
  return std::move(run.seen);
}

std::string get_request(const std::string& target) { return "GET " + target + " HTTP/1.1\r\nHost: localhost\r\n\r\n"; }

}  // namespace tributary::bench
