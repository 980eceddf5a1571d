#include <csignal>

#include "fixture.hpp"
#include "support/http_client.hpp"
#include "support/otlp_receiver.hpp"

/// Traces of a `tributary serve` at a collector.
namespace tributary::test {
namespace {

class CliTrace : public Cli {
 protected:
  void SetUp() override {
    migrate();
    tenancy_ = create_project("acme");
    done({"destination", "add", "acme", "warehouse", "--url", warehouse_.uri()});
  }
  Environment traced(const std::string& collector) const {
    auto variables = environment();
    variables["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector;
    variables["OTEL_SERVICE_NAME"] = "sync of acme";
    return variables;
  }
  bool is_synced(std::int64_t teams) {
    auto session = warehouse_.session();
    return session.value("SELECT to_regclass('public.teams') IS NOT NULL") == "t" &&
           session.number("SELECT count(*) FROM teams") == teams;
  }
  /// A serve that brings a team to the warehouse and is told to stop at once. Its log.
  std::string serve_one_team(const Environment& variables) {
    Binary serve({"serve", "--threads", "2"}, variables);
    serve.wait_for("started");
    insert_teams(tenancy_, "acme", 1);
    serve.wait_until([&] { return is_synced(1); });
    serve.signal(SIGTERM);
    EXPECT_EQ(serve.wait(), 0) << serve.err();
    return serve.err();
  }

  OtlpReceiver collector_;
  Database warehouse_{"cli_warehouse"};
  std::string tenancy_;
};

TEST_F(CliTrace, WhatHappenedBeforeSigtermIsDelivered) {
  serve_one_team(traced(collector_.url()));
  const auto spans = collector_.spans();
  const auto applied = std::ranges::find_if(spans, [](const auto& span) {
    return span.name == "external-db-sync.sync-engine.apply" &&
           span.attributes.at("stack.external-db-sync.mappings").find("teams") != std::string::npos;
  });
  ASSERT_NE(applied, spans.end());
  EXPECT_EQ(applied->service, "sync of acme");
  EXPECT_EQ(applied->attributes.at("stack.external-db-sync.destination"), "warehouse");
  EXPECT_LE(applied->began, applied->ended);
  EXPECT_TRUE(std::ranges::any_of(spans, [&](const auto& span) {
    return span.name == "external-db-sync.sequencer.iteration" && span.trace == applied->trace;
  }));
}

TEST_F(CliTrace, ACollectorThatIsAwayOrNeverAnswersDelaysNeitherChangesNorTheEnd) {
  EXPECT_THAT(serve_one_team(traced("http://127.0.0.1:1")), testing::HasSubstr("the collector of traces fails"));
  collector_.answer(0);
  insert_teams(tenancy_, "acme", 1);
  Binary serve({"serve"}, traced(collector_.url()));
  serve.wait_until([&] { return is_synced(2); });
  serve.wait_until([&] { return collector_.requests() > 0; });
  serve.signal(SIGTERM);
  EXPECT_EQ(serve.wait(), 0) << serve.err();
  EXPECT_THAT(serve.err(), testing::HasSubstr("the last spans could not be delivered"));
}

TEST_F(CliTrace, WithoutASourceServeAndSyncEndAsTheyDoUntraced) {
  auto variables = traced(collector_.url());
  variables["TRIBUTARY_SOURCE_URL"] = "postgres://postgres@127.0.0.1:1/nowhere";
  for (const auto& arguments : std::vector<std::vector<std::string>>{{"serve"}, {"sync", "--once"}}) {
    const auto finished = run_binary(arguments, variables);
    EXPECT_EQ(finished.status, 1) << finished.err;
  }
}

TEST_F(CliTrace, WhatTheCollectorRefusesIsCounted) {
  collector_.answer(500);
  Binary serve({"serve"}, traced(collector_.url()));
  const auto port = port_of(serve);
  insert_teams(tenancy_, "acme", 1);
  serve.wait_until([&] { return is_synced(1); });
  serve.wait_until([&] {
    const auto metrics = HttpClient(port).get("/metrics").body;
    return metrics.find("tributary_spans_dropped_total{reason=\"refused\"} ") != std::string::npos &&
           metrics.find("tributary_spans_dropped_total{reason=\"refused\"} 0\n") == std::string::npos;
  });
}

TEST_F(CliTrace, OffThereIsNeitherAConnectionNorATraceInTheQueue) {
  source_.session().run("UPDATE \"ExternalDbSyncMetadata\" SET \"pollerEnabled\" = false");
  insert_teams(tenancy_, "acme", 1);
  for (const bool on : {false, true}) {
    auto variables = traced(collector_.url());
    if (!on) variables["TRIBUTARY_TELEMETRY_OTLP_ENDPOINT"] = "";  // ours wins
    source_.session().run("DELETE FROM \"OutgoingRequest\"; UPDATE \"Team\" SET \"displayName\" = 'changed'");
    Binary serve({"serve", "--roles", "sequencer"}, variables);
    serve.wait_until([&] { return source_.session().number("SELECT count(*) FROM \"OutgoingRequest\"") == 1; });
    serve.signal(SIGTERM);
    EXPECT_EQ(serve.wait(), 0) << serve.err();
    EXPECT_EQ(source_.session().number("SELECT count(traceparent) FROM \"OutgoingRequest\""), on ? 1 : 0);
    EXPECT_EQ(collector_.requests() > 0, on);
  }
}

TEST_F(CliTrace, WhatIsNoCollectorIsSaidBeforeAnythingBegins) {
  const auto grpc = tributary({"serve", "--set", "telemetry.otlp_endpoint=grpc://collector:4317"});
  EXPECT_EQ(grpc.status, 2);
  EXPECT_THAT(grpc.err, testing::HasSubstr("telemetry.otlp_endpoint begins with neither http:// nor https://"));
  const auto header =
      tributary({"serve", "--set", "telemetry.otlp_endpoint=http://127.0.0.1:4318", "--set", "telemetry.otlp_headers=hush-hush"});
  EXPECT_EQ(header.status, 2);
  EXPECT_THAT(header.err, testing::AllOf(testing::HasSubstr("NAME=VALUE"), testing::Not(testing::HasSubstr("hush"))));
  EXPECT_THAT(tributary({"serve", "--set", "telemetry.trace_sample_ratio=2"}).err,
              testing::HasSubstr("must be 0 to 1, not \"2\""));
}

}  // namespace
}  // namespace tributary::test
