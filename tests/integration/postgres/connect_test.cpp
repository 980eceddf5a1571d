#include <boost/asio/io_context.hpp>

#include "fixture.hpp"

namespace tributary::postgres {
namespace {

using testing::HasSubstr;

TEST(Connect, ARefusedPortIsAConnectionErrorThatMayPass) {
  const test::Database database;
  test::run([&]() -> asio::awaitable<void> {
    const SilentPort port(co_await asio::this_coro::executor, false);
    const auto error = co_await error_of(Connection::open(database.options().with("port", port.number()), soon()));
    EXPECT_EQ(error.kind(), ErrorKind::connection);
    EXPECT_TRUE(error.retryable());
    EXPECT_THAT(error.what(), HasSubstr("refused"));
  });
}

TEST(Connect, AServersRefusalCarriesItsSqlstate) {
  const test::Database database;
  test::run([&]() -> asio::awaitable<void> {
    auto error = co_await error_of(Connection::open(database.options().with("dbname", "no such database"), soon()));
    EXPECT_EQ(error.kind(), ErrorKind::connection);
    EXPECT_EQ(error.sqlstate(), "3D000");
    EXPECT_THAT(error.what(), HasSubstr("database \"no such database\" does not exist"));
    EXPECT_THAT(error.what(), testing::Not(HasSubstr("LOCATION")));
    error = co_await error_of(
        Connection::open(database.options().with("user", "nobody we know").with("password", "hunter2"), soon()));
    EXPECT_EQ(error.sqlstate(), "28000");
    EXPECT_THAT(error.what(), testing::Not(HasSubstr("hunter2")));
  });
}

TEST(Connect, AServerThatAcceptsAndNeverAnswersEndsAtTheDeadline) {
  const test::Database database;
  test::run([&]() -> asio::awaitable<void> {
    const SilentPort port(co_await asio::this_coro::executor, true);
    const auto options = database.options().with("port", port.number());
    const auto error = co_await error_of(Connection::open(options, Deadline::after(100ms)));
    EXPECT_EQ(error.kind(), ErrorKind::deadline);
    EXPECT_THAT(error.what(), HasSubstr(port.number()));
  });
}

TEST(Connect, TheOptionsTimeoutCapsTheDeadline) {
  const test::Database database;
  test::run([&]() -> asio::awaitable<void> {
    const SilentPort port(co_await asio::this_coro::executor, true);
    auto options = database.options().with("port", port.number());
    options.connect_timeout = 100ms;
    const auto error = co_await error_of(Connection::open(options, Deadline::never()));
    EXPECT_EQ(error.kind(), ErrorKind::deadline);
  });
}

TEST(Connect, ANameThatDoesNotExistIsAConnectionError) {
  test::run([]() -> asio::awaitable<void> {
    const auto error = co_await error_of(Connection::open(ConnectOptions::parse("host=name.invalid"), soon()));
    EXPECT_EQ(error.kind(), ErrorKind::connection);
    EXPECT_THAT(error.what(), HasSubstr("name.invalid"));
  });
}

TEST(Connect, ANameIsLookedUp) {
  const test::Database database;
  test::run([&]() -> asio::awaitable<void> {
    auto connection = co_await Connection::open(database.options().with("host", "localhost"), soon());
    const auto result = co_await connection.execute("SELECT host(inet_server_addr())", soon());
    EXPECT_EQ(result.get<std::string>(0, 0), "127.0.0.1");
  });
}

TEST(Connect, AUnixSocketWorks) {
  const test::Database database;
  const auto folder = database.session().value("SHOW unix_socket_directories");
  test::run([&]() -> asio::awaitable<void> {
    auto connection = co_await Connection::open(database.options().with("host", folder), soon());
    const auto result = co_await connection.execute("SELECT inet_server_addr() IS NULL", soon());
    EXPECT_TRUE(result.get<bool>(0, 0));
  });
}

TEST(Connect, TheNextAddressIsTriedWhereOneRefusesOrIsSilent) {
  const test::Database database;
  test::run([&]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    const SilentPort refusing(executor, false);
    const SilentPort silent(executor, true);
    auto options = database.options();
    const auto good = options.keywords.at("port");
    options = options.with("host", "127.0.0.1,127.0.0.1,127.0.0.1")
                  .with("port", refusing.number() + "," + silent.number() + "," + good);
    options.connect_timeout = 6s;
    const auto connection = co_await Connection::open(options, soon());
    EXPECT_TRUE(connection.usable());
  });
}

TEST(Connect, ListsOfDifferentLengthAreRefused) {
  test::run([]() -> asio::awaitable<void> {
    const auto error = co_await error_of(Connection::open(ConnectOptions::parse("host=a,b,c port=1,2"), soon()));
    EXPECT_EQ(error.kind(), ErrorKind::usage);
  });
}

TEST(Connect, SettingsReachTheSession) {
  const test::Database database;
  test::run([&]() -> asio::awaitable<void> {
    const auto options = database.options().with_setting("search_path", R"("a b")").with_setting("test.value", R"(x\y z)");
    auto connection = co_await Connection::open(options, soon());
    const auto result =
        co_await connection.execute("SELECT current_setting('search_path'), current_setting('test.value')", soon());
    EXPECT_EQ(result.get<std::string>(0, 0), R"("a b")");
    EXPECT_EQ(result.get<std::string>(0, 1), R"(x\y z)");
  });
}

TEST(Connect, ALoopThatEndsInTheMiddleLeavesNothing) {
  const test::Database database;
  // A cancel request that arrives before its statement has begun cancels nothing: then the server must see by itself that nobody is there any more.
  const auto options = database.options().with_setting("client_connection_check_interval", "100ms");
  for (int steps = 0; steps < 12; ++steps) {
    asio::io_context loop;
    const auto connect_and_wait = [&]() -> asio::awaitable<void> {
      auto connection = co_await Connection::open(options, soon());
      co_await connection.execute("SELECT pg_sleep(60)", soon());
    };
    asio::co_spawn(loop, connect_and_wait(), [](std::exception_ptr) {});
    for (int i = 0; i < steps && loop.run_one_for(100ms) > 0; ++i) {
    }
  }
  auto session = database.session();
  test::run([&]() -> asio::awaitable<void> {
    EXPECT_TRUE(co_await eventually([&] {
      return session.number(
                 "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()") == 0;
    }));
  });
}

}  // namespace
}  // namespace tributary::postgres
