#include <gmock/gmock.h>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <sys/resource.h>

#include <atomic>
#include <random>

#include "fixture.hpp"
#include "support/fake_server.hpp"
#include "support/service.hpp"

namespace tributary::destination {
namespace {

namespace wire = test::wire;
using test::FakeServer;
using testing::HasSubstr;

constexpr std::size_t kMiB = std::size_t{1} << 20;

long largest_resident_kib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

/// A stranger's server, and what becomes of a destination that it claims to be.
class HostileServer : public testing::Test {
 protected:
  HostileServer() : mappings_(test::builtin_mappings()) {
    for (const auto& mapping : mappings_) pointers_.push_back(&mapping);
  }

  /// Connects, sets the session up, and asks for positions.
  Failure failure_of(const FakeServer& server) {
    Failure failure;
    test::run([&]() -> asio::awaitable<void> {
      const auto params = test::test_destinations();
      const auto options = postgres_target::connect_options(server.uri(), Uuid(), params);
      const postgres_target::Owner owner{.installation = Uuid::random(), .tenancy = Uuid::random()};
      const auto target = postgres_target::make_destination(co_await asio::this_coro::executor, options, owner, params);
      const auto positions = co_await target->positions(pointers_, Deadline::after(std::chrono::seconds(20)));
      if (!positions.failure) throw std::runtime_error("the hostile server was believed");
      failure = *positions.failure;
    });
    return failure;
  }

  /// Lets the client in, and answers its first request with `beginning` and then `piece` without end. Returns how many bytes it got rid of.
  std::size_t flood(std::string beginning, std::string piece) {
    std::atomic<std::size_t> sent{0};
    const FakeServer server([&](FakeServer::Socket& socket) -> asio::awaitable<void> {
      co_await wire::startup(socket);
      co_await wire::send(socket, wire::welcome());
      co_await wire::receive_request(socket);
      co_await wire::send(socket, beginning);
      std::string many;
      while (many.size() < 64 * 1024) many += piece;
      for (;;) {
        co_await wire::send(socket, many);
        sent += many.size();
      }
    });
    const auto before = largest_resident_kib();
    const auto failure = failure_of(server);
    EXPECT_EQ(failure.kind, FailureKind::refused) << failure.message;
    EXPECT_THAT(failure.message, HasSubstr("the server sent more than"));
    EXPECT_LT(largest_resident_kib() - before, 96 * 1024) << "KiB";
    return sent;
  }

  std::vector<mapping::Mapping> mappings_;
  std::vector<const mapping::Mapping*> pointers_;
};

// What the kernels hold for both sides comes on top of what is taken.
constexpr std::size_t kMostSent = 24 * kMiB;

TEST_F(HostileServer, AHugeErrorTextIsCutOff) { EXPECT_LT(flood("E" + wire::number(0x3FFFFFFF) + "SERROR", "x"), kMostSent); }

TEST_F(HostileServer, EndlessRowsAreCutOff) {
  const std::string column = std::string("c\0", 2) + wire::number(0) + std::string(2, '\0') + wire::number(25) +
                             std::string("\xff\xff", 2) + wire::number(0xFFFFFFFF) + std::string(2, '\0');
  const auto row = wire::message('D', std::string("\0\1", 2) + wire::number(100) + std::string(100, 'r'));
  EXPECT_LT(flood(wire::message('T', std::string("\0\1", 2) + column), row), kMostSent);
}

TEST_F(HostileServer, ARowOfAGigabyteIsCutOff) { EXPECT_LT(flood("D" + wire::number(0x3FFFFFFF), "x"), kMostSent); }

TEST_F(HostileServer, EndlessNoticesAreCutOff) {
  auto notice = wire::error("01000", std::string(1'000, 'n'));
  notice[0] = 'N';
  EXPECT_LT(flood("", notice), kMostSent);
}

TEST_F(HostileServer, EndlessParametersAreCutOff) {
  EXPECT_LT(flood("", wire::message('S', std::string("name\0value\0", 11))), kMostSent);
}

TEST_F(HostileServer, AnEndlessHandshakeIsCutOff) {
  std::atomic<std::size_t> sent{0};
  const FakeServer server([&](FakeServer::Socket& socket) -> asio::awaitable<void> {
    co_await wire::startup(socket);
    co_await wire::send(socket, wire::message('R', wire::number(0)));
    const auto parameter = wire::message('S', "name" + std::string(1'000, 'x') + std::string("\0value\0", 7));
    for (;; sent += parameter.size()) co_await wire::send(socket, parameter);
  });
  EXPECT_THAT(failure_of(server).message, HasSubstr("says too much"));
  EXPECT_LT(sent, kMostSent);
}

TEST_F(HostileServer, ADripEndsAtTheDeadline) {
  const FakeServer server([](FakeServer::Socket& socket) -> asio::awaitable<void> {
    co_await wire::startup(socket);
    co_await wire::send(socket, wire::message('R', wire::number(0)));
    asio::steady_timer timer(co_await asio::this_coro::executor);
    const auto message = wire::message('S', std::string(1'000, 'x'));
    for (const char byte : message) {
      co_await wire::send(socket, std::string(1, byte));
      timer.expires_after(std::chrono::milliseconds(20));
      co_await timer.async_wait(asio::use_awaitable);
    }
  });
  EXPECT_EQ(failure_of(server).kind, FailureKind::timed_out);
}

TEST_F(HostileServer, SecretsAreNotHashedAsOftenAsItWants) {
  const FakeServer server([](FakeServer::Socket& socket) -> asio::awaitable<void> {
    co_await wire::startup(socket);
    co_await wire::send(socket, wire::message('R', wire::number(10) + std::string("SCRAM-SHA-256\0\0", 15)));
    const auto first = (co_await wire::receive(socket)).payload;
    const auto nonce = first.substr(first.rfind("r=") + 2);
    co_await wire::send(socket, wire::message('R', wire::number(11) + "r=" + nonce + "more,s=c2FsdHNhbHRzYWx0,i=2147483647"));
    co_await wire::receive(socket);
  });
  EXPECT_THAT(failure_of(server).message, HasSubstr("client proof"));
}

TEST_F(HostileServer, GarbageIsAFailureLikeAnyOther) {
  std::mt19937 random(20'261'126);
  for (int round = 0; round < 60; ++round) {
    std::string garbage(1 + random() % 300, '\0');
    for (auto& byte : garbage) byte = static_cast<char>(random());
    const bool at_once = round % 3 == 0;
    const bool framed = round % 3 == 1;  // a message of a known kind with nonsense in it
    if (framed) garbage = wire::message("RSKZENTDCIAtn123HGWdcV"[random() % 22], garbage);
    const FakeServer server([&](FakeServer::Socket& socket) -> asio::awaitable<void> {
      if (!at_once) {
        co_await wire::startup(socket);
        co_await wire::send(socket, wire::welcome());
        co_await wire::receive_request(socket);
      }
      co_await wire::send(socket, garbage);
    });
    EXPECT_FALSE(failure_of(server).message.empty()) << "round " << round;
  }
}

TEST_F(HostileServer, AnswersOfAnotherShapeAreNotBelieved) {
  const auto nothing = wire::message('C', std::string("SELECT 0\0", 9));
  const auto no_columns = wire::message('T', std::string(2, '\0')) + wire::message('D', std::string(2, '\0'));
  const auto copying = wire::message('G', std::string("\1\0\0", 3));
  for (const auto& answer : {nothing, no_columns + nothing, copying, no_columns, std::string("1")}) {
    const FakeServer server([&](FakeServer::Socket& socket) -> asio::awaitable<void> {
      co_await wire::startup(socket);
      co_await wire::send(socket, wire::welcome());
      co_await wire::receive_request(socket);
      co_await wire::send(socket, nothing + wire::ready());
      for (;;) {
        co_await wire::receive_request(socket);
        co_await wire::send(socket, wire::message('1', "") + wire::message('2', "") + answer + wire::ready());
      }
    });
    EXPECT_FALSE(failure_of(server).message.empty());
  }
}

TEST_F(HostileServer, WhatItSaysFitsIntoALogAndATable) {
  const FakeServer server([](FakeServer::Socket& socket) -> asio::awaitable<void> {
    co_await wire::startup(socket);
    co_await wire::send(socket, wire::welcome());
    co_await wire::receive_request(socket);
    co_await wire::send(socket, wire::error(std::string(5'000, '\xfe'), "a\xff\n\x1b[31m" + std::string(100'000, 'y')));
  });
  const auto failure = failure_of(server);
  EXPECT_EQ(failure.sqlstate, "");
  EXPECT_LE(failure.message.size(), 2'048U);
  EXPECT_THAT(failure.message, HasSubstr("a? [31myyy"));
}

}  // namespace
}  // namespace tributary::destination
