#include "queue_fixture.hpp"
#include "support/turns.hpp"

namespace tributary::sync {
namespace {

/// One tenancy with a destination, worked on by an engine that has a single connection to the source, which others want as well.
class SlowSourceTest : public QueueTest {
 protected:
  /// Its users have ids, and nothing was sent yet.
  SlowSourceTest() : tenancy_(add_tenancy(1, {})) {
    add_users(tenancy_, 1, 40);
    test::Service service(source_);
    const auto open = R"sql(SELECT (SELECT count(*) FROM "ContactChannel" WHERE "shouldUpdateSequenceId")
                                 + (SELECT count(*) FROM "OutgoingRequest"))sql";
    wait_until([&] { return session_.number(open) == 0; }, "they have their ids");
    set_destinations(1, {customer_.uri()});
  }

  /// The tenancy's turn. Whenever the engine waits for the connection it does so for `time`, at the beginning of which `look` is called. Returns how often.
  int sync(Params params, std::chrono::milliseconds time, const std::function<void()>& look = [] {}) {
    int waits = 0;
    test::run([&]() -> asio::awaitable<void> {
      const auto executor = co_await asio::this_coro::executor;
      postgres::Pool pool(executor, Engine::session_settings(source_.options()), {.max_connections = 1});
      auto connection = co_await postgres::Connection::open(queue::session_settings(source_.options()), deadline());
      const auto installation = co_await source::attach(connection, test::builtin_mappings(), deadline());
      params.patience = 20s;
      params.destination = test::test_destinations();
      Engine engine(executor, pool, installation, test::builtin_mappings(), params, metrics_);
      Event done(executor);
      engine.submit(co_await claim(connection, tenancy_, 1h), [&] { done.set(); });
      waits = co_await test::whenever_somebody_waits(pool, done, look, time);
    });
    return waits;
  }
  std::int64_t source_errors() {
    return static_cast<std::int64_t>(metrics_.counter("tributary_sync_source_errors_total", {{"kind", "postgres"}}).value());
  }

  test::Database customer_{"customer"};
  const std::string tenancy_;
  telemetry::Metrics metrics_;
};

}  // namespace

// Of many that wait for a slow source, each once gave up when it had waited for as long as an answer may take, and began again behind the others: the shared ClickHouse, for which
// thousands may wait, got next to nothing for a quarter of an hour. Found by the fault test under ThreadSanitizer.
TEST_F(SlowSourceTest, WaitingForAConnectionIsNoFailure) {
  constexpr auto kAnswer = 4s;
  EXPECT_GE(sync({.source_timeout = kAnswer}, kAnswer + 100ms), 2);
  EXPECT_EQ(customer_.session().number("SELECT count(*) FROM public.users"), 40);
  EXPECT_EQ(session_.number(R"(SELECT count(*) FROM "OutgoingRequest")"), 0);
  EXPECT_EQ(source_errors(), 0);
}

// However long that takes: nobody at the destination waits, too.
TEST_F(SlowSourceTest, NothingIsLockedAtADestinationThatWaitsForTheSource) {
  auto customer_session = customer_.session();
  const auto lock = [&] {
    if (customer_session.number("SELECT count(*) FROM pg_tables WHERE tablename = '_stack_sync_metadata'") > 0)
      customer_session.run("SELECT FROM public._stack_sync_metadata FOR UPDATE NOWAIT");
  };
  EXPECT_GE(sync({.small_rows = 1, .load_rows = 5}, 1ms, lock), 16) << "eight batches of each of two mappings, read one by one";
  EXPECT_EQ(customer_session.number("SELECT count(*) FROM public.users"), 40);
}

}  // namespace tributary::sync
