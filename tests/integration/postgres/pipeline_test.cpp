#include "fixture.hpp"
#include "support/fake_server.hpp"

namespace tributary::postgres {
namespace {

Command command(std::string_view sql, Params params = {}) { return {.sql = sql, .params = std::move(params)}; }

/// A vector of move-only-ish commands without copying each through an initializer list.
template <class... Commands>
std::vector<Command> commands(Commands... each) {
  std::vector<Command> all;
  (all.push_back(std::move(each)), ...);
  return all;
}

TEST(Pipeline, ResultsComeInOrder) {
  const test::Database database;
  test::run([&]() -> asio::awaitable<void> {
    auto connection = co_await Connection::open(database.options(), soon());
    for (int round = 0; round < 2; ++round) {  // the second time all are prepared
      auto all = commands(command("SELECT 1"), command("SELECT generate_series(1, 3)"), command("SELECT 1"),
                          Command{.sql = "SELECT 'one-off'", .params = {}, .prepare = false});
      const auto results = co_await connection.execute_pipeline(std::move(all), soon());
      EXPECT_EQ(results.size(), 4U);
      EXPECT_EQ(results[0].get<std::int32_t>(0, 0), 1);
      EXPECT_EQ(results[1].rows(), 3U);
      EXPECT_EQ(results[2].get<std::int32_t>(0, 0), 1);
      EXPECT_EQ(results[3].get<std::string>(0, 0), "one-off");
    }
    const auto prepared = co_await connection.execute("SELECT count(*) FROM pg_prepared_statements", soon());
    EXPECT_EQ(prepared.get<std::int64_t>(0, 0), 2);
    EXPECT_TRUE((co_await connection.execute_pipeline({}, soon())).empty());
  });
}

TEST(Pipeline, AnErrorInTheMiddleRollsEverythingBackAndLeavesTheConnectionUsable) {
  const test::Database database;
  test::run([&]() -> asio::awaitable<void> {
    auto connection = co_await Connection::open(database.options(), soon());
    co_await connection.execute_script("CREATE TABLE one (id int PRIMARY KEY)", soon());
    const auto work = [](std::int32_t divisor) {
      return commands(command("INSERT INTO one VALUES (1)"), command("SELECT 1 / $1", Params().add(divisor)),
                      command("INSERT INTO one VALUES (2)"), command("SELECT nonsense FROM one"));
    };
    const auto error = co_await error_of(connection.execute_pipeline(work(0), soon()));
    EXPECT_EQ(error.kind(), ErrorKind::server);
    EXPECT_EQ(error.sqlstate(), "22012") << "the first failure";
    EXPECT_EQ(error.details().statement, "SELECT 1 / $1");
    EXPECT_FALSE(error.commit_in_doubt());
    EXPECT_TRUE(connection.usable());
    EXPECT_EQ(connection.transaction_status(), TransactionStatus::idle);
    EXPECT_EQ((co_await connection.execute("SELECT count(*) FROM one", soon())).get<std::int64_t>(0, 0), 0);
    // What had been prepared stays so, what had not is prepared now.
    auto repaired = work(1);
    repaired.pop_back();
    EXPECT_EQ((co_await connection.execute_pipeline(std::move(repaired), soon())).size(), 3U);
    EXPECT_EQ((co_await connection.execute("SELECT count(*) FROM one", soon())).get<std::int64_t>(0, 0), 2);
  });
}

TEST(Pipeline, MoreThanTheSocketBuffersHoldInBothDirectionsDoesNotDeadlock) {
  const test::Database database;
  test::run([&]() -> asio::awaitable<void> {
    auto connection = co_await Connection::open(database.options(), soon());
    const std::string large(1'000'000, 'x');
    std::vector<Command> echoes;
    for (int i = 0; i < 60; ++i) echoes.push_back(command("SELECT $1 || 'y'", Params().add(large)));
    const auto results = co_await connection.execute_pipeline(std::move(echoes), soon());
    EXPECT_EQ(results.size(), 60U);
    for (const auto& result : results) EXPECT_EQ(result.bytes(0, 0).size(), large.size() + 1);
  });
}

TEST(Pipeline, ManyStatementsAreOneRoundTrip) {
  const test::Database database;
  test::run([&]() -> asio::awaitable<void> {
    auto connection = co_await Connection::open(database.options(), soon());
    std::vector<Command> all;
    for (std::int32_t i = 0; i < 5000; ++i) all.push_back(command("SELECT $1", Params().add(i)));
    const auto results = co_await connection.execute_pipeline(std::move(all), soon());
    for (std::int32_t i = 0; i < 5000; ++i) EXPECT_EQ(results[static_cast<std::size_t>(i)].get<std::int32_t>(0, 0), i);
  });
}

TEST(Pipeline, ABreakIsACommitInDoubt) {
  const test::Database database;
  test::run([&]() -> asio::awaitable<void> {
    auto connection = co_await Connection::open(database.options(), soon());
    auto all = commands(command("SELECT 1"), command("SELECT pg_terminate_backend(pg_backend_pid())"), command("SELECT 2"));
    const auto error = co_await error_of(connection.execute_pipeline(std::move(all), soon()));
    EXPECT_EQ(error.kind(), ErrorKind::connection);
    EXPECT_EQ(error.sqlstate(), "57P01");
    EXPECT_TRUE(error.commit_in_doubt());
  });
}

TEST(Pipeline, ADeferredConstraintSpeaksAtItsEnd) {
  const test::Database database;
  test::run([&]() -> asio::awaitable<void> {
    auto connection = co_await Connection::open(database.options(), soon());
    co_await connection.execute_script("CREATE TABLE one (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)", soon());
    auto all = commands(command("INSERT INTO one VALUES (1)"), command("INSERT INTO one VALUES (1)"));
    const auto error = co_await error_of(connection.execute_pipeline(std::move(all), soon()));
    EXPECT_EQ(error.kind(), ErrorKind::server) << error.what();
    EXPECT_EQ(error.sqlstate(), "23505");
    EXPECT_FALSE(error.commit_in_doubt());
    EXPECT_EQ((co_await connection.execute("SELECT count(*) FROM one", soon())).get<std::int64_t>(0, 0), 0);
  });
}

// Every statement is answered, the Sync behind them, which commits, is not; or only by an error, behind which nothing comes any more.
class BreakBehindTheLastAnswer : public testing::TestWithParam<bool> {};

TEST_P(BreakBehindTheLastAnswer, IsACommitInDoubtToo) {
  const test::FakeServer server([](test::FakeServer::Socket& socket) -> asio::awaitable<void> {
    namespace wire = test::wire;
    co_await wire::startup(socket);
    co_await wire::send(socket, wire::welcome());
    co_await wire::receive_request(socket);
    for (int answered = 0; answered < 2; ++answered) {
      co_await wire::send(socket, wire::message('1', "") + wire::message('2', "") + wire::message('n', "") +
                                      wire::message('C', std::string_view("INSERT 0 1\0", 11)));
    }
    if (GetParam()) co_await wire::send(socket, wire::error("23505", "a deferred constraint"));
  });
  test::run([&]() -> asio::awaitable<void> {
    auto connection = co_await Connection::open(ConnectOptions::parse(server.uri()), soon());
    const auto error =
        co_await error_of(connection.execute_pipeline(commands(command("INSERT"), command("INSERT again")), soon()));
    EXPECT_EQ(error.kind(), ErrorKind::connection) << error.what();
    EXPECT_TRUE(error.commit_in_doubt());
    EXPECT_TRUE(error.retryable());
  });
}

INSTANTIATE_TEST_SUITE_P(Pipeline, BreakBehindTheLastAnswer, testing::Bool());

TEST(Pipeline, InsideOfATransactionItCommitsNothing) {
  const test::Database database;
  test::run([&]() -> asio::awaitable<void> {
    auto connection = co_await Connection::open(database.options(), soon());
    co_await connection.execute_script("CREATE TABLE one (id int)", soon());
    co_await connection.execute_script("BEGIN", soon());
    co_await connection.execute_pipeline(commands(command("INSERT INTO one VALUES (1)"), command("INSERT INTO one VALUES (2)")),
                                         soon());
    EXPECT_EQ(connection.transaction_status(), TransactionStatus::in_transaction);
    co_await connection.execute_script("ROLLBACK", soon());
    EXPECT_EQ((co_await connection.execute("SELECT count(*) FROM one", soon())).get<std::int64_t>(0, 0), 0);
  });
}

TEST(Pipeline, ADeadlineInTheMiddlePoisons) {
  const test::Database database;
  test::run([&]() -> asio::awaitable<void> {
    auto connection = co_await Connection::open(database.options(), soon());
    auto all = commands(command("SELECT 1"), command("SELECT pg_sleep(60)"), command("SELECT 2"));
    const auto error = co_await error_of(connection.execute_pipeline(std::move(all), Deadline::after(100ms)));
    EXPECT_EQ(error.kind(), ErrorKind::deadline);
    EXPECT_TRUE(error.commit_in_doubt());
    EXPECT_FALSE(connection.usable());
  });
}

}  // namespace
}  // namespace tributary::postgres
