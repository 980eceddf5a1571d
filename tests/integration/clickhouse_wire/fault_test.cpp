#include <fmt/format.h>

#include "endpoint.hpp"

namespace tributary::clickhouse {
namespace {

using testing::HasSubstr;
using Visitor = Endpoint::Visitor;

const Query kQuery{.text = "SELECT 1"};
const Query kRetryable{.text = "SELECT 1", .retryable = true};

/// Answers "ok" to each request of a connection until the client leaves.
asio::awaitable<void> serve(Visitor& visitor) {
  while (!(co_await visitor.request()).empty()) co_await visitor.say(answer("ok"));
}

/// Runs `work` with a client of an endpoint that does what `script` says.
void with_endpoint(const Endpoint::Script& script, const std::function<asio::awaitable<void>(Client&, Endpoint&)>& work,
                   ClientSettings settings = {}) {
  test::run([&]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    Endpoint endpoint(executor, script);
    Client client(executor, endpoint.options(), settings);
    co_await work(client, endpoint);
  });
}

TEST(Fault, AKeptConnectionThatTheServerClosedIsReplacedInSilence) {
  const auto script = [](Visitor& visitor, int) -> asio::awaitable<void> {
    co_await visitor.request();
    co_await visitor.say(answer("ok"));  // and is closed without a word
  };
  with_endpoint(script, [](Client& client, Endpoint& endpoint) -> asio::awaitable<void> {
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(co_await text_of(client, kQuery), "ok");
      // The endpoint's farewell arrives before the next request is made.
      EXPECT_TRUE(co_await eventually([&, waited = 0]() mutable { return ++waited > 20; }));
    }
    EXPECT_EQ(endpoint.connections(), 3);
  });
}

TEST(Fault, OnlyARetryableQueryIsSentAgainWhereAKeptConnectionDied) {
  const auto script = [](Visitor& visitor, int number) -> asio::awaitable<void> {
    co_await visitor.request();
    co_await visitor.say(answer("ok"));
    if (number % 2 == 0) co_await visitor.request();  // takes the second one, and dies
    if (number % 2 == 1) co_await serve(visitor);
  };
  with_endpoint(script, [](Client& client, Endpoint& endpoint) -> asio::awaitable<void> {
    EXPECT_EQ(co_await text_of(client, kQuery), "ok");
    EXPECT_EQ(co_await text_of(client, kRetryable), "ok") << "on a second connection";
    EXPECT_EQ(endpoint.connections(), 2);
  });
  with_endpoint(script, [](Client& client, Endpoint&) -> asio::awaitable<void> {
    EXPECT_EQ(co_await text_of(client, kQuery), "ok");
    const auto error = co_await error_of(client.execute(kQuery, soon()));
    EXPECT_EQ(error.kind(), ErrorKind::connection);
    EXPECT_TRUE(error.in_doubt());
    EXPECT_TRUE(error.retryable());
    EXPECT_EQ(co_await text_of(client, kQuery), "ok") << "and it recovers";
  });
}

TEST(Fault, ANewConnectionThatDiesIsNotTriedAgainAndAgain) {
  const auto script = [](Visitor& visitor, int) -> asio::awaitable<void> { co_await visitor.request(); };
  with_endpoint(script, [](Client& client, Endpoint& endpoint) -> asio::awaitable<void> {
    EXPECT_EQ((co_await error_of(client.execute(kRetryable, soon()))).kind(), ErrorKind::connection);
    EXPECT_EQ(endpoint.connections(), 1);
  });
}

TEST(Fault, ADataSourceIsNeverAskedTwice) {
  const auto script = [](Visitor& visitor, int number) -> asio::awaitable<void> {
    co_await visitor.request();
    co_await visitor.say(answer("ok"));
    co_await visitor.request();
    if (number > 0) co_await visitor.say(answer("ok"));
  };
  with_endpoint(script, [](Client& client, Endpoint& endpoint) -> asio::awaitable<void> {
    EXPECT_EQ(co_await text_of(client, kQuery), "ok");
    const auto nothing = []() -> asio::awaitable<std::span<const std::byte>> { co_return std::span<const std::byte>{}; };
    const auto error = co_await error_of(
        client.execute({.text = "INSERT INTO t FORMAT Native", .data = DataSource(nothing), .retryable = true}, soon()));
    EXPECT_EQ(error.kind(), ErrorKind::connection);
    EXPECT_EQ(endpoint.connections(), 1);
  });
}

TEST(Fault, AConnectionThatIsToBeClosedIsNotKept) {
  const auto script = [](Visitor& visitor, int number) -> asio::awaitable<void> {
    co_await visitor.request();
    co_await visitor.say(answer("ok", number == 0 ? "Connection: close\r\n" : "Keep-Alive: timeout=0\r\n"));
    co_await visitor.request();
  };
  with_endpoint(script, [](Client& client, Endpoint& endpoint) -> asio::awaitable<void> {
    for (int i = 0; i < 2; ++i) {
      EXPECT_EQ(co_await text_of(client, kQuery), "ok");
      EXPECT_EQ(client.counts().idle, 0U);
    }
    EXPECT_EQ(endpoint.connections(), 2);
  });
}

TEST(Fault, AnIdleConnectionIsClosedAfterItsTime) {
  const auto script = [](Visitor& visitor, int) -> asio::awaitable<void> { co_await serve(visitor); };
  with_endpoint(script,
                [](Client& client, Endpoint&) -> asio::awaitable<void> {
                  EXPECT_EQ(co_await text_of(client, kQuery), "ok");
                  EXPECT_EQ(client.counts().idle, 1U);
                  EXPECT_TRUE(co_await eventually([&] { return client.counts().idle == 0; }));
                },
                {.idle_timeout = 100ms});
}

TEST(Fault, RefusalsWithoutACodeSpeakThroughTheirStatus) {
  const auto script = [](Visitor& visitor, int) -> asio::awaitable<void> {
    for (const auto* status : {"503 Service Unavailable", "429 Too Many Requests", "404 Not Found", "302 Found"}) {
      co_await visitor.request();
      co_await visitor.say(answer("<html>\nof some proxy</html>", {}, status));
    }
  };
  with_endpoint(script, [](Client& client, Endpoint& endpoint) -> asio::awaitable<void> {
    for (const auto& [status, retryable] :
         {std::pair(503, true), std::pair(429, true), std::pair(404, false), std::pair(302, false)}) {
      const auto error = co_await error_of(client.execute(kQuery, soon()));
      EXPECT_EQ(error.kind(), ErrorKind::server);
      EXPECT_EQ(error.code(), 0);
      EXPECT_EQ(error.details().http_status, status);
      EXPECT_EQ(error.retryable(), retryable) << status;
      EXPECT_THAT(error.what(), HasSubstr("of some proxy"));
    }
    EXPECT_EQ(endpoint.connections(), 1);
  });
}

TEST(Fault, AnExceptionCodeCountsWhateverTheStatus) {
  const auto script = [](Visitor& visitor, int) -> asio::awaitable<void> {
    co_await visitor.request();
    co_await visitor.say(answer("Something else", "X-ClickHouse-Exception-Code: 241\r\n"));
    co_await visitor.request();
  };
  with_endpoint(script, [](Client& client, Endpoint&) -> asio::awaitable<void> {
    const auto error = co_await error_of(client.execute(kQuery, soon()));
    EXPECT_EQ(error.code(), 241);
    EXPECT_TRUE(error.retryable());
  });
}

TEST(Fault, AServerThatRefusesWhileItIsBeingSentToIsHeard) {
  const auto script = [](Visitor& visitor, int number) -> asio::awaitable<void> {
    co_await visitor.say(
        answer("Code: 516. DB::Exception: no. (AUTHENTICATION_FAILED)", "Connection: close\r\n", "403 Forbidden"));
    if (number == 0) co_await visitor.request();  // reads all of it, the other time nothing
  };
  with_endpoint(script, [](Client& client, Endpoint&) -> asio::awaitable<void> {
    const std::vector<std::byte> data(8'000'000);
    for (int i = 0; i < 2; ++i) {
      const auto error = co_await error_of(
          client.execute({.text = "INSERT INTO t FORMAT Native", .data = std::span<const std::byte>(data)}, soon()));
      EXPECT_EQ(error.kind(), ErrorKind::server) << error.what();
      EXPECT_EQ(error.code(), 516);
      EXPECT_EQ(client.counts().idle, 0U);
    }
  });
}

std::string chunk(std::string_view text) { return fmt::format("{:x}\r\n{}\r\n", text.size(), text); }

TEST(Fault, AnExceptionInTheMiddleIsFoundHoweverTheServerSaysIt) {
  const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n";
  const std::string message = "Code: 395. DB::Exception: boom. (A_NAME) (version 26.5.1.1)\n";
  const std::string block = "\r\n__exception__\r\nabcdefghijklmnop\r\n" + message + "60 abcdefghijklmnop\r\n__exception__\r\n";
  const std::vector<std::string> answers{
      head + "X-ClickHouse-Exception-Tag: abcdefghijklmnop\r\n\r\n" + chunk("data") + chunk(block) + "0\r\n\r\n",
      head + "X-ClickHouse-Exception-Tag: abcdefghijklmnop\r\n\r\n" + chunk("data") + chunk(block),
      head + "\r\n" + chunk("data") + chunk("__exception__\r\n" + message),
      head + "\r\n" + chunk("data") + chunk(message) + "0\r\n\r\n",
  };
  const auto script = [&](Visitor& visitor, int number) -> asio::awaitable<void> {
    co_await visitor.request();
    if (number < static_cast<int>(answers.size())) co_await visitor.say(answers[static_cast<std::size_t>(number)]);
  };
  with_endpoint(script, [&](Client& client, Endpoint& endpoint) -> asio::awaitable<void> {
    for (std::size_t i = 0; i < answers.size(); ++i) {
      const auto error = co_await error_of(client.execute(kQuery, soon()));
      EXPECT_EQ(error.kind(), ErrorKind::server) << i;
      EXPECT_EQ(error.code(), 395) << i;
      EXPECT_STREQ(error.what(), "boom.") << i;
      EXPECT_TRUE(co_await eventually([&, waited = 0]() mutable { return ++waited > 20; }));
    }
    EXPECT_EQ(endpoint.connections(), static_cast<int>(answers.size()));
  });
}

TEST(Fault, AnAnswerThatBreaksOffIsAnErrorWhereverItBreaks) {
  const std::string whole = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk("some data") + "0\r\n\r\n";
  const auto script = [&](Visitor& visitor, int number) -> asio::awaitable<void> {
    co_await visitor.request();
    co_await visitor.say(whole.substr(0, static_cast<std::size_t>(number) + 1));
  };
  with_endpoint(script, [&](Client& client, Endpoint&) -> asio::awaitable<void> {
    for (std::size_t size = 1; size < whole.size(); ++size) {
      const auto error = co_await error_of(client.execute(kQuery, soon()));
      EXPECT_EQ(error.kind(), ErrorKind::connection) << size;
      EXPECT_TRUE(error.in_doubt()) << size;
    }
    EXPECT_EQ(co_await text_of(client, kQuery), "some data");
  });
}

TEST(Fault, WhatIsNotHttpIsAnErrorOfProtocol) {
  const auto script = [](Visitor& visitor, int number) -> asio::awaitable<void> {
    co_await visitor.request();
    if (number == 0) co_await visitor.say("SSH-2.0-OpenSSH_9.2p1\r\n\r\n");
    if (number == 1) co_await visitor.say("HTTP/1.1 200 OK\r\nX: " + std::string(200'000, 'x'));
    if (number == 2) co_await visitor.say(answer("x", "Content-Encoding: br\r\n"));
    if (number == 3) co_await visitor.say(answer("not packed", "Content-Encoding: lz4\r\n"));
  };
  with_endpoint(script, [](Client& client, Endpoint&) -> asio::awaitable<void> {
    for (int i = 0; i < 4; ++i) EXPECT_EQ((co_await error_of(client.execute(kQuery, soon()))).kind(), ErrorKind::protocol) << i;
    EXPECT_EQ(client.counts().lent, 0U);
  });
}

TEST(Fault, ASilentServerCostsTheDeadlineAndNoMore) {
  const auto script = [](Visitor& visitor, int number) -> asio::awaitable<void> {
    co_await visitor.request();
    if (number == 1) co_await visitor.say("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    if (number == 2) co_await serve(visitor);
    co_await visitor.request();
  };
  with_endpoint(script,
                [](Client& client, Endpoint&) -> asio::awaitable<void> {
                  for (int i = 0; i < 2; ++i) {
                    EXPECT_EQ((co_await error_of(client.execute(kQuery, Deadline::after(100ms)))).kind(), ErrorKind::deadline);
                    EXPECT_EQ(client.counts().lent, 0U);
                  }
                  EXPECT_EQ((co_await error_of(client.execute(kQuery, Deadline::after(-1s)))).kind(), ErrorKind::deadline);
                },
                {.max_connections = 1});
}

TEST(Fault, WhoFindsNoFreeConnectionWaitsUntilTheDeadline) {
  const auto script = [](Visitor& visitor, int) -> asio::awaitable<void> { co_await serve(visitor); };
  with_endpoint(script,
                [](Client& client, Endpoint&) -> asio::awaitable<void> {
                  {
                    const auto answer = co_await client.start(kQuery, soon());
                    const auto error = co_await error_of(client.execute(kQuery, Deadline::after(50ms)));
                    EXPECT_EQ(error.kind(), ErrorKind::deadline);
                    EXPECT_FALSE(error.in_doubt());
                    EXPECT_THAT(error.what(), HasSubstr("became free"));
                  }
                  EXPECT_EQ(co_await text_of(client, kQuery), "ok") << "an answer that is let go makes room";
                },
                {.max_connections = 1});
}

TEST(Fault, AServerThatIsNotThereIsSaidSo) {
  test::run([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    const ConnectOptions nobody = [&] {
      const Endpoint gone(executor, [](Visitor&, int) -> asio::awaitable<void> { co_return; });
      return gone.options();
    }();
    Client client(executor, nobody);
    const auto error = co_await error_of(client.execute(kQuery, soon()));
    EXPECT_EQ(error.kind(), ErrorKind::connection);
    EXPECT_FALSE(error.in_doubt());
    EXPECT_TRUE(error.retryable());
    EXPECT_THAT(error.what(), HasSubstr("127.0.0.1"));
    Client nowhere(executor, {.host = "no.such.host.invalid"});
    EXPECT_THAT((co_await error_of(nowhere.ping(soon()))).what(), HasSubstr("no.such.host.invalid"));
  });
}

TEST(Fault, ALineBreakInAPasswordIsNotSent) {
  test::run([]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    Endpoint endpoint(executor, [](Visitor& visitor, int) -> asio::awaitable<void> { co_await serve(visitor); });
    auto options = endpoint.options();
    options.password = "a\r\nX-Injected: 1";
    Client client(executor, options);
    EXPECT_EQ((co_await error_of(client.execute(kQuery, soon()))).kind(), ErrorKind::usage);
  });
}

}  // namespace
}  // namespace tributary::clickhouse
