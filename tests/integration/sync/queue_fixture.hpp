#pragma once
#include <chrono>
#include <functional>

#include "fixture.hpp"
#include "queue/queue.hpp"

namespace tributary::sync {

using namespace std::chrono_literals;

/// Tenancies and their requests, with nobody at work on them but the test.
class QueueTest : public SyncTest {
 protected:
  void enqueue(std::string_view tenancy) { session_.run(fmt::format("SELECT tributary.enqueue(ARRAY['{}'::uuid])", tenancy)); }
  /// `work` with a connection as the queue's are.
  void with_connection(const std::function<asio::awaitable<void>(postgres::Connection&)>& work) {
    test::run([&]() -> asio::awaitable<void> {
      auto connection = co_await postgres::Connection::open(queue::session_settings(source_.options()), deadline());
      co_await work(connection);
    });
  }
  /// Who has the lease of the tenancy's request.
  asio::awaitable<queue::Claim> claim(postgres::Connection& connection, std::string_view tenancy,
                                      std::chrono::milliseconds lease = 10s) {
    enqueue(tenancy);
    auto claims = co_await queue::claim(connection, queue::DestinationKind::postgres, Uuid::random(), lease, 1, deadline());
    co_return std::move(claims.at(0));
  }
  static Deadline deadline() { return Deadline::after(20s); }
};

}  // namespace tributary::sync
