#include <sys/socket.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>

#include <array>

#include "base/event.hpp"
#include "fixture.hpp"
#include "postgres/copy.hpp"
#include "postgres/pool.hpp"

namespace tributary::postgres {
namespace {

using asio::ip::tcp;

/// A relay between a client and the server, on the test's own loop, that can fall silent without closing anything.
class Relay {
 public:
  Relay(const asio::any_io_executor& executor, const ConnectOptions& server)
      : acceptor_(executor, {asio::ip::address_v4::loopback(), 0}),
        server_(asio::ip::address_v4::loopback(), static_cast<std::uint16_t>(std::stoi(server.keywords.at("port")))) {
    asio::co_spawn(executor, accept(), [](std::exception_ptr) {});
  }
  std::string port() const { return std::to_string(acceptor_.local_endpoint().port()); }
  void fall_silent() { silent_ = true; }
  void speak_again() { silent_ = false; }

 private:
  asio::awaitable<void> accept() {
    while (true) {
      auto client = std::make_shared<tcp::socket>(co_await acceptor_.async_accept(asio::use_awaitable));
      auto server = std::make_shared<tcp::socket>(acceptor_.get_executor());
      if (silent_) {
        muted_.push_back(client);
        continue;
      }
      co_await server->async_connect(server_, asio::use_awaitable);
      asio::co_spawn(acceptor_.get_executor(), forward(client, server), [](std::exception_ptr) {});
      asio::co_spawn(acceptor_.get_executor(), forward(server, client), [](std::exception_ptr) {});
    }
  }
  asio::awaitable<void> forward(std::shared_ptr<tcp::socket> from, std::shared_ptr<tcp::socket> to) {
    std::array<char, 16384> buffer{};
    try {
      while (true) {
        const auto size = co_await from->async_read_some(asio::buffer(buffer), asio::use_awaitable);
        if (silent_) break;
        co_await asio::async_write(*to, asio::buffer(buffer, size), asio::use_awaitable);
      }
    } catch (const boost::system::system_error&) {
      to->shutdown(tcp::socket::shutdown_both, ignored_);
      co_return;
    }
    muted_.push_back(from);
    muted_.push_back(to);
  }

  tcp::acceptor acceptor_;
  tcp::endpoint server_;
  bool silent_ = false;
  std::vector<std::shared_ptr<tcp::socket>> muted_;
  boost::system::error_code ignored_;
};

TEST(Fault, APeerThatFallsSilentCostsItsDeadlineAndThePoolRecovers) {
  const test::Database database;
  test::run([&]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    Relay relay(executor, database.options());
    auto options = database.options().with("port", relay.port());
    options.connect_timeout = 4s;
    Pool pool(executor, options, {.max_connections = 1, .check_after_idle = std::chrono::milliseconds(-1)});
    co_await (co_await pool.acquire(soon()))->execute("SELECT 1", soon());
    relay.fall_silent();
    // The idle connection does not answer, nor does a new one: neither takes more of the deadline than a connect may.
    EXPECT_EQ((co_await error_of(pool.acquire(soon()))).kind(), ErrorKind::deadline);
    EXPECT_EQ(pool.counts().open, 0U);
    relay.speak_again();
    auto loan = co_await pool.acquire(soon());
    EXPECT_EQ((co_await loan->execute("SELECT 1", soon())).rows(), 1U);
  });
}

/// Keeps the relay, and so its sockets open, until the loop is destroyed.
asio::awaitable<void> hold([[maybe_unused]] std::shared_ptr<Relay> relay) {
  asio::steady_timer never(co_await asio::this_coro::executor, asio::steady_timer::time_point::max());
  co_await never.async_wait(asio::use_awaitable);
}

TEST(Fault, ACancelRequestThatNobodyAnswersHoldsUpNothing) {
  const test::Database database;
  const auto started = std::chrono::steady_clock::now();
  test::run([&]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    const auto relay_owner = std::make_shared<Relay>(executor, database.options());
    auto& relay = *relay_owner;
    asio::co_spawn(executor, hold(relay_owner), [](std::exception_ptr) {});
    std::vector<Connection> connections;
    for (int i = 0; i < 12; ++i) {  // more than there are threads for
      connections.push_back(co_await Connection::open(database.options().with("port", relay.port()), soon()));
    }
    relay.fall_silent();
    for (auto& connection : connections) {
      EXPECT_EQ((co_await error_of(connection.execute("SELECT 1", Deadline::after(10ms)))).kind(), ErrorKind::deadline);
    }
  });
  EXPECT_LT(std::chrono::steady_clock::now() - started, 20s) << "the loop's end waits for no stuck thread";
}

TEST(Fault, StoppingACopyWhoseServerIsSilentEndsAtTheDeadline) {
  const test::Database database;
  test::run([&]() -> asio::awaitable<void> {
    Relay relay(co_await asio::this_coro::executor, database.options());
    auto connection = co_await Connection::open(database.options().with("port", relay.port()), soon());
    auto reader = co_await CopyReader::start(
        connection, "COPY (SELECT repeat('x', 1000), generate_series(1, 100000000)) TO STDOUT (FORMAT binary)", soon());
    relay.fall_silent();
    EXPECT_EQ((co_await error_of(reader.stop(Deadline::after(100ms)))).kind(), ErrorKind::deadline);
    EXPECT_FALSE(connection.usable());
  });
}

TEST(Fault, AServerThatTalksNonsenseIsRefused) {
  test::run([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    tcp::acceptor acceptor(executor, {asio::ip::address_v4::loopback(), 0});
    const auto talk = [&]() -> asio::awaitable<void> {
      while (true) {
        auto client = co_await acceptor.async_accept(asio::use_awaitable);
        static constexpr std::string_view kNonsense = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
        co_await asio::async_write(client, asio::buffer(kNonsense), asio::use_awaitable);
      }
    };
    asio::co_spawn(executor, talk(), [](std::exception_ptr) {});
    const auto options =
        ConnectOptions::parse("host=127.0.0.1 user=me password=hunter2 port=" + std::to_string(acceptor.local_endpoint().port()));
    for (const auto* mode : {"disable", "prefer", "require"}) {
      const auto error = co_await error_of(Connection::open(options.with("sslmode", mode), soon()));
      EXPECT_EQ(error.kind(), ErrorKind::connection) << mode;
      EXPECT_THAT(error.what(), testing::Not(testing::HasSubstr("hunter2")));
    }
  });
}

}  // namespace
}  // namespace tributary::postgres
