// What a client that is broken, slow or hostile gets, while others notice nothing.
#include "fixture.hpp"

namespace tributary::http {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr std::string_view kHalfAHead = "GET /api/v1/hello HTTP/1.1\r\nHost: a\r\nX-Padding: ";

std::string post(std::string_view body) {
  return "POST /api/v1/echo HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body);
}

TEST_F(HttpTest, ClosesSlowClientsWhileOthersNoticeNothing) {
  start({.read_timeout = 500ms});
  std::vector<test::HttpClient> slow;
  for (int i = 0; i < 50; ++i) slow.emplace_back(port).send(kHalfAHead);
  auto other = client();
  const auto all_closed = [&] { return std::ranges::all_of(slow, [](auto& one) { return one.is_closed_now(); }); };
  while (!all_closed()) {
    // They go on, byte by byte: what counts is the whole.
    for (auto& one : slow) {
      if (one.is_closed_now()) continue;
      try {
        one.send("x");
      } catch (const boost::system::system_error&) {
      }
    }
    ASSERT_EQ(other.get("/api/v1/hello").status, 200);
  }
}

TEST_F(HttpTest, ClosesAClientThatSendsItsBodySlowly) {
  start({.read_timeout = 300ms});
  auto slow = client();
  slow.send("POST /api/v1/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{");
  EXPECT_TRUE(slow.is_closed());
}

TEST_F(HttpTest, ClosesAConnectionThatIsNotUsed) {
  start({.idle_timeout = 2s});
  auto idle = client();
  EXPECT_TRUE(idle.is_closed());
  auto used = client();
  EXPECT_EQ(used.get("/api/v1/hello").status, 200);
  EXPECT_TRUE(used.is_closed());
}

TEST_F(HttpTest, RefusesABodyThatIsTooLargeBeforeItCame) {
  start({.most_body_bytes = 1'000});
  auto one = client();
  auto other = client();
  one.send("POST /api/v1/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n" + std::string(500'000, 'x'));
  EXPECT_EQ(other.get("/api/v1/hello").status, 200) << "while it is sent";
  const auto answer = one.read();
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(answer.body, HasSubstr("body is larger than 1000 bytes"));
  EXPECT_EQ(answer.fields.at("x-stack-known-error"), "SCHEMA_ERROR");
  EXPECT_TRUE(one.is_closed());
  EXPECT_EQ(other.get("/api/v1/hello").status, 200) << "on the connection that it had";
}

TEST_F(HttpTest, RefusesABodyThatTurnsOutTooLarge) {
  start({.most_body_bytes = 1'000});
  auto one = client();
  std::string body = "POST /api/v1/echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 20; ++i) body += "64\r\n" + std::string(100, ' ') + "\r\n";
  auto other = client();
  one.send(body);
  EXPECT_EQ(other.get("/api/v1/hello").status, 200);
  EXPECT_EQ(one.read().status, 400);
}

TEST_F(HttpTest, LetsAClientThatIsRefusedGoOnSending) {
  start({.most_body_bytes = 1'000});
  auto one = client();
  one.send("POST /api/v1/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
  EXPECT_EQ(one.read().status, 400);
  EXPECT_TRUE(one.is_closed());
  // A client that sends first and reads afterwards would see a reset instead of its answer.
  for (int i = 0; i < 10; ++i) EXPECT_NO_THROW(one.send(std::string(100'000, 'x')));
}

TEST_F(HttpTest, ReadsAFewLargeBodiesAtOnceWhileSmallRequestsNoticeNothing) {
  start({.parallel_large_bodies = 1});
  const auto large = post("{\"a\": \"" + std::string(100'000, 'a') + "\"}");
  auto first = client();
  first.send(large.substr(0, 50'000));
  auto small = client();
  EXPECT_EQ(small.get("/api/v1/hello").status, 200);  // so that the first one's head has been read
  auto second = client();
  second.send(large);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(small.get("/api/v1/hello").status, 200);
  EXPECT_FALSE(second.has_answer());
  first.send(large.substr(50'000));
  EXPECT_EQ(first.read().status, 200);
  EXPECT_EQ(second.read().status, 200);
}

TEST_F(HttpTest, RefusesALargeBodyThatFindsNoPlace) {
  start({.parallel_large_bodies = 1, .read_timeout = 300ms, .handler_timeout = 20s});
  auto busy = client();
  busy.send("POST /api/v1/hold HTTP/1.1\r\nHost: a\r\nContent-Length: 20002\r\n\r\n{}" + std::string(20'000, ' '));
  waiting.acquire();
  auto second = client();
  second.send("POST /api/v1/echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(second.read().fields.at("x-stack-known-error"), "SERVER_BUSY");
  released.notify();
  EXPECT_EQ(busy.read().status, 200);
}

TEST_F(HttpTest, MoreRequestsThanItTakesAreToldToComeBack) {
  router.admit(1);
  router.add_page({"/probe", [](const Request&) -> asio::awaitable<Response> { co_return Response::of_text("ok"); }});
  Router other({.title = "", .version = "", .about = "", .prefixes = {"/other"}, .credentials = {}}, {});
  other.add({.path = "/hello", .access = Access::none, .handle = [](const Request&) -> asio::awaitable<Response> {
               co_return Response::of(json::object());
             }});
  router.mount(std::move(other));
  start();
  auto first = client();
  first.send("GET /api/v1/wait HTTP/1.1\r\nHost: a\r\n\r\n");
  waiting.acquire();
  auto second = client();
  EXPECT_EQ(second.get("/other/hello").status, 503) << "a mounted router's";
  const auto refused = second.get("/api/v1/hello");
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.fields.at("x-stack-known-error"), "SERVER_BUSY");
  EXPECT_EQ(refused.fields.at("retry-after"), "1");
  EXPECT_EQ(second.get("/probe").status, 200) << "a probe";
  released.notify();
  EXPECT_EQ(first.read().status, 200);
  EXPECT_EQ(second.get("/api/v1/hello").status, 200) << "it recovers";
}

TEST_F(HttpTest, RefusesAHeaderBomb) {
  start();
  auto one = client();
  auto other = client();
  std::string head = "GET /api/v1/hello HTTP/1.1\r\nHost: a\r\n";
  for (int i = 0; i < 10'000; ++i) head += "X-" + std::to_string(i) + ": boom\r\n";
  one.send(head);
  EXPECT_EQ(other.get("/api/v1/hello").status, 200) << "while it is sent";
  const auto answer = one.read();
  EXPECT_EQ(answer.status, 431);
  EXPECT_THAT(answer.body, HasSubstr("larger than 16384 bytes"));
  EXPECT_TRUE(one.is_closed());
  EXPECT_EQ(other.get("/api/v1/hello").status, 200) << "on the connection that it had";
}

TEST_F(HttpTest, RefusesWhatIsNotHttp) {
  start();
  for (const auto* text :
       {"\x16\x03\x01 TLS hello\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GET /api/v1/hello HTTP/1.1\r\n\r\n",
        "POST /api/v1/echo HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n",
        "POST /api/v1/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        "POST /api/v1/echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}) {
    auto one = client();
    one.send(text);
    EXPECT_EQ(one.read().status, 400) << text;
    EXPECT_TRUE(one.is_closed()) << text;
  }
}

TEST_F(HttpTest, RefusesInvalidUtf8WhereverItStands) {
  start();
  auto one = client();
  auto other = client();
  const auto notices_nothing = [&] { return other.get("/api/v1/hello").status == 200; };
  EXPECT_TRUE(notices_nothing());
  one.send(post("{\"a\": \"\xC0\xAF\"}"));
  auto answer = one.read();
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(answer.body, HasSubstr("body is not JSON in UTF-8"));
  for (const auto* target : {"/api/v1/hello?n=%ff", "/api/v1/\xff", "/api/v1/hello?\xff=1"}) {
    answer = one.get(target);
    EXPECT_EQ(answer.status, 400) << target;
    EXPECT_EQ(answer.fields.at("x-stack-known-error"), "SCHEMA_ERROR") << target;
    EXPECT_NO_THROW(json::parse(answer.body)) << target;
    EXPECT_TRUE(notices_nothing()) << target;
  }
  one.send("GET /api/v1/hello HTTP/1.1\r\nHost: a\r\nX-\xff: 1\r\n\r\n");
  EXPECT_EQ(one.read().status, 400) << "a header field's name";
  EXPECT_TRUE(one.is_closed());
  EXPECT_TRUE(notices_nothing());
}

TEST_F(HttpTest, RefusesJsonThatIsNestedTenThousandDeep) {
  start();
  auto one = client();
  one.send(post("{\"a\": " + std::string(10'000, '[') + std::string(10'000, ']') + "}"));
  const auto answer = one.read();
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(answer.body, HasSubstr("body is nested deeper than 64 levels"));
  EXPECT_EQ(one.get("/api/v1/hello").status, 200);
}

TEST_F(HttpTest, ForgetsClientsThatBreakOff) {
  start();
  for (const auto* text : {"", "GET", "POST /api/v1/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n{\"a\":",
                           "GET /api/v1/large HTTP/1.1\r\nHost: a\r\n\r\n"}) {
    for (int i = 0; i < 20; ++i) {
      auto one = client();
      one.send(text);
      if (i % 2 == 0) one.abort();
    }
  }
  auto other = client();
  while (open_connections() > 1) ASSERT_EQ(other.get("/api/v1/hello").status, 200);
}

TEST_F(HttpTest, AnswersWhereAHandlerTakesTooLong) {
  start({.handler_timeout = 100ms});
  auto one = client();
  const auto answer = one.get("/api/v1/wait");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.fields.at("x-stack-known-error"), "REQUEST_TIMEOUT");
  EXPECT_EQ(one.get("/api/v1/hello").status, 200);
}

TEST_F(HttpTest, ClosesTheConnectionThatIsIdleForLongestWhereThereAreTooMany) {
  start({.most_connections = 3});
  std::vector<test::HttpClient> clients;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(clients.emplace_back(port).get("/api/v1/hello").status, 200);
  clients[0].get("/api/v1/hello");  // so that the second is
  auto one_more = client();
  EXPECT_EQ(one_more.get("/api/v1/hello").status, 200);
  EXPECT_TRUE(clients[1].is_closed());
  EXPECT_EQ(clients[0].get("/api/v1/hello").status, 200);
  EXPECT_EQ(clients[2].get("/api/v1/hello").status, 200);
}

TEST_F(HttpTest, LetsNewConnectionsWaitWhereAllAreBusy) {
  start({.most_connections = 2});
  auto busy = client();
  auto also_busy = client();
  for (auto* one : {&busy, &also_busy}) {
    one->send("GET /api/v1/wait HTTP/1.1\r\nHost: a\r\n\r\n");
    waiting.acquire();
  }
  auto third = client();
  third.send("GET /api/v1/hello HTTP/1.1\r\nHost: a\r\n\r\n");
  busy.abort();  // it is served to its end nevertheless
  released.notify();
  EXPECT_EQ(third.read().status, 200);
  released.notify();
  EXPECT_EQ(also_busy.read().status, 200);
}

}  // namespace
}  // namespace tributary::http
