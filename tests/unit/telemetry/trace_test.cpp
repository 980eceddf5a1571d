#include "telemetry/trace.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <boost/json.hpp>

#include "telemetry/exporter.hpp"

namespace tributary::telemetry {
namespace {

using namespace std::chrono_literals;

constexpr auto kExample = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

class Trace : public testing::Test {
 protected:
  std::uint64_t dropped() { return metrics_.counter("tributary_spans_dropped_total", {{"reason", "full"}}).value(); }
  Metrics metrics_;
};

TEST_F(Trace, WhatIsWrittenAsATraceparentIsReadBack) {
  Tracer all({}, metrics_);
  Tracer none({.ratio = 0}, metrics_);
  for (auto* tracer : {&all, &none}) {
    const auto context = tracer->start("work").context();
    EXPECT_EQ(TraceContext::parse(context.traceparent()), context);
  }
  EXPECT_EQ(TraceContext::parse(kExample)->traceparent(), kExample);
  EXPECT_EQ(TraceContext::parse("cc" + std::string(kExample).substr(2) + "-of-a-later-version")->traceparent(), kExample);
}

TEST_F(Trace, WhatIsNoTraceparentIsRefused) {
  const std::string example(kExample);
  for (const auto& text : {std::string(), example.substr(0, 54), example + "-more", "ff" + example.substr(2), example + "0",
                           std::string("00-00000000000000000000000000000000-00f067aa0ba902b7-01"),
                           std::string("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"),
                           std::string("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"),
                           std::string("00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01")})
    EXPECT_EQ(TraceContext::parse(text), std::nullopt) << text;
  rc::check([](const std::string& text) { TraceContext::parse(text); });
}

TEST_F(Trace, WhoContinuesATraceIsPartOfItAndRecordedWhereItsBeginningIs) {
  Tracer here({.ratio = 1}, metrics_);
  Tracer there({.ratio = 0}, metrics_);
  const auto begun = here.start("begun");
  const auto continued = there.start("continued", begun.context());
  EXPECT_TRUE(continued.recorded());
  EXPECT_EQ(continued.context().trace, begun.context().trace);
  EXPECT_NE(continued.context().span, begun.context().span);
  const auto not_recorded = there.start("not recorded");
  EXPECT_TRUE(not_recorded.context().valid());
  EXPECT_FALSE(here.start("nor this", not_recorded.context()).recorded());
}

TEST_F(Trace, OfThoseThatBeginTheRatioIsRecorded) {
  Tracer tracer({.ratio = 0.25, .most_waiting = 10'000}, metrics_);
  for (int i = 0; i < 10'000; ++i) tracer.start("work").end();
  EXPECT_NEAR(static_cast<double>(tracer.take(10'000).size()), 2'500, 300);
}

TEST_F(Trace, ASpanTellsWhatItWasTold) {
  Tracer tracer({}, metrics_);
  const auto other = tracer.start("other").context();
  tracer.take(1);
  {
    auto span = tracer.start("work", {}, SpanKind::consumer);
    span.began_at(std::chrono::steady_clock::now() - 5s);
    span.set("rows", 3);
    span.set("name", std::string(2'000, 'x') + "€");
    span.link(other);
    span.fail("57014", "cancelled");
    span.child("part").end();
    tracer.start("nothing to tell", span.context()).forget();
  }
  const auto spans = tracer.take(10);
  ASSERT_EQ(spans.size(), 2U);
  EXPECT_EQ(spans[0].name, "part");
  EXPECT_EQ(spans[0].parent, spans[1].context.span);
  EXPECT_GE(spans[1].took, 5s);
  EXPECT_GE(spans[0].began - spans[1].began, 4s);
  EXPECT_EQ(spans[1].error, "cancelled");
  EXPECT_EQ(spans[1].links, std::vector{other});
  EXPECT_LT(std::get<std::string>(spans[1].attributes.at(1).value).size(), 1'010U);
}

TEST_F(Trace, ThereIsNoRoomForMoreThanSoManyAndWhatIsLostIsCounted) {
  Tracer tracer({.most_waiting = 3}, metrics_);
  int told = 0;
  tracer.notify(2, [&] { ++told; });
  for (int i = 0; i < 5; ++i) tracer.start("work").end();
  EXPECT_EQ(dropped(), 2U);
  EXPECT_EQ(told, 1);
  EXPECT_EQ(tracer.take(2).size(), 2U);
  EXPECT_EQ(tracer.take(2).size(), 1U);
}

TEST_F(Trace, WithoutATracerNothingHappens) {
  auto span = start_span(nullptr, "work", *TraceContext::parse(kExample));
  span.set("rows", 3);
  span.fail("", "failed");
  EXPECT_FALSE(span.recorded());
  EXPECT_FALSE(span.context().valid());
  EXPECT_FALSE(span.child("part").recorded());
}

TEST_F(Trace, IsWrittenAsOtlpInJson) {
  const auto context = *TraceContext::parse(kExample);
  SpanRecord record{.context = context,
                    .parent = {std::byte{1}},
                    .name = "work",
                    .kind = SpanKind::client,
                    .began = std::chrono::system_clock::time_point(1'700'000'000s),
                    .took = 1'500us};
  record.attributes = {{"rows", std::int64_t{3}}, {"more", false}, {"text", std::string("\"ä\"")}};
  record.links = {context};
  record.error = "failed";
  const auto document = boost::json::parse(otlp_json({&record, 1}, {.service = "shop", .version = "1", .instance = "i"}));
  EXPECT_EQ(document, boost::json::parse(R"({"resourceSpans": [{
    "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}},
                                {"key": "service.version", "value": {"stringValue": "1"}},
                                {"key": "service.instance.id", "value": {"stringValue": "i"}}]},
    "scopeSpans": [{"scope": {"name": "tributary", "version": "1"}, "spans": [{
      "traceId": "4bf92f3577b34da6a3ce929d0e0e4736", "spanId": "00f067aa0ba902b7", "parentSpanId": "0100000000000000",
      "name": "work", "kind": 3,
      "startTimeUnixNano": "1700000000000000000", "endTimeUnixNano": "1700000000001500000",
      "attributes": [{"key": "rows", "value": {"intValue": "3"}}, {"key": "more", "value": {"boolValue": false}},
                     {"key": "text", "value": {"stringValue": "\"ä\""}}],
      "links": [{"traceId": "4bf92f3577b34da6a3ce929d0e0e4736", "spanId": "00f067aa0ba902b7"}],
      "status": {"code": 2, "message": "failed"}}]}]}]})"))
      << document;
}

TEST(OtlpEndpoint, IsTheUrlWithTheSpecificationsPath) {
  const auto plain = OtlpEndpoint::parse("http://collector");
  EXPECT_EQ(std::tie(plain.tls, plain.host, plain.port, plain.target),
            std::tuple(false, "collector", std::uint16_t{4318}, "/v1/traces"));
  const auto secure = OtlpEndpoint::parse("https://[::1]:443/otlp/");
  EXPECT_EQ(std::tie(secure.tls, secure.host, secure.port, secure.target),
            std::tuple(true, "::1", std::uint16_t{443}, "/otlp/v1/traces"));
  for (const auto* url : {"", "collector:4318", "grpc://collector:4317", "http://", "http://user:secret@collector",
                          "http://a?b=c", "http://collector:0", "http://collector:70000"})
    EXPECT_THROW(OtlpEndpoint::parse(url), std::invalid_argument) << url;
}

}  // namespace
}  // namespace tributary::telemetry
