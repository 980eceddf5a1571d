#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/steady_timer.hpp>

#include <fstream>

#include "base/event.hpp"
#include "base/uuid.hpp"
#include "fixture.hpp"
#include "server.hpp"

namespace tributary::clickhouse {
namespace {

using testing::HasSubstr;

std::size_t resident_kib() {
  std::ifstream file("/proc/self/status");
  for (std::string word; file >> word;) {
    if (word == "VmRSS:" && file >> word) return std::stoul(word);
  }
  throw std::runtime_error("no VmRSS");
}

/// What every ClickHouse does alike.
class WireTest : public testing::TestWithParam<ServerKind> {
 protected:
  void SetUp() override {
    std::string why_not;
    server_ = Server::start(GetParam(), why_not);
    if (!server_) GTEST_SKIP() << why_not;
  }
  bool is_old() const { return GetParam() == ServerKind::debian; }
  template <class Work>
  void with_client(Work work) {
    test::run([&]() -> asio::awaitable<void> {
      Client client(co_await asio::this_coro::executor, server_->options());
      co_await work(client);
    });
  }

  std::unique_ptr<Server> server_;
};

TEST_P(WireTest, AnswersQueriesOnOneKeptConnection) {
  const auto work = [](Client& client) -> asio::awaitable<void> {
    co_await client.ping(soon());
    EXPECT_EQ(co_await text_of(client, {.text = "SELECT 1 + 1, 'a\\tb' FORMAT TabSeparated"}), "2\ta\\tb\n");
    const Query with_setting{.text = "SELECT value FROM system.settings WHERE name = 'max_block_size' FORMAT TabSeparated",
                             .settings = {{"max_block_size", "1234"}}};
    EXPECT_EQ(co_await text_of(client, with_setting), "1234\n");
    EXPECT_EQ(co_await text_of(client, {.text = "SELECT currentDatabase() FORMAT TabSeparated", .database = "system"}),
              "system\n");
    const Query long_text{.text = "SELECT length('" + std::string(200'000, 'x') + "') FORMAT TabSeparated",
                          .settings = {{"max_query_size", "1000000"}}};
    EXPECT_EQ(co_await text_of(client, long_text), "200000\n");
    EXPECT_EQ(client.counts().idle, 1U);
    EXPECT_EQ(client.counts().lent, 0U);
  };
  with_client(work);
}

TEST_P(WireTest, RefusalsHaveTheServersCodeAndLeaveTheConnection) {
  const auto work = [this](Client& client) -> asio::awaitable<void> {
    const auto syntax = co_await error_of(client.execute({.text = "SELEC 1", .query_id = "wrong-1"}, soon()));
    EXPECT_EQ(syntax.kind(), ErrorKind::server);
    EXPECT_EQ(syntax.code(), 62);
    EXPECT_EQ(syntax.name(), is_old() ? "" : "SYNTAX_ERROR");
    EXPECT_THAT(syntax.what(), HasSubstr("Syntax error"));
    EXPECT_EQ(syntax.details().query_id, "wrong-1");
    EXPECT_EQ(syntax.details().http_status, 400);
    EXPECT_FALSE(syntax.retryable());
    EXPECT_FALSE(syntax.in_doubt());
    EXPECT_EQ((co_await error_of(client.execute({.text = "SELECT * FROM no_such_table"}, soon()))).code(), 60);
    EXPECT_EQ((co_await error_of(client.execute({.text = "SELECT 1", .settings = {{"no_such_setting", "1"}}}, soon()))).code(),
              115);
    EXPECT_EQ(client.counts().idle, 1U);
  };
  with_client(work);
}

TEST_P(WireTest, AWrongPasswordIsTheServersRefusalHoweverItIsSaid) {
  test::run([&]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    for (const auto way : {Authentication::headers, Authentication::basic}) {
      auto options = server_->options();
      options.authentication = way;
      Client right(executor, options);
      EXPECT_EQ(co_await text_of(right, {.text = "SELECT 1 FORMAT TabSeparated"}), "1\n");
      options.password = "wrong";
      Client wrong(executor, options);
      const auto error = co_await error_of(wrong.execute({.text = "SELECT 1"}, soon()));
      EXPECT_EQ(error.kind(), ErrorKind::server);
      EXPECT_EQ(error.code(), is_old() ? 193 : 516);
      EXPECT_FALSE(error.retryable());
      EXPECT_THAT(error.what(), testing::Not(HasSubstr("wrong'")));
    }
  });
}

TEST_P(WireTest, AnErrorInTheMiddleOfAnAnswerIsThrownAtItsEnd) {
  const auto work = [](Client& client) -> asio::awaitable<void> {
    const Query query{.text = "SELECT number, throwIf(number = 4000000) FROM numbers(10000000) FORMAT RowBinary",
                      .settings = {{"max_block_size", "10000"}, {"max_threads", "1"}}};
    auto answer = co_await client.start(query, soon());
    std::size_t size = 0;
    std::optional<Error> failure;
    try {
      for (auto bytes = co_await answer.next(soon()); !bytes.empty(); bytes = co_await answer.next(soon())) size += bytes.size();
    } catch (const Error& error) {
      failure = error;
    }
    EXPECT_GT(size, 1'000'000U);
    if (!failure) throw std::runtime_error("did not fail");
    EXPECT_EQ(failure->kind(), ErrorKind::server);
    EXPECT_EQ(failure->code(), 395);
    EXPECT_THAT(failure->what(), HasSubstr("throwIf"));
    EXPECT_EQ(failure->details().query_id, answer.query_id());
    EXPECT_EQ(co_await text_of(client, {.text = "SELECT 1 FORMAT TabSeparated"}), "1\n") << "and the client goes on";
  };
  with_client(work);
}

TEST_P(WireTest, ALargeAnswerIsReadInBoundedMemoryAndWaitsForItsReader) {
  const auto work = [](Client& client) -> asio::awaitable<void> {
    constexpr std::size_t kRows = 20'000'000;
    auto answer =
        co_await client.start({.text = "SELECT number FROM numbers(" + std::to_string(kRows) + ") FORMAT RowBinary"}, soon());
    const auto before = resident_kib();
    std::size_t size = 0;
    std::size_t most = 0;
    for (auto bytes = co_await answer.next(soon()); !bytes.empty(); bytes = co_await answer.next(soon())) {
      size += bytes.size();
      most = std::max(most, bytes.size());
      if (size % 64 == 0) EXPECT_LT(resident_kib(), before + 16 * 1024);
    }
    EXPECT_EQ(size, kRows * 8);
    EXPECT_LE(most, 256U * 1024);
    EXPECT_EQ(client.counts().idle, 1U) << "read to its end, so its connection is kept";
    const auto error = co_await error_of(
        client.execute({.text = "SELECT number FROM numbers(1000000) FORMAT RowBinary", .max_answer_bytes = 1'000'000}, soon()));
    EXPECT_EQ(error.kind(), ErrorKind::protocol);
    EXPECT_THAT(error.what(), HasSubstr("longer than 1000000 bytes"));
  };
  with_client(work);
}

TEST_P(WireTest, QueryIdsAreTheCallersOrNew) {
  const auto work = [this](Client& client) -> asio::awaitable<void> {
    const std::string own = "SELECT query_id FROM system.processes WHERE query LIKE '%this query itself%' FORMAT TabSeparated";
    const auto given = co_await client.execute({.text = own, .query_id = "given-1"}, soon());
    EXPECT_EQ(given.query_id, "given-1");
    if (is_old()) EXPECT_EQ(given.text(), "given-1\n");  // libchdb gives each statement an id of its own
    const auto made = co_await client.execute({.text = own}, soon());
    EXPECT_TRUE(Uuid::parse(made.query_id)) << made.query_id;
    if (is_old()) EXPECT_EQ(made.text(), made.query_id + '\n');
  };
  with_client(work);
}

TEST_P(WireTest, ADeadlineGivesTheQueryUpAndItsConnectionToo) {
  const auto work = [](Client& client) -> asio::awaitable<void> {
    co_await client.ping(soon());
    EXPECT_EQ(client.counts().idle, 1U);
    const auto error = co_await error_of(client.execute({.text = "SELECT sleep(2)", .retryable = true}, Deadline::after(100ms)));
    EXPECT_EQ(error.kind(), ErrorKind::deadline);
    EXPECT_TRUE(error.in_doubt());
    EXPECT_EQ(client.counts().idle, 0U);
    EXPECT_EQ(client.counts().lent, 0U);
    EXPECT_EQ(co_await text_of(client, {.text = "SELECT 1 FORMAT TabSeparated"}), "1\n");
  };
  with_client(work);
}

TEST_P(WireTest, ACancelledCallLeavesNothing) {
  const auto work = [](Client& client) -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    asio::cancellation_signal signal;
    Event ended(executor);
    std::optional<Error> failure;
    const auto ask = [&]() -> asio::awaitable<void> {
      try {
        co_await client.execute({.text = "SELECT sleep(3)"}, soon());
      } catch (const Error& error) {
        failure = error;
      }
    };
    asio::co_spawn(executor, ask(), asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr) { ended.set(); }));
    EXPECT_TRUE(co_await eventually([&] { return client.counts().lent == 1; }));
    asio::steady_timer until_sent(executor, 50ms);
    co_await until_sent.async_wait(asio::use_awaitable);
    signal.emit(asio::cancellation_type::terminal);
    EXPECT_TRUE(co_await ended.wait(soon()));
    EXPECT_TRUE(failure && failure->kind() == ErrorKind::deadline);
    EXPECT_EQ(client.counts().lent, 0U);
    EXPECT_EQ(client.counts().idle, 0U);
  };
  with_client(work);
}

TEST_P(WireTest, CloseEndsWhatIsUnderWay) {
  const auto work = [](Client& client) -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    Event ended(executor);
    std::vector<ErrorKind> failures;
    auto answer = co_await client.start({.text = "SELECT number FROM numbers(100000000) FORMAT RowBinary"}, soon());
    const auto ask = [&]() -> asio::awaitable<void> {
      failures.push_back((co_await error_of(client.execute({.text = "SELECT sleep(3)"}, soon()))).kind());
    };
    for (int i = 0; i < 10; ++i) {
      asio::co_spawn(executor, ask(), [&](std::exception_ptr failure) {
        EXPECT_FALSE(failure);
        if (failures.size() == 10) ended.set();
      });
    }
    EXPECT_TRUE(co_await eventually([&] { return client.counts().waiting == 3 && client.counts().lent == 8; }));
    client.close();
    EXPECT_TRUE(co_await ended.wait(soon()));
    EXPECT_THAT(failures, testing::Each(ErrorKind::connection));
    const auto broken = [&]() -> asio::awaitable<void> {
      while (!(co_await answer.next(soon())).empty()) {
      }
    };
    EXPECT_THAT((co_await error_of(broken())).what(), HasSubstr("closed"));
    EXPECT_THAT((co_await error_of(client.execute({.text = "SELECT 1"}, soon()))).what(), HasSubstr("closed"));
  };
  with_client(work);
}

INSTANTIATE_TEST_SUITE_P(Servers, WireTest, testing::Values(ServerKind::debian, ServerKind::embedded),
                         [](const auto& info) { return to_string(info.param); });

}  // namespace
}  // namespace tributary::clickhouse
