// How a server ends.
#include "fixture.hpp"

namespace tributary::http {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kWait = "GET /api/v1/wait HTTP/1.1\r\nHost: a\r\n\r\n";

TEST_F(HttpTest, FinishesWhatRunsAndTakesNothingNew) {
  start();
  auto idle = client();
  EXPECT_EQ(idle.get("/api/v1/hello").status, 200);
  auto busy = client();
  busy.send(std::string(kWait) + std::string(kWait));  // the second is pipelined
  waiting.acquire();
  auto drained = asio::co_spawn(loop, server->drain(Deadline::after(20s)), asio::use_future);
  EXPECT_TRUE(idle.is_closed());
  EXPECT_THROW(client(), boost::system::system_error);
  released.notify();
  const auto answer = busy.read();
  EXPECT_EQ(answer.body, R"({"released":true})");
  EXPECT_EQ(answer.fields.at("connection"), "close");
  EXPECT_TRUE(busy.is_closed());
  EXPECT_TRUE(drained.get());
  EXPECT_EQ(open_connections(), 0);
}

TEST_F(HttpTest, CutsOffWhatDoesNotEndInTime) {
  start();
  auto busy = client();
  busy.send(kWait);
  waiting.acquire();
  EXPECT_FALSE(drain(Deadline::after(50ms)));
  EXPECT_TRUE(busy.is_closed());
  EXPECT_EQ(open_connections(), 0);
}

TEST_F(HttpTest, LetsStreamsEndThemselves) {
  start();
  auto one = client();
  one.send("GET /api/v1/events HTTP/1.1\r\nHost: a\r\n\r\n");
  one.start_reading();
  EXPECT_EQ(one.read_piece(), "data: begun\n\n");
  EXPECT_TRUE(drain(Deadline::after(20s)));
  EXPECT_EQ(one.read_piece(), "data: over\n\n");
  EXPECT_EQ(one.read_piece(), "");
  stopped.acquire();
}

}  // namespace
}  // namespace tributary::http
