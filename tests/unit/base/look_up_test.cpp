#include "base/look_up.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include "support/silent_names.hpp"

namespace tributary {
namespace {

LookedUp found(const std::string& host, Deadline deadline, std::stop_token stop = {}) {
  asio::io_context loop;
  LookedUp result;
  const auto ask = [&]() -> asio::awaitable<void> { result = co_await look_up(host, deadline, stop); };
  asio::co_spawn(loop, ask(), asio::detached);
  loop.run();
  return result;
}

Deadline soon() { return Deadline::after(std::chrono::seconds(40)); }

TEST(LookUp, FindsNamesAndNumbers) {
  EXPECT_THAT(found("127.0.0.7", soon()).addresses, testing::ElementsAre(asio::ip::make_address("127.0.0.7")));
  EXPECT_THAT(found("::1", soon()).addresses, testing::ElementsAre(asio::ip::make_address("::1")));
  EXPECT_THAT(found("localhost", soon()).addresses, testing::Contains(asio::ip::make_address("127.0.0.1")));
  EXPECT_TRUE(found("no.such.host.invalid", soon()).error);
}

TEST(LookUp, EndsAtTheDeadlineAndAtAStop) {
  EXPECT_EQ(found("localhost", Deadline::after(std::chrono::seconds(-1))).error, asio::error::timed_out);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(found("localhost", soon(), stop.get_token()).error, asio::error::timed_out);
}

TEST(LookUp, AsksNobodyWhereNoTimeIsLeft) {
  asio::io_context loop;
  asio::co_spawn(loop, look_up("localhost", Deadline::after(std::chrono::seconds(-1))), asio::detached);
  loop.poll();
  EXPECT_TRUE(loop.stopped()) << "something is still under way";
}

TEST(Resolver, NamesThatAreNeverAnsweredHoldUpTheirOwnerOnly) {
  const test::SilentNames names;
  auto resolver = names.resolver({.each = 2, .all = 4});
  asio::io_context loop;
  std::stop_source stop;
  LookedUp result;
  const auto ask = [&]() -> asio::awaitable<void> {
    result = co_await resolver.look_up("db.example", "other", Deadline::after(std::chrono::seconds(5)));
    stop.request_stop();
  };
  for (int i = 0; i < 10; ++i)
    asio::co_spawn(loop, resolver.look_up("silent" + std::to_string(i), "one", soon(), stop.get_token()), asio::detached);
  asio::co_spawn(loop, ask(), asio::detached);
  loop.run();
  EXPECT_THAT(result.addresses, testing::ElementsAre(asio::ip::make_address("192.0.2.1"))) << result.error.message();
}

TEST(Resolver, WhatIsGivenUpBeforeItsTurnIsNotLookedUp) {
  test::SilentNames names;
  auto resolver = names.resolver({.each = 1, .all = 1});
  asio::io_context loop;
  std::stop_source stop;
  for (const auto* host : {"silent", "given.up"})
    asio::co_spawn(loop, resolver.look_up(host, "one", soon(), stop.get_token()), asio::detached);
  while (names.asked().empty()) loop.poll();
  stop.request_stop();
  loop.run();
  names.release();
  LookedUp result;
  const auto ask = [&]() -> asio::awaitable<void> { result = co_await resolver.look_up("db.example", "one", soon()); };
  loop.restart();
  asio::co_spawn(loop, ask(), asio::detached);
  loop.run();
  EXPECT_FALSE(result.error);
  EXPECT_THAT(names.asked(), testing::ElementsAre("silent", "db.example"));
}

TEST(Resolver, AnEventLoopEndsThoughANameIsNeverAnswered) {
  const test::SilentNames names;
  const auto loop = std::make_unique<asio::io_context>();
  asio::co_spawn(*loop, names.resolver({.each = 1, .all = 1}).look_up("silent", "one", soon()), asio::detached);
  while (names.asked().empty()) loop->poll();
}

}  // namespace
}  // namespace tributary
