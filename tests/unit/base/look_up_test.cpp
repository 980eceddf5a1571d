#include "base/look_up.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

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

}  // namespace
}  // namespace tributary
