#include <atomic>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "base/event.hpp"
#include "fixture.hpp"
#include "support/compare.hpp"
#include "support/fake_server.hpp"

/// More requests than there is room for: some are told to come back, at once, and nothing else happens to anybody.
namespace tributary::test {
namespace {

/// A ClickHouse that has no place for the project "unlucky", and lets two queries of "greedy" wait until it has answered another one.
class CrowdedClickHouse {
 public:
  clickhouse::ConnectOptions options() const {
    return {.host = "127.0.0.1", .port = static_cast<std::uint16_t>(std::stoi(server_.port()))};
  }
  int held() const { return held_; }

 private:
  asio::awaitable<void> answer(FakeServer::Socket& socket) {
    std::string request;
    co_await asio::async_read_until(socket, asio::dynamic_buffer(request), "\r\n\r\n", asio::use_awaitable);
    if (request.find("SQL_project_id=unlucky") != std::string::npos)
      co_return co_await wire::send(
          socket,
          "HTTP/1.1 503 Service Unavailable\r\nX-ClickHouse-Exception-Code: 202\r\nContent-Length: 67\r\n\r\n"
          "Code: 202. DB::Exception: Too many. (TOO_MANY_SIMULTANEOUS_QUERIES)");
    if (request.find("SQL_project_id=greedy") != std::string::npos && held_ < 2) {
      Event release(socket.get_executor());
      waiting_.push_back(&release);
      ++held_;
      co_await release.wait(Deadline::never());
    }
    co_await wire::send(socket, "HTTP/1.1 200 OK\r\nX-ClickHouse-Format: JSONEachRow\r\nContent-Length: 8\r\n\r\n{\"n\":1}\n");
    for (auto* release : std::exchange(waiting_, {})) release->set();
  }

  std::vector<Event*> waiting_;  ///< of the server's thread
  std::atomic<int> held_{0};
  FakeServer server_{[this](FakeServer::Socket& socket) { return answer(socket); }};
};

class Overload : public ApiTest {
 protected:
  explicit Overload(std::unique_ptr<CrowdedClickHouse> clickhouse = std::make_unique<CrowdedClickHouse>())
      : ApiTest({.clickhouse = clickhouse->options(), .queue_timeout = std::chrono::seconds(3), .queries_of_project = 2}),
        clickhouse_(std::move(clickhouse)) {}

  static ApiAnswer ask(const ApiProject& project) {
    return project.admin().post("/internal/analytics/query", {{"query", "SELECT 1 AS n"}});
  }

  const std::unique_ptr<CrowdedClickHouse> clickhouse_;
};

TEST_F(Overload, ARequestThatFindsNoConnectionInTimeIsToldToComeBack) {
  const auto project = add_project("acme");
  auto client = project.server();
  expect_ok(client.get("/users"));  // its keys are known now
  auto application = source_.session();
  application.run(R"(BEGIN; LOCK TABLE "ProjectUser" IN ACCESS EXCLUSIVE MODE)");
  std::vector<std::jthread> waiting;
  for (std::size_t i = 0; i < postgres::PoolSettings{}.max_connections; ++i)
    waiting.emplace_back([&project] { expect_ok(project.server().get("/users")); });
  wait_until(
      [&] {
        return session_.number("SELECT count(*) FROM pg_stat_activity WHERE datname = '" + source_.name() +
                               "' AND wait_event_type = 'Lock'") == static_cast<long long>(waiting.size());
      },
      "every connection waits for the lock");
  const auto refused = client.get("/teams");
  expect_refusal(refused, 503, "SERVER_BUSY");
  EXPECT_EQ(refused.fields.at("retry-after"), "1");
  application.run("COMMIT");
  for (auto& thread : waiting) thread.join();
  expect_ok(client.get("/teams"));
}

TEST_F(Overload, AProjectHasNoMoreQueriesAtOnceThanItMay) {
  const auto greedy = add_project("greedy");
  const auto other = add_project("other");
  std::vector<std::jthread> holding;
  for (int i = 0; i < 2; ++i) holding.emplace_back([&greedy] { expect_ok(ask(greedy)); });
  wait_until([&] { return clickhouse_->held() == 2; }, "the project has as many queries under way as it may");
  const auto refused = ask(greedy);
  expect_refusal(refused, 429, "TOO_MANY_QUERIES");
  EXPECT_EQ(refused.fields.at("retry-after"), "1");
  expect_ok(ask(other));
  holding.clear();
  EXPECT_EQ(clickhouse_->held(), 2);
}

TEST_F(Overload, AQueryThatFindsNoPlaceInClickHouseIsToldToComeBack) {
  const auto refused = ask(add_project("unlucky"));
  expect_refusal(refused, 503, "SERVER_BUSY");
  EXPECT_EQ(refused.fields.at("retry-after"), "1");
}

/// Destinations that let nobody in until they are told to, and then show everybody out.
class Unanswering : public ApiTest {
 protected:
  Unanswering() : ApiTest({.secrets = Secrets(Secrets::generate_key()), .connect_timeout = std::chrono::minutes(5)}) {
    std::map<std::string, std::string> databases;
    for (int i = 0; i < kDestinations; ++i) databases["d" + std::to_string(i)] = server_.uri();
    set_databases(acme_, databases);
  }

  asio::awaitable<void> converse(FakeServer::Socket& socket) {
    ++asked_;
    most_ = std::max(most_.load(), ++open_);
    const std::shared_ptr<void> left(nullptr, [this](auto) { --open_; });
    co_await wire::startup(socket);
    char byte = 0;
    if (!shows_out_) co_await asio::async_read(socket, asio::buffer(&byte, 1), asio::use_awaitable);
  }
  /// Somebody who asks for the status, and does not wait for the answer.
  HttpClient ask() const {
    HttpClient client(acme_.port);
    client.send(
        fmt::format("GET {} HTTP/1.1\r\nHost: here\r\nx-stack-project-id: acme\r\nx-stack-access-type: admin\r\n"
                    "x-stack-super-secret-admin-key: {}\r\n\r\n",
                    "/api/v1/internal/external-db-sync/status", acme_.admin_key));
    return client;
  }

  static constexpr int kDestinations = 40;
  static constexpr int kAtOnce = 16;
  const ApiProject acme_ = add_project("acme");
  std::atomic<bool> shows_out_{false};
  std::atomic<int> asked_{0};
  std::atomic<int> open_{0};
  std::atomic<int> most_{0};
  FakeServer server_{[this](FakeServer::Socket& socket) { return converse(socket); }};
};

TEST_F(Unanswering, SomeAreAskedAtOnceForAsLongAsSomebodyWaitsForThem) {
  {
    const auto first = ask();
    const auto second = ask();
    wait_until([&] { return open_ == 2 * kAtOnce; }, "as many are asked as may be");
    const auto third = acme_.admin().get("/internal/external-db-sync/status");
    expect_refusal(third, 503, "SERVER_BUSY");
    EXPECT_EQ(third.fields.at("retry-after"), "1");
    EXPECT_EQ(add_project("other").admin().get("/internal/external-db-sync/status").status, 200U) << "others may ask";
  }
  wait_until([&] { return open_ == 0; }, "nobody waits any more");
  shows_out_ = true;
  const auto status = acme_.admin().get("/internal/external-db-sync/status");
  ASSERT_EQ(status.status, 200U) << json::serialize(status.body);
  for (const auto& destination : status.body.at("destinations").as_array()) EXPECT_FALSE(destination.at("reached").as_bool());
  EXPECT_EQ(most_, 2 * kAtOnce);
  EXPECT_EQ(asked_, 2 * kAtOnce + kDestinations) << "none was asked for those who had left";
}

/// What lasts for as long as its caller lets it, on a server that gives others less.
class Patience : public ApiTest {
 protected:
  Patience()
      : ApiTest({.clickhouse = clickhouse::ConnectOptions{.host = "127.0.0.1", .port = slow_port()},
                 .handler_timeout = std::chrono::seconds(4)}) {}

 private:
  /// A ClickHouse that takes longer than that. One for all tests.
  static std::uint16_t slow_port() {
    static FakeServer server([](FakeServer::Socket& socket) -> asio::awaitable<void> {
      std::string request;
      co_await asio::async_read_until(socket, asio::dynamic_buffer(request), "\r\n\r\n", asio::use_awaitable);
      co_await asio::steady_timer(socket.get_executor(), std::chrono::milliseconds(4500)).async_wait(asio::use_awaitable);
      co_await wire::send(socket, "HTTP/1.1 200 OK\r\nX-ClickHouse-Format: JSONEachRow\r\nContent-Length: 8\r\n\r\n{\"n\":1}\n");
    });
    return static_cast<std::uint16_t>(std::stoi(server.port()));
  }
};

TEST_F(Patience, IsThatOfWhoeverAsks) {
  const auto project = add_project("acme");
  const auto answer = project.admin().post("/internal/analytics/query", {{"query", "SELECT 1 AS n"}});
  ASSERT_EQ(answer.status, 200U) << json::serialize(answer.body);
  EXPECT_EQ(answer.body.at("result"), json::parse(R"([{"n": 1}])"));
  const auto sequenced = cron_.get("/internal/external-db-sync/sequencer?maxDurationMs=4500");
  EXPECT_GT(sequenced.body.at("iterations").as_int64(), 1);
}

}  // namespace
}  // namespace tributary::test
