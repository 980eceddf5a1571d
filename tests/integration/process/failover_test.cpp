#include <fmt/format.h>
#include <gtest/gtest.h>

#include <csignal>
#include <functional>
#include <memory>

#include "queue/queue.hpp"
#include "support/compare.hpp"
#include "support/process.hpp"
#include "support/source.hpp"
#include "support/source_servers.hpp"
#include "support/torture.hpp"

/// The source is stopped and started, and other servers take its place, under a service that knows of nothing.
namespace tributary::test {
namespace {

namespace asio = boost::asio;

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

Deadline deadline() { return Deadline::after(std::chrono::seconds(20)); }

asio::awaitable<queue::Claim> claim_one(postgres::Connection& connection) {
  const auto kind = queue::DestinationKind::postgres;
  co_return (co_await queue::claim(connection, kind, Uuid::random(), std::chrono::hours(1), 1, deadline())).at(0);
}

/// The queue of a source whose servers come and go, with the request of a deleted tenancy that had the destinations d0 and d1. Nobody works on it but the test.
class QueueAtServers {
 public:
  QueueAtServers() {
    source.session().run(
        insert_project("p", R"({"dbSync.externalDatabases": {"d0": {"type": "postgres"}, "d1": {"type": "postgres"}}})") +
        insert_tenancy(uuid(1), "p") + R"(DELETE FROM "Tenancy";)" +
        fmt::format("SELECT tributary.enqueue(ARRAY['{}'::uuid])", uuid(1)));
  }

  asio::awaitable<std::unique_ptr<postgres::Connection>> connect() const {
    co_return std::make_unique<postgres::Connection>(
        co_await postgres::Connection::open(queue::session_settings(source.options()), deadline()));
  }
  /// One of the server's processes is killed, so all of them end, and what is not on disk is lost.
  void crash() const {
    auto victim = source.session();
    auto witness = source.session();
    ::kill(static_cast<pid_t>(victim.number("SELECT pg_backend_pid()")), SIGKILL);
    wait_until([&] { return !answers(witness); }, "the server has ended all sessions");
    wait_until(
        [&] {
          try {
            source.session();
            return true;
          } catch (const std::exception&) {
            return false;
          }
        },
        "the server is up again");
  }

  SourceServers servers;
  SourceDatabase source{"source", servers.uri()};

 private:
  static bool answers(Session& session) {
    try {
      return session.attempt("SELECT").empty();
    } catch (const std::exception&) {
      return false;
    }
  }
};

constexpr std::string_view kParked = "SELECT count(*) FROM tributary.destination_state";
constexpr std::string_view kRequests = R"(SELECT count(*) FROM "OutgoingRequest" WHERE "destinationKind" = 'postgres')";

queue::Park park_of(const queue::Claim& claim) {
  return {.tenancy = claim.tenancy.value(), .destination = "d0", .attempts = 1, .error = "away"};
}

// A replica has the claim, and lacks what was noted after it: nothing would bring anybody back to the destination that failed.
TEST(Failover, ARequestThatAnotherServerGaveComesAgain) {
  QueueAtServers queue_at;
  queue::Claim claim;
  run([&]() -> asio::awaitable<void> { claim = co_await claim_one(*co_await queue_at.connect()); });
  queue_at.servers.prepare(SourceServers::Successor::replica);
  queue_at.servers.cut_off();
  run([&]() -> asio::awaitable<void> {
    const auto park = park_of(claim);
    co_await queue::park(*co_await queue_at.connect(), {&park, 1}, deadline());
  });
  queue_at.servers.replace();

  auto session = queue_at.source.session();
  EXPECT_EQ(session.value(R"(SELECT "leaseToken" FROM "OutgoingRequest" WHERE "startedFulfillingAt" IS NOT NULL)"),
            claim.lease_token.to_string());
  EXPECT_EQ(session.number(std::string(kParked)), 0) << "the note is lost";
  run([&]() -> asio::awaitable<void> {
    const auto connection = co_await queue_at.connect();
    co_await queue::finish(*connection, claim, false, deadline());
    const auto again = co_await claim_one(*connection);
    EXPECT_EQ(again.tenancy, claim.tenancy);
    co_await queue::finish(*connection, again, false, deadline());
  });
  EXPECT_EQ(session.number(std::string(kRequests)), 0);
}

// A server that comes back after a crash is the same one: it does finish the request, and must have what was noted before.
TEST(Failover, WhatARequestLeavesBehindIsOnDiskBeforeItIsFinished) {
  QueueAtServers queue_at;
  {
    auto session = queue_at.source.session();
    session.run("ALTER SYSTEM SET wal_writer_delay = '10s'");
    session.run("SELECT pg_reload_conf()");
  }
  const auto expect_kept = [&](const std::function<asio::awaitable<void>(postgres::Connection&)>& note, std::string_view known) {
    run([&]() -> asio::awaitable<void> { co_await note(*co_await queue_at.connect()); });
    queue_at.crash();
    EXPECT_EQ(queue_at.source.session().number(std::string(known)), 1) << known;
    queue_at.source.session().run("DELETE FROM tributary.destination_state");
  };
  queue::Claim claim;
  run([&]() -> asio::awaitable<void> { claim = co_await claim_one(*co_await queue_at.connect()); });
  expect_kept(
      [&](postgres::Connection& connection) -> asio::awaitable<void> {
        const auto park = park_of(claim);
        co_await queue::park(connection, {&park, 1}, deadline());
      },
      kParked);
  expect_kept(
      [&](postgres::Connection& connection) {
        return queue::postpone(connection, claim.tenancy.value(), "d0", std::chrono::seconds(1), false, deadline());
      },
      kParked);
  expect_kept(
      [&](postgres::Connection& connection) { return queue::forget_deleted_tenancy(connection, claim, {"d0"}, deadline()); },
      "SELECT count(*) FROM tributary.deleted_tenancy WHERE NOT destinations ? 'd0'");
  run([&]() -> asio::awaitable<void> {
    const auto connection = co_await queue_at.connect();
    co_await queue::finish(*connection, claim, false, deadline());
  });
  EXPECT_EQ(queue_at.source.session().number(std::string(kRequests)), 0);
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
