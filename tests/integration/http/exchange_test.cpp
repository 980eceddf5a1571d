// What a well-behaved client sees.
#include "fixture.hpp"

namespace tributary::http {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST_F(HttpTest, AnswersManyRequestsOfOneConnection) {
  start();
  auto one = client();
  for (int n = 0; n < 100; ++n) {
    const auto answer = one.get("/api/v1/hello?n=" + std::to_string(n));
    ASSERT_EQ(answer.status, 200);
    ASSERT_EQ(json::parse(answer.body).at_pointer("/n/n").as_int64(), n);
  }
  EXPECT_EQ(open_connections(), 1);
}

TEST_F(HttpTest, AnswersPipelinedRequestsInTheirOrder) {
  start();
  auto one = client();
  std::string requests;
  for (int n = 0; n < 200; ++n)
    requests += "POST /api/v1/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{\"n\":" + std::to_string(100 + n) + "}";
  one.send(requests);
  for (int n = 0; n < 200; ++n) ASSERT_EQ(json::parse(one.read().body).at("n").as_int64(), 100 + n);
}

TEST_F(HttpTest, KeepsTheIdThatTheClientGaveWhereItIsFitForALog) {
  start();
  auto one = client();
  auto answer = one.get("/api/v1/hello", {{"X-Request-Id", "abc-1"}});
  EXPECT_EQ(answer.fields["x-request-id"], "abc-1");
  EXPECT_EQ(answer.fields["x-stack-request-id"], "abc-1");
  answer = one.get("/api/v1/hello", {{"X-Request-Id", "\"}, forged"}});
  EXPECT_TRUE(Uuid::parse(answer.fields["x-request-id"]));
}

TEST_F(HttpTest, ZipsLargeAnswersForWhoeverTakesThem) {
  start();
  auto one = client();
  const auto zipped = one.get("/api/v1/large", {{"Accept-Encoding", "br, gzip"}});
  EXPECT_EQ(zipped.fields.at("content-encoding"), "gzip");
  EXPECT_LT(std::stoi(zipped.fields.at("content-length")), 10'000);
  const auto plain = one.get("/api/v1/large", {{"Accept-Encoding", "gzip;q=0, br"}});
  EXPECT_EQ(plain.fields.count("content-encoding"), 0);
  EXPECT_EQ(plain.body, zipped.body);
  EXPECT_EQ(one.get("/api/v1/hello", {{"Accept-Encoding", "gzip"}}).fields.count("content-encoding"), 0);
}

TEST_F(HttpTest, AnswersHeadWithoutABody) {
  start();
  auto one = client();
  const auto head = one.request("HEAD", "/api/v1/large");
  EXPECT_EQ(head.status, 200);
  EXPECT_GT(std::stoi(head.fields.at("content-length")), 100'000);
  EXPECT_EQ(one.get("/api/v1/hello").status, 200);  // on the same connection: nothing was left in it
}

TEST_F(HttpTest, LetsPagesOfOtherOriginsCall) {
  start();
  auto one = client();
  const auto asked = one.request("OPTIONS", "/api/v1/echo", "",
                                 {{"Origin", "https://app.example"},
                                  {"Access-Control-Request-Method", "POST"},
                                  {"Access-Control-Request-Headers", "x-stack-project-id"}});
  EXPECT_EQ(asked.status, 204);
  EXPECT_EQ(asked.fields.count("content-length"), 0);
  EXPECT_EQ(asked.fields.at("access-control-allow-origin"), "*");
  EXPECT_EQ(asked.fields.at("access-control-allow-headers"), "x-stack-project-id");
  const auto answer = one.get("/api/v1/nowhere", {{"Origin", "https://app.example"}});
  EXPECT_EQ(answer.fields.at("access-control-allow-origin"), "*");
  EXPECT_THAT(answer.fields.at("access-control-expose-headers"), HasSubstr("x-stack-known-error"));
}

TEST_F(HttpTest, LetsOneOriginCallWhereOneIsSet) {
  start({.allowed_origin = "https://app.example"});
  auto one = client();
  EXPECT_EQ(one.get("/api/v1/hello", {{"Origin", "https://other.example"}}).fields.count("access-control-allow-origin"), 0);
  const auto answer = one.get("/api/v1/hello", {{"Origin", "https://app.example"}});
  EXPECT_EQ(answer.fields.at("access-control-allow-origin"), "https://app.example");
  EXPECT_THAT(answer.fields.at("vary"), HasSubstr("origin"));
}

TEST_F(HttpTest, SpeaksHttp10) {
  start();
  auto one = client();
  one.send("GET /api/v1/hello HTTP/1.0\r\n\r\n");
  EXPECT_EQ(one.read().status, 200);
  EXPECT_TRUE(one.is_closed());
}

TEST_F(HttpTest, EncouragesAClientThatAsksBeforeItSends) {
  start();
  auto one = client();
  one.send("POST /api/v1/echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 7\r\n\r\n");
  EXPECT_EQ(one.read().status, 100);
  one.send("{\"a\":1}");
  EXPECT_EQ(one.read().body, "{\"a\":1}");
}

TEST_F(HttpTest, TakesAnAbsoluteTargetAndAChunkedBody) {
  start();
  auto one = client();
  one.send(
      "POST http://host/api/v1/echo HTTP/1.1\r\nHost: host\r\nTransfer-Encoding: "
      "chunked\r\n\r\n3\r\n{\"a\r\n4\r\n\":1}\r\n0\r\n\r\n");
  EXPECT_EQ(one.read().body, "{\"a\":1}");
}

TEST_F(HttpTest, SendsEachPieceOfAStreamAtOnceAndGoesOnAfterIt) {
  start();
  auto one = client();
  one.send("GET /api/v1/events HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(one.start_reading().fields.at("content-type"), "text/event-stream");
  EXPECT_EQ(one.read_piece(), "data: begun\n\n");
  released.notify();
  EXPECT_EQ(one.read_piece(), "data: released\n\n");
}

TEST_F(HttpTest, EndsAStreamWhoseClientWentAway) {
  start();
  std::optional one = client();
  one->send("GET /api/v1/events HTTP/1.1\r\nHost: a\r\n\r\n");
  one->start_reading();
  EXPECT_EQ(one->read_piece(), "data: begun\n\n");
  one.reset();
  auto other = client();
  while (open_connections() > 1) ASSERT_EQ(other.get("/api/v1/hello").status, 200);
}

TEST_F(HttpTest, EndsAQuestionWhoseClientWentAway) {
  constexpr std::string_view kAsk = "GET /api/v1/ask HTTP/1.1\r\nHost: a\r\n\r\n";
  start();
  for (const bool says_goodbye : {true, false}) {
    std::optional one = client();
    one->send(kAsk);
    waiting.acquire();
    released.notify();
    EXPECT_EQ(one->read().body, R"({"released":true})");
    ended.acquire();
    one->send(kAsk);
    waiting.acquire();
    if (!says_goodbye) one->abort();
    one.reset();
    ASSERT_TRUE(ended.try_acquire_for(std::chrono::seconds(30)));
  }
  auto other = client();
  while (open_connections() > 1) ASSERT_EQ(other.get("/api/v1/hello").status, 200);
  const auto& told = metrics.counter("tributary_http_requests_total", {{"method", "GET"}, {"path", "/ask"}, {"status", "4xx"}});
  while (told.value() < 2) ASSERT_EQ(other.get("/api/v1/hello").status, 200);
}

TEST_F(HttpTest, CountsRequestsByTheirDeclaredPath) {
  start();
  auto one = client();
  one.get("/api/v1/hello?n=1");
  one.get("/api/latest/hello?n=2");
  one.get("/api/v1/hello?n=x");
  one.get("/nowhere/at/all");
  one.get("/api/v1/hello");  // what was told of the others is there once this is answered
  const auto count = [&](const char* path, const char* status) {
    return metrics.counter("tributary_http_requests_total", {{"method", "GET"}, {"path", path}, {"status", status}}).value();
  };
  EXPECT_GE(count("/hello", "2xx"), 2);
  EXPECT_EQ(count("/hello", "4xx"), 1);
  EXPECT_EQ(count("", "4xx"), 1);
}

}  // namespace
}  // namespace tributary::http
