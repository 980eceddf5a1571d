#include "postgres/connection.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include "base/event.hpp"
#include "fixture.hpp"

namespace tributary::postgres {
namespace {

using testing::HasSubstr;

constexpr auto kSleepers =
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query = 'SELECT pg_sleep(60)' "
    "AND state = 'active'";

TEST(Connection, RunsAStatementWithBinaryParametersAndResults) {
  const test::Database database;
  test::run([&]() -> asio::awaitable<void> {
    auto connection = co_await Connection::open(database.options(), soon());
    const auto id = Uuid::random();
    const std::vector<std::string> texts{"a", "", "ä\n"};
    Params params;
    params.add(std::int64_t{1} << 40)
        .add("text")
        .add(true)
        .add(id)
        .add_jsonb(R"({"a": 1})")
        .add_array(texts)
        .add(std::int16_t{-7});
    const auto result = co_await connection.execute(
        "SELECT $1, $2, $3, $4, $5, $6, $7, NULL::uuid, 0.5::float8, '2000-01-02Z'::timestamptz, '\\x00ff'::bytea, "
        "'{1,2}'::int4[]",
        std::move(params), soon());
    EXPECT_EQ(result.get<std::int64_t>(0, 0), std::int64_t{1} << 40);
    EXPECT_EQ(result.get<std::string>(0, 1), "text");
    EXPECT_TRUE(result.get<bool>(0, 2));
    EXPECT_EQ(result.get<Uuid>(0, 3), id);
    EXPECT_EQ(result.get<std::string>(0, 4), R"({"a": 1})");
    EXPECT_EQ(result.get<std::vector<std::string>>(0, 5), texts);
    EXPECT_EQ(result.get<std::int16_t>(0, 6), -7);
    EXPECT_EQ(result.get<std::optional<Uuid>>(0, 7), std::nullopt);
    EXPECT_EQ(result.get<double>(0, 8), 0.5);
    EXPECT_EQ(result.get<Timestamp>(0, 9), std::chrono::sys_days(std::chrono::year(2000) / 1 / 2));
    EXPECT_EQ(result.get<std::vector<std::byte>>(0, 10), (std::vector{std::byte{0}, std::byte{0xFF}}));
    EXPECT_EQ(result.get<std::vector<std::int64_t>>(0, 11), (std::vector<std::int64_t>{1, 2}));
    EXPECT_THROW(result.get<Uuid>(0, 7), Error) << "NULL";
    EXPECT_THROW(result.get<bool>(0, 12), Error) << "no such column";
    EXPECT_THROW(result.get<bool>(1, 0), Error) << "no such row";
  });
}

TEST(Connection, AServersRefusalSaysWhatAndLeavesItUsable) {
  const test::Database database;
  test::run([&]() -> asio::awaitable<void> {
    auto connection = co_await Connection::open(database.options(), soon());
    co_await connection.execute_script("CREATE TABLE one (id int CONSTRAINT one_key PRIMARY KEY); INSERT INTO one VALUES (1)",
                                       soon());
    const auto error =
        co_await error_of(connection.execute("INSERT INTO one VALUES ($1)", Params().add(std::int32_t{1}), soon()));
    EXPECT_EQ(error.kind(), ErrorKind::server);
    EXPECT_EQ(error.sqlstate(), "23505");
    EXPECT_TRUE(error.may_blame_a_row());
    EXPECT_EQ(error.details().table, "one");
    EXPECT_EQ(error.details().constraint, "one_key");
    EXPECT_THAT(error.details().detail, HasSubstr("(id)=(1)"));
    EXPECT_EQ(error.details().statement, "INSERT INTO one VALUES ($1)");
    EXPECT_TRUE(connection.usable());
    const auto result = co_await connection.execute("INSERT INTO one VALUES (2), (3)", soon());
    EXPECT_EQ(result.affected_rows(), 2U);
    EXPECT_EQ(result.command_tag(), "INSERT 0 2");
  });
}

TEST(Connection, PreparesAStatementOnceUnderANameOfItsText) {
  const test::Database database;
  test::run([&]() -> asio::awaitable<void> {
    auto connection = co_await Connection::open(database.options(), soon());
    for (std::int32_t i = 0; i < 3; ++i) {
      const auto result = co_await connection.execute_prepared("SELECT $1 + 1", Params().add(i), soon());
      EXPECT_EQ(result.get<std::int32_t>(0, 0), i + 1);
    }
    const auto statements = co_await connection.execute("SELECT name, statement FROM pg_prepared_statements", soon());
    EXPECT_EQ(statements.rows(), 1U);
    EXPECT_EQ(statements.get<std::string>(0, 1), "SELECT $1 + 1");
    EXPECT_THAT(statements.get<std::string>(0, 0), testing::StartsWith("tributary_"));
  });
}

TEST(Connection, APreparedStatementThatWentStaleIsPreparedAnewAtTheNextUse) {
  const test::Database database;
  test::run([&]() -> asio::awaitable<void> {
    auto connection = co_await Connection::open(database.options(), soon());
    co_await connection.execute_script("CREATE TABLE one (a int); INSERT INTO one VALUES (1)", soon());
    co_await connection.execute_prepared("SELECT * FROM one", {}, soon());
    co_await connection.execute_script("ALTER TABLE one ADD b int", soon());
    auto error = co_await error_of(connection.execute_prepared("SELECT * FROM one", {}, soon()));
    EXPECT_EQ(error.sqlstate(), "0A000");
    EXPECT_EQ((co_await connection.execute("DEALLOCATE ALL", soon())).command_tag(), "DEALLOCATE ALL");
    EXPECT_EQ((co_await connection.execute_prepared("SELECT * FROM one", {}, soon())).columns(), 2U);
    co_await connection.execute("DEALLOCATE ALL", soon());
    error = co_await error_of(connection.execute_prepared("SELECT * FROM one", {}, soon()));
    EXPECT_EQ(error.sqlstate(), "26000");
    EXPECT_EQ((co_await connection.execute_prepared("SELECT * FROM one", {}, soon())).columns(), 2U);
  });
}

TEST(Connection, AScriptEndsAtItsFirstErrorAsOneTransaction) {
  const test::Database database;
  test::run([&]() -> asio::awaitable<void> {
    auto connection = co_await Connection::open(database.options(), soon());
    const auto error =
        co_await error_of(connection.execute_script("CREATE TABLE one (); SELECT 1/0; CREATE TABLE two ()", soon()));
    EXPECT_EQ(error.sqlstate(), "22012");
    EXPECT_TRUE((co_await connection.execute("SELECT to_regclass('one') IS NULL", soon())).get<bool>(0, 0));
  });
}

TEST(Connection, ADeadlineCancelsTheStatementAtTheServerAndPoisons) {
  const test::Database database;
  auto session = database.session();
  test::run([&]() -> asio::awaitable<void> {
    auto connection = co_await Connection::open(database.options(), soon());
    // Not less: a cancel request that came before the statement has begun would cancel nothing.
    const auto error = co_await error_of(connection.execute("SELECT pg_sleep(60)", Deadline::after(1s)));
    EXPECT_EQ(error.kind(), ErrorKind::deadline);
    EXPECT_FALSE(connection.usable());
    EXPECT_TRUE(co_await eventually([&] { return session.number(kSleepers) == 0; }));
    const auto after = co_await error_of(connection.execute("SELECT 1", soon()));
    EXPECT_EQ(after.kind(), ErrorKind::connection);
  });
}

TEST(Connection, ACancelledCoroutineCancelsTheStatementAtTheServer) {
  const test::Database database;
  auto session = database.session();
  test::run([&]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    auto connection = co_await Connection::open(database.options(), soon());
    asio::cancellation_signal signal;
    Event ended(executor);
    std::optional<ErrorKind> kind;
    const auto sleep = [&]() -> asio::awaitable<void> {
      try {
        co_await connection.execute("SELECT pg_sleep(60)", soon());
      } catch (const Error& error) {
        kind = error.kind();
      }
    };
    asio::co_spawn(executor, sleep(), asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr) { ended.set(); }));
    EXPECT_TRUE(co_await eventually([&] { return session.number(kSleepers) == 1; }));
    signal.emit(asio::cancellation_type::terminal);
    EXPECT_TRUE(co_await ended.wait(soon()));
    EXPECT_EQ(kind, ErrorKind::deadline);
    EXPECT_FALSE(connection.usable());
    EXPECT_TRUE(co_await eventually([&] { return session.number(kSleepers) == 0; }));
  });
}

TEST(Connection, RefusesASecondOperationAtTheSameTime) {
  const test::Database database;
  test::run([&]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    auto connection = co_await Connection::open(database.options(), soon());
    Event ended(executor);
    std::optional<std::int32_t> value;
    const auto first = [&]() -> asio::awaitable<void> {
      const auto result = co_await connection.execute("SELECT 1 FROM pg_sleep(0.2)", soon());
      value = result.get<std::int32_t>(0, 0);
    };
    asio::co_spawn(executor, first(), [&](std::exception_ptr) { ended.set(); });
    co_await asio::post(asio::use_awaitable);
    const auto error = co_await error_of(connection.execute("SELECT 2", soon()));
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_TRUE(co_await ended.wait(soon()));
    EXPECT_EQ(value, 1) << "the first goes on";
  });
}

TEST(Connection, ATerminatedBackendIsAConnectionErrorWithTheServersWords) {
  const test::Database database;
  test::run([&]() -> asio::awaitable<void> {
    auto connection = co_await Connection::open(database.options(), soon());
    const auto error = co_await error_of(connection.execute("SELECT pg_terminate_backend(pg_backend_pid())", soon()));
    EXPECT_EQ(error.kind(), ErrorKind::connection);
    EXPECT_EQ(error.sqlstate(), "57P01");
    EXPECT_THAT(error.what(), HasSubstr("administrator command"));
    EXPECT_FALSE(connection.usable());
  });
}

TEST(Connection, CopyByExecuteIsRefused) {
  const test::Database database;
  test::run([&]() -> asio::awaitable<void> {
    for (const auto* sql : {"COPY (SELECT 1) TO STDOUT", "COPY pg_class FROM STDIN"}) {
      auto connection = co_await Connection::open(database.options(), soon());
      const auto error = co_await error_of(connection.execute(sql, soon()));
      EXPECT_THAT(error.kind(), testing::AnyOf(ErrorKind::usage, ErrorKind::server)) << sql;
      auto another = co_await Connection::open(database.options(), soon());
      EXPECT_EQ((co_await error_of(another.execute_script("COPY (SELECT 1) TO STDOUT", soon()))).kind(), ErrorKind::usage);
      EXPECT_FALSE(another.usable());
    }
  });
}

TEST(Connection, AResultLargerThanEveryBufferArrivesWhole) {
  const test::Database database;
  test::run([&]() -> asio::awaitable<void> {
    auto connection = co_await Connection::open(database.options(), soon());
    const auto result = co_await connection.execute("SELECT i, repeat('x', 1000) FROM generate_series(1, 50000) i", soon());
    EXPECT_EQ(result.rows(), 50'000U);
    EXPECT_EQ(result.get<std::int32_t>(49'999, 0), 50'000);
    EXPECT_EQ(result.get<std::string>(49'999, 1), std::string(1000, 'x'));
  });
}

TEST(Connection, SurvivesBeingMoved) {
  const test::Database database;
  test::run([&]() -> asio::awaitable<void> {
    auto first = co_await Connection::open(database.options(), soon());
    auto second = std::move(first);
    EXPECT_FALSE(first.usable());
    first = co_await Connection::open(database.options(), soon());
    EXPECT_NE(first.backend_pid(), second.backend_pid());
    std::swap(first, second);
    EXPECT_EQ((co_await first.execute("SELECT pg_backend_pid()", soon())).get<std::int32_t>(0, 0), first.backend_pid());
    EXPECT_GE(first.server_version(), 120000);
  });
}

TEST(Connection, QuotedIdentifiersAndLiteralsMeanWhatTheySay) {
  const test::Database database;
  test::run([&]() -> asio::awaitable<void> {
    auto connection = co_await Connection::open(database.options(), soon());
    const std::string name = R"(we"ird; -- näme)";
    const auto id = Uuid::random();
    const std::string sql = "SELECT " + literal(std::int64_t{std::numeric_limits<std::int64_t>::min()}) + " AS " +
                            quote_identifier(name) + ", " + literal(id) + ", " + literal(std::int64_t{-1}) + " + 2";
    const auto result = co_await connection.execute(sql, soon());
    EXPECT_EQ(result.name(0), name);
    EXPECT_EQ(result.get<std::int64_t>(0, 0), std::numeric_limits<std::int64_t>::min());
    EXPECT_EQ(result.get<Uuid>(0, 1), id);
    EXPECT_EQ(result.get<std::int64_t>(0, 2), 1);
  });
}

}  // namespace
}  // namespace tributary::postgres
