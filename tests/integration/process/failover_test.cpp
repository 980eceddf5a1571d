#include <fmt/format.h>
#include <gtest/gtest.h>

#include "support/compare.hpp"
#include "support/process.hpp"
#include "support/source.hpp"
#include "support/source_servers.hpp"
#include "support/torture.hpp"

/// The source is stopped and started, and other servers take its place, under a service that knows of nothing.
namespace tributary::test {
namespace {

TEST(Failover, ARestartOfTheSourceLosesNothing) {
  SourceServers servers;
  const SourceDatabase source("source", servers.uri());
  const Database customer("customer");
  const auto tenancy = uuid(1);
  source.session().run(
      insert_project("p",
                     fmt::format(R"({{"dbSync.externalDatabases": {{"d": {{"type": "postgres", "connectionString": "{}"}}}}}})",
                                 customer.uri())) +
      insert_tenancy(tenancy, "p"));
  const auto wait_until_both_equal = [&] {
    auto session = source.session();
    auto customer_session = customer.session();
    wait_until_equal(session, tenancy, customer_session, std::chrono::seconds(120));
  };
  Process serve(TRIBUTARY_BINARY, {"serve"}, torture_settings(source));
  for (unsigned round = 0; round < 3; ++round) {
    if (round > 0) servers.restart();
    for (unsigned i = 0; i < 5; ++i) source.session().run(insert_user(tenancy, uuid(1'000 + 100 * round + i)));
    wait_until_both_equal();
  }
  EXPECT_EQ(serve.kill().status, 128 + 9) << "it ran all the time";
}

// Its watermark went with its rows.
TEST(Failover, ADestinationThatFailsOverGetsWhatItsReplicaLacks) {
  SourceServers servers;
  const Database customer("customer", servers.uri());
  const SourceDatabase source;
  const auto tenancy = uuid(1);
  source.session().run(
      insert_project("p",
                     fmt::format(R"({{"dbSync.externalDatabases": {{"d": {{"type": "postgres", "connectionString": "{}"}}}}}})",
                                 customer.uri())) +
      insert_tenancy(tenancy, "p"));
  const auto change_and_wait = [&](unsigned first) {
    auto session = source.session();
    for (unsigned i = 0; i < 5; ++i) session.run(insert_user(tenancy, uuid(1'000 + first + i)));
    session.run(R"(UPDATE "ProjectUser" SET "displayName" = 'changed ' || clock_timestamp())");
    auto customer_session = customer.session();
    wait_until_equal(session, tenancy, customer_session, std::chrono::seconds(120));
  };
  Process serve(TRIBUTARY_BINARY, {"serve"}, torture_settings(source));
  change_and_wait(0);
  servers.prepare(SourceServers::Successor::replica);
  change_and_wait(100);
  servers.cut_off();
  change_and_wait(200);
  servers.replace();
  change_and_wait(300);
  EXPECT_EQ(serve.kill().status, 128 + 9) << "it ran all the time";
}

// `make torture` does the same with more rounds, and to replicas that had everything.
class FailoverTo : public testing::TestWithParam<Loss> {};

TEST_P(FailoverTo, AnotherServerEndsWithEveryDestinationEqualToIt) {
  const TortureParams params{.binary = TRIBUTARY_BINARY, .seed = 20261126};
  SCOPED_TRACE("seed " + std::to_string(params.seed));
  const Loss loss = GetParam();
  EXPECT_NO_THROW(torture_failover(params, {&loss, 1}));
}

INSTANTIATE_TEST_SUITE_P(Loss, FailoverTo, testing::Values(Loss::last_commits, Loss::since_backup), [](const auto& loss) {
  return loss.param == Loss::last_commits ? "AReplicaWithoutTheLastCommits" : "ABackup";
});

}  // namespace
}  // namespace tributary::test
