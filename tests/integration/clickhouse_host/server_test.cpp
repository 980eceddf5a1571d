#include "clickhouse/embedded/server.hpp"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/asio/write.hpp>

#include <condition_variable>
#include <mutex>
#include <thread>

/// The server in this process, before a library that does what a test needs of it.
namespace tributary::clickhouse::embedded::test {
namespace {

using namespace std::chrono_literals;
using Socket = boost::asio::ip::tcp::socket;

constexpr auto kLimit = 20s;  ///< reached only where something hangs

/// In libchdb's place. A C interface knows no object, so there is one. A statement that says 'endless' runs until one is killed.
class FakeLibrary {
 public:
  static Library functions() {
    return {.enable_signal_handlers = [](int) {},
            .connect = [](int, char**) { return connect(); },
            .close = [](Library::Connection*) {},
            .query = [](Library::Connection, const char* sql, std::size_t size, const char*,
                        std::size_t) { return run({sql, size}); },
            .destroy = [](Library::Result) {},
            .buffer = [](Library::Result) { return ""; },
            .length = [](Library::Result) { return std::size_t{0}; },
            .error = [](Library::Result) -> const char* { return nullptr; },
            .result_rows = none,
            .result_bytes = none,
            .read_rows = none,
            .read_bytes = none,
            .written_rows = none,
            .written_bytes = none};
  }
  /// The next sessions cannot be had.
  static void refuse(int sessions) {
    change([=] { refusals_ = sessions; });
  }
  static bool wait_until_running() {
    return wait([] { return running_; });
  }
  static bool wait_until_killed() {
    return wait([] { return !running_; });
  }

 private:
  static std::uint64_t none(Library::Result) { return 0; }
  static Library::Connection* connect() {
    static Library::Connection connection = nullptr;
    const std::lock_guard lock(mutex_);
    return refusals_ > 0 && refusals_-- > 0 ? nullptr : &connection;
  }
  static Library::Result run(std::string_view sql) {
    if (sql.find("KILL QUERY") != std::string_view::npos) {
      change([] { running_ = false; });
    } else if (sql.find("'endless'") != std::string_view::npos) {
      change([] { running_ = true; });
      wait([] { return !running_; });
    }
    return nullptr;
  }
  static void change(const std::function<void()>& how) {
    const std::lock_guard lock(mutex_);
    how();
    changed_.notify_all();
  }
  static bool wait(const std::function<bool()>& done) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kLimit, done);
  }

  static inline std::mutex mutex_;
  static inline std::condition_variable changed_;
  static inline bool running_ = false;
  static inline int refusals_ = 0;
};

class HostServer : public testing::Test {
 protected:
  void start(ServerParams params) {
    params.credentials = {.admin_password = "secret", .tenant_password = "other"};
    boost::asio::ip::tcp::acceptor acceptor(loop_, {boost::asio::ip::address_v4::loopback(), 0});
    port_ = acceptor.local_endpoint().port();
    server_.emplace(std::move(acceptor), engine_, std::nullopt, params);
    boost::asio::co_spawn(loop_, server_->run(), boost::asio::detached);
    thread_ = std::thread([this] { loop_.run(); });
  }
  void TearDown() override {
    boost::asio::co_spawn(loop_, server_->stop(Deadline::after(kLimit)), boost::asio::use_future).get();
    loop_.stop();
    thread_.join();
  }

  Socket connect() {
    Socket socket(client_);
    socket.connect({boost::asio::ip::address_v4::loopback(), port_});
    return socket;
  }
  static void write(Socket& socket, const std::string& text) { boost::asio::write(socket, boost::asio::buffer(text)); }
  static std::string get(const std::string& sql, const std::string& who = "user=admin&password=secret",
                         const std::string& connection = "close") {
    return "GET /?" + who + "&query=" + sql + " HTTP/1.1\r\nHost: x\r\nConnection: " + connection + "\r\n\r\n";
  }
  static std::string as_tenant(const std::string& connection) {
    return get("SELECT+1", "user=limited_user&password=other", connection);
  }
  /// All that comes until the other end has closed.
  static std::string read(Socket& socket) {
    std::string text;
    boost::system::error_code end;
    boost::asio::read(socket, boost::asio::dynamic_buffer(text), end);
    return text;
  }
  std::string ask(const std::string& sql) {
    auto socket = connect();
    write(socket, get(sql));
    return read(socket).substr(0, 15);
  }

  boost::asio::io_context client_;
  boost::asio::io_context loop_{1};
  Engine engine_{FakeLibrary::functions(), {}};
  std::optional<Server> server_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

constexpr auto kOk = "HTTP/1.1 200 OK";
constexpr auto kEndlessPing = "POST /ping HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";

TEST_F(HostServer, AStatementThatCannotBeKilledAtFirstIsKilledLater) {
  start({});
  {
    auto socket = connect();
    write(socket, get("SELECT+'endless'"));
    ASSERT_TRUE(FakeLibrary::wait_until_running());
    FakeLibrary::refuse(2);
  }
  EXPECT_TRUE(FakeLibrary::wait_until_killed());
  EXPECT_EQ(ask("SELECT+1"), kOk);
}

TEST_F(HostServer, WhoKnowsThePasswordGetsInHoweverManyOthersAreThere) {
  start({.most_strangers = 4, .stranger_time = 1h});
  std::vector<Socket> strangers;
  for (int i = 0; i < 10; ++i) write(strangers.emplace_back(connect()), kEndlessPing);
  EXPECT_EQ(ask("SELECT+1"), kOk);
  for (int i = 0; i < 6; ++i) EXPECT_EQ(read(strangers[i]), "") << "put out by those who came later";
  write(strangers.back(), "0\r\n\r\n");
  std::string answer(15, '\0');
  boost::asio::read(strangers.back(), boost::asio::buffer(answer));
  EXPECT_EQ(answer, kOk) << "who came last is still there";
}

TEST_F(HostServer, ConnectionsOfTenantsTakeNoneOfTheAdministrators) {
  start({.most_connections = 1});
  auto tenant = connect();
  write(tenant, as_tenant("keep-alive"));
  std::string answer(12, '\0');
  boost::asio::read(tenant, boost::asio::buffer(answer));
  EXPECT_EQ(answer, "HTTP/1.1 403") << "signed in, though there are no tenants here; and it keeps its connection";
  EXPECT_EQ(ask("SELECT+1"), kOk);
  write(tenant, as_tenant("close"));
  EXPECT_NE(read(tenant).find("HTTP/1.1 403"), std::string::npos) << "it was still there";
}

TEST_F(HostServer, AConnectionHasThePlaceOfWhoeverSpokeLastInIt) {
  start({.most_connections = 1});
  auto both = connect();
  std::string answer;
  write(both, as_tenant("keep-alive"));
  write(both, get("SELECT+1", "user=admin&password=secret", "keep-alive"));
  for (char next = 0; !answer.ends_with("HTTP/1.1 200"); answer += next) boost::asio::read(both, boost::asio::buffer(&next, 1));
  auto tenant = connect();
  write(tenant, as_tenant("close"));
  EXPECT_EQ(read(tenant).substr(0, 12), "HTTP/1.1 403");
  write(both, get("SELECT+1"));
  EXPECT_NE(read(both).find("HTTP/1.1 200"), std::string::npos) << "it was still there";
}

TEST_F(HostServer, WhoSaysNoPasswordIsSentAwayWhateverItSends) {
  start({.stranger_time = 50ms});
  auto silent = connect();
  auto slow = connect();
  write(slow, kEndlessPing);
  EXPECT_EQ(read(silent), "");
  EXPECT_EQ(read(slow), "");
}

TEST_F(HostServer, ABodyOfAStrangerIsNotReadWithoutEnd) {
  start({.stranger_time = 1h});
  auto socket = connect();
  write(socket, kEndlessPing);
  const auto chunk = "10000\r\n" + std::string(0x10000, 'x') + "\r\n";
  boost::system::error_code end;
  while (!end) boost::asio::write(socket, boost::asio::buffer(chunk), end);
}

}  // namespace
}  // namespace tributary::clickhouse::embedded::test
