#pragma once
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/json/parse.hpp>
#include <semaphore>
#include <thread>

#include "base/event.hpp"
#include "http/server.hpp"
#include "support/http_client.hpp"

namespace tributary::http {

/// A server on a loop of its own, with endpoints that do what the tests need.
class HttpTest : public testing::Test {
 protected:
  void start(ServerParams params = {}) {
    params.log_requests = false;
    server.emplace(listen(loop.get_executor(), {asio::ip::make_address("127.0.0.1"), 0}), router, params, metrics);
    port = server->endpoint().port();
    asio::co_spawn(loop, server->run(), asio::detached);
    thread = std::thread([this] { loop.run(); });
  }
  HttpTest() {
    router.add({.path = "/hello", .access = Access::none, .query = {optional("n", Schema::integer())}, .handle = hello});
    router.add({.method = Method::post, .path = "/echo", .access = Access::none, .body = Schema::map(), .handle = echo});
    router.add({.path = "/large", .access = Access::none, .handle = large});
    router.add({.path = "/wait", .access = Access::none, .handle = [this](const Request&) { return wait(); }});
    router.add(
        {.path = "/ask", .access = Access::none, .handle = [this](const Request&) { return wait(); }, .ends_with_client = true});
    router.add({.method = Method::post,
                .path = "/hold",
                .access = Access::none,
                .body = Schema::map(),
                .handle = [this](const Request&) { return wait(); }});
    router.add({.path = "/events", .access = Access::none, .answer_type = "text/event-stream", .handle = [this](const Request&) {
                  return events();
                }});
  }
  // Not in the destructor: what a derived fixture has is gone by then, while handlers may still run.
  void TearDown() override {
    if (!thread.joinable()) return;
    drain(Deadline::after(std::chrono::seconds(5)));
    loop.stop();
    thread.join();
  }
  bool drain(Deadline deadline) { return asio::co_spawn(loop, server->drain(deadline), asio::use_future).get(); }
  test::HttpClient client() const { return test::HttpClient(port); }
  std::int64_t open_connections() { return metrics.gauge("tributary_http_connections").value(); }

  static asio::awaitable<Response> hello(const Request& request) { co_return Response::of({{"n", request.query}}); }
  static asio::awaitable<Response> echo(const Request& request) { co_return Response::of(request.body); }
  static asio::awaitable<Response> large(const Request&) { co_return Response::of({{"text", std::string(100'000, 'a')}}); }
  /// Answers once `released` is set.
  asio::awaitable<Response> wait() {
    const std::shared_ptr<void> ends(nullptr, [this](auto) { ended.release(); });
    waiting.release();
    const bool was_released = co_await released.wait(Deadline::never());
    co_return Response::of({{"released", was_released}});
  }
  /// A piece for each `released`, until it is to stop.
  asio::awaitable<Response> events() {
    co_return Response::of_stream("text/event-stream", [this](Writer& writer) -> asio::awaitable<void> {
      co_await writer.write("data: begun\n\n");
      while (co_await released.wait(Deadline::never(), writer.stop())) co_await writer.write("data: released\n\n");
      co_await writer.write("data: over\n\n");
      stopped.release();
    });
  }

  asio::io_context loop{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{loop.get_executor()};  // it runs after a drain, too
  telemetry::Metrics metrics;
  Router router{{.title = "Test", .version = "1"}, {}};
  Event released{loop.get_executor()};
  std::counting_semaphore<> waiting{0};  ///< a /wait has begun
  std::counting_semaphore<> ended{0};    ///< a /wait has ended, by an answer or otherwise
  std::counting_semaphore<> stopped{0};  ///< an /events has ended by itself
  std::optional<Server> server;
  std::uint16_t port = 0;
  std::thread thread;
};

}  // namespace tributary::http
