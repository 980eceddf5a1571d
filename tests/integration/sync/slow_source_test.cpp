#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "queue_fixture.hpp"

namespace tributary::sync {
namespace {

constexpr auto kSourceTimeout = 2s;

/// The only connection of a pool: whoever waits for it does so for longer than kSourceTimeout, each time.
asio::awaitable<void> keep_waiting(postgres::Pool& pool, Event& done) {
  bool is_done = false;
  while (!is_done) {
    const auto connection = co_await pool.acquire(Deadline::never());
    while (!is_done && pool.counts().waiting == 0) is_done = co_await done.wait(Deadline::after(10ms));
    if (!is_done) is_done = co_await done.wait(Deadline::after(kSourceTimeout + 100ms));
  }
}

}  // namespace

// Of many that wait for a slow source, each once gave up when it had waited for as long as an answer may take, and began again behind the others: the shared ClickHouse, for which
// thousands may wait, got nothing for a quarter of an hour. Found by the fault test under ThreadSanitizer.
TEST_F(QueueTest, WaitingForAConnectionIsNoFailureOfTheSource) {
  const auto tenancy = add_tenancy(1, {});
  add_users(tenancy, 1, 5);
  {
    test::Service service(source_);
    const auto open =
        R"sql(SELECT (SELECT count(*) FROM "ContactChannel" WHERE "shouldUpdateSequenceId") + (SELECT count(*) FROM "OutgoingRequest"))sql";
    wait_until([&] { return session_.number(open) == 0; }, "they have their ids");
  }
  test::Database customer("customer");
  set_destinations(1, {customer.uri()});

  telemetry::Metrics metrics;
  test::run([&]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    postgres::Pool pool(executor, Engine::session_settings(source_.options()), {.max_connections = 1});
    queue::Claim ours;
    source::Installation installation;
    {
      auto connection = co_await postgres::Connection::open(queue::session_settings(source_.options()), deadline());
      installation = co_await source::attach(connection, test::builtin_mappings(), deadline());
      ours = co_await claim(connection, tenancy, 1h);
    }
    Engine engine(executor, pool, installation, test::builtin_mappings(),
                  {.patience = 20s, .source_timeout = kSourceTimeout, .destination = test::test_destinations()}, metrics);
    Event done(executor);
    engine.submit(ours, [&] { done.set(); });
    co_await keep_waiting(pool, done);
  });
  auto customer_session = customer.session();
  EXPECT_EQ(customer_session.number("SELECT count(*) FROM public.users"), 5);
  EXPECT_EQ(session_.number(R"(SELECT count(*) FROM "OutgoingRequest")"), 0);
  EXPECT_EQ(metrics.counter("tributary_sync_source_errors_total", {{"kind", "postgres"}}).value(), 0U);
}

}  // namespace tributary::sync
