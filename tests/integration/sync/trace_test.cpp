#include <gmock/gmock.h>

#include <algorithm>

#include "fixture.hpp"
#include "support/clickhouse.hpp"
#include "support/clickhouse_compare.hpp"
#include "sync/trace.hpp"

/// One trace follows a change from the sequencer through the queue to each destination.
namespace tributary::sync {
namespace {

using telemetry::SpanRecord;

constexpr auto kIteration = "external-db-sync.sequencer.iteration";
constexpr auto kBackfill = "external-db-sync.sequencer.backfill";
constexpr auto kClaim = "external-db-sync.poller.claimPendingRequests";
constexpr auto kEngine = "external-db-sync.sync-engine";

class SyncTrace : public SyncTest {
 protected:
  SyncTrace() : tenancy_(add_tenancy(1, {customer_.uri()})) {}

  test::Service::Params traced() {
    test::Service::Params params;
    params.sequencer.tracer = params.queue.tracer = params.sync.tracer = &tracer_;
    params.sync.patience = std::chrono::minutes(1);  // one that is left behind comes back in a trace of its own
    return params;
  }
  void wait_until_idle() {
    wait_until([&] { return session_.number("SELECT count(*) FROM \"OutgoingRequest\"") == 0; }, "the queue is empty");
  }
  void enable_poller(bool enabled) {
    session_.run(fmt::format("UPDATE \"ExternalDbSyncMetadata\" SET \"pollerEnabled\" = {}", enabled));
  }
  std::string traceparents() {
    return session_.value(
        "SELECT coalesce(string_agg(traceparent, '|' ORDER BY \"destinationKind\"), 'none') FROM \"OutgoingRequest\"");
  }
  /// Everything that has ended since this was last asked, with the span of each request that was claimed: it ends just behind the request.
  std::vector<SpanRecord> spans(test::Service& service) {
    const auto& claims = service.metrics().counter("tributary_queue_claims_total");
    std::vector<SpanRecord> all;
    std::size_t ended = 0;
    wait_until(
        [&] {
          std::ranges::move(tracer_.take(10'000), std::back_inserter(all));
          ended = requests_seen_ + static_cast<std::size_t>(std::ranges::count(all, kEngine, &SpanRecord::name));
          return ended == claims.value();
        },
        "the requests are done with");
    requests_seen_ = ended;
    return all;
  }
  static const SpanRecord& only(
      const std::vector<SpanRecord>& spans, std::string_view name,
      const std::function<bool(const SpanRecord&)>& where = [](const auto&) { return true; }) {
    std::vector<const SpanRecord*> found;
    for (const auto& span : spans)
      if (span.name == name && where(span)) found.push_back(&span);
    if (found.size() != 1) throw std::runtime_error(fmt::format("{} spans {}", found.size(), name));
    return *found.front();
  }
  static std::string attribute(const SpanRecord& span, std::string_view key) {
    const auto found = std::ranges::find(span.attributes, key, &telemetry::Attribute::key);
    if (found == span.attributes.end()) return "(none)";
    if (const auto* number = std::get_if<std::int64_t>(&found->value)) return std::to_string(*number);
    if (const auto* flag = std::get_if<bool>(&found->value)) return *flag ? "true" : "false";
    return std::get<std::string>(found->value);
  }
  static std::string own(const SpanRecord& span, std::string_view key) {
    return attribute(span, "stack.external-db-sync." + std::string(key));
  }

  telemetry::Metrics metrics_;
  telemetry::Tracer tracer_{{.most_waiting = 100'000}, metrics_};
  std::size_t requests_seen_ = 0;
  test::Database customer_{"customer"};
  const std::string tenancy_;
};

TEST_F(SyncTrace, OneTraceHasSequencerClaimFetchAndApplyForEachKindOfDestination) {
  if (!test::ClickHouse::is_installed()) GTEST_SKIP() << "libchdb is not installed (npm ci)";
  const test::ClickHouse clickhouse;
  auto params = traced();
  params.clickhouse = clickhouse.options();
  test::Service service(source_, params);
  const test::TenantName tenant{.tenancy = tenancy_, .project = "project-1"};
  auto customer = customer_.session();
  add_users(tenancy_, 1, 1);
  wait_until_equal(session_, tenancy_, customer);
  wait_until_equal(session_, tenant, clickhouse);
  wait_until_idle();
  spans(service);

  // Both requests wait until the sequencer is done, so that each is claimed once.
  enable_poller(false);
  session_.run(fmt::format("UPDATE \"ProjectUser\" SET \"displayName\" = 'other' WHERE \"tenancyId\" = '{}'", tenancy_));
  wait_until([&] { return session_.number("SELECT count(*) FROM \"OutgoingRequest\"") == 2; }, "it is enqueued");
  EXPECT_EQ(traceparents().substr(0, 55), traceparents().substr(56));
  enable_poller(true);
  wait_until_equal(session_, tenancy_, customer);
  wait_until_equal(session_, tenant, clickhouse);
  const auto all = spans(service);

  const auto& iteration = only(all, kIteration);
  EXPECT_EQ(iteration.parent, decltype(iteration.parent){});
  EXPECT_EQ(own(iteration, "project-user-tenants"), "1");
  EXPECT_EQ(own(iteration, "team-tenants"), "0");
  EXPECT_EQ(own(iteration, "pending-count"), "1");
  EXPECT_EQ(own(iteration, "enqueued-count"), "1");
  EXPECT_GT(std::stoll(own(iteration, "iteration")), 0);
  EXPECT_GT(std::stoll(own(iteration, "batch-size")), 0);
  const auto& backfill = only(all, kBackfill);
  EXPECT_EQ(backfill.parent, iteration.context.span);
  EXPECT_EQ(attribute(backfill, "db.collection.name"), "ProjectUser");
  EXPECT_EQ(own(backfill, "rows"), "1");
  EXPECT_EQ(own(backfill, "tenants"), "1");

  for (const auto* kind : {"postgres", "clickhouse"}) {
    const auto is_of_kind = [&](const SpanRecord& span) { return own(span, "destination-kind") == kind; };
    const auto& claim = only(all, kClaim, is_of_kind);
    EXPECT_EQ(claim.parent, iteration.context.span) << kind;
    EXPECT_EQ(own(claim, "tenancy-id"), tenancy_);
    EXPECT_EQ(own(claim, "pending-count"), "1");
    const auto& engine = only(all, kEngine, is_of_kind);
    EXPECT_EQ(engine.parent, claim.context.span) << kind;
    EXPECT_EQ(own(engine, "needs-resync"), "false");
    const auto is_part = [&](const SpanRecord& span) { return span.parent == engine.context.span; };
    const auto& fetch = only(all, kFetchSpan, is_part);
    EXPECT_EQ(own(fetch, "rows"), "1");
    const auto& apply = only(all, kApplySpan, is_part);
    EXPECT_EQ(attribute(apply, "db.system.name"), kind == std::string("postgres") ? "postgresql" : kind);
    EXPECT_EQ(own(apply, "destination"), kind == std::string("postgres") ? "d0" : "@clickhouse");
    EXPECT_EQ(own(apply, "verdict"), "durable");
    EXPECT_EQ(own(apply, "rows"), "1");
    EXPECT_LT(std::stoll(own(apply, "sequence-after")), std::stoll(own(apply, "sequence-through")));
    for (const auto* span : {&claim, &engine, &fetch, &apply}) EXPECT_EQ(span->context.trace, iteration.context.trace) << kind;
    EXPECT_GE(claim.began, iteration.began);
    EXPECT_GE(fetch.began, claim.began);
    EXPECT_GE(apply.began, fetch.began);
  }
}

TEST_F(SyncTrace, ARequestThatGathersSeveralIterationsContinuesTheFirstAndLinksToTheOthers) {
  test::Service service(source_, traced());
  auto customer = customer_.session();
  add_users(tenancy_, 1, 1);
  wait_until_equal(session_, tenancy_, customer);
  wait_until_idle();
  spans(service);

  enable_poller(false);
  add_users(tenancy_, 2, 1);
  wait_until([&] { return traceparents().size() == 55; }, "one trace");
  add_users(tenancy_, 3, 1);
  wait_until([&] { return traceparents().size() == 111; }, "two traces");
  enable_poller(true);
  wait_until_equal(session_, tenancy_, customer);
  auto all = spans(service);
  const auto& claim = only(all, kClaim);
  std::vector<SpanRecord> iterations;
  std::ranges::copy_if(all, std::back_inserter(iterations), [](const auto& span) { return span.name == kIteration; });
  std::ranges::sort(iterations, {}, &SpanRecord::began);
  ASSERT_EQ(iterations.size(), 2U);
  EXPECT_EQ(claim.context.trace, iterations[0].context.trace);
  EXPECT_EQ(claim.links, std::vector{iterations[1].context});
}

TEST_F(SyncTrace, ALoadOfManyTurnsIsOneTrace) {
  add_users(tenancy_, 1, 1'000);
  auto params = traced();
  params.sync.small_rows = 10;
  params.sync.load_rows = 300;
  params.sync.load_time = std::chrono::milliseconds(10);
  test::Service service(source_, params);
  auto customer = customer_.session();
  wait_until_equal(session_, tenancy_, customer);
  wait_until_idle();
  const auto all = spans(service);
  const auto& first =
      *std::ranges::min_element(all, {}, [](const auto& span) { return std::pair(span.name != kIteration, span.began); });
  std::size_t rows = 0;
  for (const auto& span : all) {
    if (span.name != kApplySpan || span.context.trace != first.context.trace) continue;
    rows += static_cast<std::size_t>(std::stoll(own(span, "rows")));
  }
  EXPECT_EQ(rows, 2'000U);  // users and contact channels
}

TEST_F(SyncTrace, AFailureIsPartOfTheTrace) {
  auto customer = customer_.session();
  test::Service service(source_, traced());
  add_users(tenancy_, 1, 1);
  wait_until_equal(session_, tenancy_, customer);
  customer.run("ALTER TABLE users RENAME COLUMN display_name TO gone");
  add_users(tenancy_, 2, 1);
  wait_until([&] { return !state("d0").empty(); }, "it is parked");
  const auto all = spans(service);
  const auto failed = std::ranges::find_if(all, [](const auto& span) { return span.name == kApplySpan && span.error; });
  ASSERT_NE(failed, all.end());
  EXPECT_EQ(attribute(*failed, "error.type"), "42703");
  EXPECT_THAT(*failed->error, testing::HasSubstr("display_name"));
}

TEST_F(SyncTrace, WhereTheSequencerRecordsNothingNobodyDoes) {
  telemetry::Tracer none({.ratio = 0}, metrics_);
  auto params = traced();
  params.sequencer.tracer = &none;
  auto customer = customer_.session();
  {
    test::Service service(source_, params);
    add_users(tenancy_, 1, 1);
    wait_until_equal(session_, tenancy_, customer);
    wait_until_idle();
  }
  tracer_.take(100);
  enable_poller(false);
  test::Service service(source_, params);
  add_users(tenancy_, 2, 1);
  wait_until([&] { return traceparents().ends_with("-00"); }, "it is enqueued");
  enable_poller(true);
  wait_until_equal(session_, tenancy_, customer);
  service.stop();
  EXPECT_TRUE(tracer_.take(100).empty());
}

TEST_F(SyncTrace, WithoutATracerNoTraceIsInTheQueue) {
  enable_poller(false);
  test::Service service(source_);
  add_users(tenancy_, 1, 1);
  wait_until([&] { return session_.number("SELECT count(*) FROM \"OutgoingRequest\"") == 1; }, "it is enqueued");
  wait_until([&] { return session_.number("SELECT count(*) FROM \"ProjectUser\" WHERE \"shouldUpdateSequenceId\"") == 0; },
             "it is numbered");
  EXPECT_EQ(traceparents(), "none");
}

}  // namespace
}  // namespace tributary::sync
