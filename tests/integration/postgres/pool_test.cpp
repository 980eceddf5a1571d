#include "postgres/pool.hpp"

#include "base/event.hpp"
#include "fixture.hpp"

namespace tributary::postgres {
namespace {

class PoolTest : public testing::Test {
 protected:
  std::int64_t backends() {
    return session_.number(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()");
  }
  void terminate_backends() {
    session_.run(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> "
        "pg_backend_pid()");
  }
  asio::awaitable<std::int32_t> pid_of_next(Pool& pool) {
    auto loan = co_await pool.acquire(soon());
    co_return (co_await loan->execute("SELECT pg_backend_pid()", soon())).get<std::int32_t>(0, 0);
  }

  test::Database database_;
  test::Session session_ = database_.session();
};

TEST_F(PoolTest, LendsTheSameConnectionAgain) {
  test::run([&]() -> asio::awaitable<void> {
    Pool pool(co_await asio::this_coro::executor, database_.options());
    int pid = 0;
    {
      auto loan = co_await pool.acquire(soon());
      EXPECT_TRUE(loan.fresh());
      pid = loan->backend_pid();
      EXPECT_EQ(pool.counts().lent, 1U);
    }
    auto loan = co_await pool.acquire(soon());
    EXPECT_FALSE(loan.fresh());
    EXPECT_EQ(loan->backend_pid(), pid);
    EXPECT_EQ(pool.counts().open, 1U);
  });
}

TEST_F(PoolTest, NeverHasMoreThanItsLimitAndServesEverybody) {
  test::run([&]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    Pool pool(executor, database_.options(), {.max_connections = 3});
    Event ended(executor);
    int left = 40;
    std::int64_t most = 0;
    const auto visit = [&]() -> asio::awaitable<void> {
      auto loan = co_await pool.acquire(soon());
      const auto result = co_await loan->execute(
          "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'", soon());
      most = std::max(most, result.get<std::int64_t>(0, 0));
      EXPECT_LE(pool.counts().open, 3U);
    };
    for (int i = 0; i < 40; ++i) {
      asio::co_spawn(executor, visit(), [&](std::exception_ptr failure) {
        EXPECT_FALSE(failure);
        if (--left == 0) ended.set();
      });
    }
    EXPECT_TRUE(co_await ended.wait(soon()));
    EXPECT_LE(most, 3 + 1) << "the test's own session is the fourth";
    EXPECT_EQ(pool.counts().lent, 0U);
    EXPECT_EQ(pool.counts().waiting, 0U);
  });
}

TEST_F(PoolTest, WaitersAreServedInOrderOfArrival) {
  test::run([&]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    Pool pool(executor, database_.options(), {.max_connections = 1});
    Event ended(executor);
    std::vector<int> order;
    const auto visit = [&](int who) -> asio::awaitable<void> {
      auto loan = co_await pool.acquire(soon());
      order.push_back(who);
      co_await loan->execute("SELECT 1", soon());
      if (who == 9) ended.set();
    };
    for (int who = 0; who < 10; ++who)
      asio::co_spawn(executor, visit(who), [](std::exception_ptr failure) { EXPECT_FALSE(failure); });
    EXPECT_TRUE(co_await ended.wait(soon()));
    EXPECT_THAT(order, testing::ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9));
  });
}

TEST_F(PoolTest, ADeadlineEndsTheWaitAndLosesNoPlace) {
  test::run([&]() -> asio::awaitable<void> {
    Pool pool(co_await asio::this_coro::executor, database_.options(), {.max_connections = 1});
    {
      const auto loan = co_await pool.acquire(soon());
      EXPECT_EQ((co_await error_of(pool.acquire(Deadline::after(50ms)))).kind(), ErrorKind::deadline);
      EXPECT_EQ(pool.counts().waiting, 0U);
    }
    EXPECT_GT(co_await pid_of_next(pool), 0);
  });
}

TEST_F(PoolTest, AFailedConnectLetsTheNextWaiterTry) {
  test::run([&]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    Pool pool(executor, database_.options().with("dbname", "no such database"), {.max_connections = 1});
    Event ended(executor);
    std::vector<std::string> states;
    const auto visit = [&]() -> asio::awaitable<void> {
      states.emplace_back((co_await error_of(pool.acquire(soon()))).sqlstate());
      if (states.size() == 3) ended.set();
    };
    for (int i = 0; i < 3; ++i) asio::co_spawn(executor, visit(), [](std::exception_ptr failure) { EXPECT_FALSE(failure); });
    EXPECT_TRUE(co_await ended.wait(soon()));
    EXPECT_THAT(states, testing::Each("3D000"));
    EXPECT_EQ(pool.counts().lent, 0U);
  });
}

TEST_F(PoolTest, ATerminatedIdleConnectionIsReplacedBeforeItIsLent) {
  test::run([&]() -> asio::awaitable<void> {
    Pool pool(co_await asio::this_coro::executor, database_.options());
    const auto before = co_await pid_of_next(pool);
    terminate_backends();
    const auto after = co_await pid_of_next(pool);
    EXPECT_NE(before, after);
    EXPECT_EQ(pool.counts().open, 1U);
  });
}

TEST_F(PoolTest, OneThatWasIdleForLongIsAskedBeforeItIsLent) {
  test::run([&]() -> asio::awaitable<void> {
    Pool pool(co_await asio::this_coro::executor, database_.options(), {.check_after_idle = std::chrono::milliseconds(-1)});
    const auto last_statement = [&](int pid) {
      return session_.value("SELECT query FROM pg_stat_activity WHERE pid = " + std::to_string(pid));
    };
    const auto pid = co_await pid_of_next(pool);
    EXPECT_EQ(last_statement(pid), "SELECT pg_backend_pid()");
    const auto loan = co_await pool.acquire(soon());
    EXPECT_EQ(last_statement(pid), "SELECT 1");
  });
}

TEST_F(PoolTest, APoisonedOneIsReplacedAndThePoolRecovers) {
  test::run([&]() -> asio::awaitable<void> {
    Pool pool(co_await asio::this_coro::executor, database_.options(), {.max_connections = 1});
    {
      auto loan = co_await pool.acquire(soon());
      EXPECT_EQ((co_await error_of(loan->execute("SELECT pg_sleep(60)", Deadline::after(50ms)))).kind(), ErrorKind::deadline);
    }
    EXPECT_EQ(pool.counts().open, 0U);
    EXPECT_GT(co_await pid_of_next(pool), 0);
    EXPECT_EQ(pool.counts().open, 1U);
  });
}

TEST_F(PoolTest, OneInsideOfATransactionIsClosedAtReturn) {
  test::run([&]() -> asio::awaitable<void> {
    Pool pool(co_await asio::this_coro::executor, database_.options());
    {
      auto loan = co_await pool.acquire(soon());
      co_await loan->execute_script("BEGIN", soon());
    }
    EXPECT_EQ(pool.counts().open, 0U);
  });
}

TEST_F(PoolTest, AnOldOneIsClosedAtReturnAndAnUnusedOneByTheClock) {
  test::run([&]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    Pool short_lived(executor, database_.options(), {.max_lifetime = 0ms});
    co_await pid_of_next(short_lived);
    EXPECT_EQ(short_lived.counts().open, 0U);
    Pool keeps_none(executor, database_.options(), {.idle_timeout = 0ms});
    co_await pid_of_next(keeps_none);
    EXPECT_EQ(keeps_none.counts().open, 0U);
    Pool pool(executor, database_.options(), {.idle_timeout = 100ms});
    co_await pid_of_next(pool);
    EXPECT_EQ(pool.counts().open, 1U);
    EXPECT_TRUE(co_await eventually([&] { return pool.counts().open == 0; }));
    EXPECT_TRUE(co_await eventually([&] { return backends() == 0; }));
  });
}

TEST_F(PoolTest, AClosedPoolLendsNothingAndItsLoansClose) {
  test::run([&]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    std::optional<PooledConnection> loan;
    std::optional<ErrorKind> of_waiter;
    {
      Pool pool(executor, database_.options(), {.max_connections = 1});
      loan = co_await pool.acquire(soon());
      const auto wait = [&]() -> asio::awaitable<void> { of_waiter = (co_await error_of(pool.acquire(soon()))).kind(); };
      asio::co_spawn(executor, wait(), [](std::exception_ptr failure) { EXPECT_FALSE(failure); });
      EXPECT_TRUE(co_await eventually([&] { return pool.counts().waiting == 1; }));
      pool.close();
      EXPECT_EQ((co_await error_of(pool.acquire(soon()))).kind(), ErrorKind::usage);
    }
    EXPECT_TRUE(co_await eventually([&] { return of_waiter.has_value(); }));
    EXPECT_EQ(of_waiter, ErrorKind::usage);
    EXPECT_EQ((co_await (*loan)->execute("SELECT 1", soon())).rows(), 1U) << "a loan outlives its pool";
    loan.reset();
    EXPECT_TRUE(co_await eventually([&] { return backends() == 0; }));
  });
}

}  // namespace
}  // namespace tributary::postgres
