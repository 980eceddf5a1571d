#include "telemetry/exporter.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

#include "base/event.hpp"
#include "support/database.hpp"
#include "support/otlp_receiver.hpp"

// Spans on their way to a collector that takes them, refuses them, is slow or away.
namespace tributary::telemetry {
namespace {

using namespace std::chrono_literals;

class ExporterTest : public testing::Test {
 protected:
  std::uint64_t exported() { return metrics_.counter("tributary_spans_exported_total").value(); }
  std::uint64_t refused() { return metrics_.counter("tributary_spans_dropped_total", {{"reason", "refused"}}).value(); }
  std::uint64_t lost() { return metrics_.counter("tributary_spans_dropped_total", {{"reason", "full"}}).value(); }

  void work(int spans) {
    for (int i = 0; i < spans; ++i) tracer_.start("work").end();
  }
  ExporterParams params() const {
    return {.endpoint = OtlpEndpoint::parse(collector_.url()),
            .headers = {{"x-api-key", "secret"}},
            .resource = {.service = "test", .version = "1", .instance = "i"},
            .every = 5ms,
            .batch = 10,
            .retry = {1ms, 5ms}};
  }
  /// Runs an exporter for as long as `test` takes, then stops it.
  void with_exporter(ExporterParams params, std::function<asio::awaitable<void>()> test, std::chrono::seconds last = 20s) {
    test::run([&]() -> asio::awaitable<void> {
      const auto executor = co_await asio::this_coro::executor;
      Exporter exporter(executor, tracer_, std::move(params), metrics_);
      asio::co_spawn(executor, exporter.run(), asio::detached);
      co_await test();
      co_await exporter.stop(Deadline::after(last));
    });
  }
  static asio::awaitable<void> until(std::function<bool()> condition) {
    Event pause(co_await asio::this_coro::executor);
    while (!condition()) co_await pause.wait(Deadline::after(2ms));
  }

  Metrics metrics_;
  Tracer tracer_{{.most_waiting = 30}, metrics_};
  test::OtlpReceiver collector_;
};

TEST_F(ExporterTest, WhatHasEndedIsDeliveredByItself) {
  with_exporter(params(), [&]() -> asio::awaitable<void> {
    work(25);
    co_await until([&] { return collector_.spans().size() == 25; });
  });
  EXPECT_EQ(collector_.requests(), 3);  // of ten
  EXPECT_EQ(exported(), 25U);
  EXPECT_EQ(collector_.spans().front().service, "test");
  EXPECT_EQ(collector_.header("x-api-key"), "secret");
  EXPECT_EQ(collector_.header("content-type"), "application/json");
}

TEST_F(ExporterTest, ManyDoNotWaitForTheirTime) {
  auto late = params();
  late.every = 1h;
  with_exporter(late, [&]() -> asio::awaitable<void> {
    work(10);
    co_await until([&] { return collector_.spans().size() == 10; });
  });
}

TEST_F(ExporterTest, TheLastAreDeliveredAtTheEnd) {
  auto late = params();
  late.every = 1h;
  with_exporter(late, [&]() -> asio::awaitable<void> {
    work(3);
    co_return;
  });
  EXPECT_EQ(collector_.spans().size(), 3U);
}

TEST_F(ExporterTest, ACollectorThatIsBackGetsWhatThereWasRoomFor) {
  collector_.answer(503);
  with_exporter(params(), [&]() -> asio::awaitable<void> {
    work(10);
    co_await until([&] { return collector_.requests() >= 2; });
    work(40);
    EXPECT_EQ(lost(), 10U);
    collector_.answer(200);
    co_await until([&] { return collector_.spans().size() == 40; });
  });
  EXPECT_EQ(exported(), 40U);
  EXPECT_EQ(refused(), 0U);
}

TEST_F(ExporterTest, ARefusedBatchIsDroppedAndCountedAndTheNextOneGoes) {
  collector_.answer(500);
  with_exporter(params(), [&]() -> asio::awaitable<void> {
    work(4);
    co_await until([&] { return refused() == 4; });
    collector_.answer(200);
    work(5);
    co_await until([&] { return collector_.spans().size() == 5; });
  });
  EXPECT_EQ(exported(), 5U);
}

TEST_F(ExporterTest, ASlowCollectorIsGivenUpInTimeAndHoldsUpNoEnd) {
  collector_.answer(0);
  auto impatient = params();
  impatient.timeout = 20ms;
  with_exporter(impatient, [&]() -> asio::awaitable<void> {
    work(1);
    co_await until([&] { return collector_.requests() >= 2; });  // the first one was given up
  });
  const auto before = collector_.requests();
  with_exporter(
      params(),
      [&]() -> asio::awaitable<void> {
        work(1);
        co_await until([&] { return collector_.requests() > before; });
      },
      0s);
  EXPECT_EQ(exported(), 0U);
}

TEST_F(ExporterTest, OneThatIsAwayHoldsUpNoEnd) {
  auto nowhere = params();
  nowhere.endpoint = OtlpEndpoint::parse("http://127.0.0.1:1");
  with_exporter(nowhere, [&]() -> asio::awaitable<void> {
    work(5);
    co_return;
  });
  EXPECT_EQ(exported(), 0U);
}

/// Over TLS, to a collector whose certificate is for "localhost" and signs itself (tests/with-postgres).
class ExporterTlsTest : public ExporterTest {
 protected:
  ~ExporterTlsTest() override { ::unsetenv("SSL_CERT_FILE"); }
  static std::string certificate() {
    const char* file = std::getenv("TRIBUTARY_TEST_CERTIFICATE");
    if (file == nullptr) throw std::runtime_error("TRIBUTARY_TEST_CERTIFICATE is not set: run this through tests/with-postgres");
    return file;
  }
  /// To what this machine trusts.
  static void trust() { ::setenv("SSL_CERT_FILE", certificate().c_str(), 1); }
  ExporterParams to(const std::string& host) const {
    auto secure = params();
    secure.endpoint = OtlpEndpoint::parse("https://" + host + ":" + collector_.port());
    return secure;
  }
  void expect_nothing_told(ExporterParams params) {
    with_exporter(
        params,
        [&]() -> asio::awaitable<void> {
          work(1);
          co_await until([&] { return collector_.refused_handshakes() >= 2; });  // it is tried again
        },
        0s);
    EXPECT_EQ(collector_.requests(), 0);
    EXPECT_EQ(exported(), 0U);
  }

  test::OtlpReceiver collector_{certificate()};
};

TEST_F(ExporterTlsTest, ACertificateThatIsTrustedIsTalkedTo) {
  trust();
  with_exporter(to("localhost"), [&]() -> asio::awaitable<void> {
    work(3);
    co_await until([&] { return collector_.spans().size() == 3; });
  });
  EXPECT_EQ(collector_.header("x-api-key"), "secret");
}

TEST_F(ExporterTlsTest, OneThatNobodyTrustsIsToldNothing) { expect_nothing_told(to("localhost")); }

TEST_F(ExporterTlsTest, OneOfAnotherNameIsToldNothing) {
  trust();
  expect_nothing_told(to("127.0.0.1"));
}

}  // namespace
}  // namespace tributary::telemetry
