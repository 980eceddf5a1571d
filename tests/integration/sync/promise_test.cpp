#include "queue_fixture.hpp"

// What is noted of a destination is all that remembers it once its tenancy's request is finished: who may forget that, and when.

namespace tributary::sync {
namespace {

// Patience may end while a success is being noted.
TEST_F(QueueTest, ADestinationThatWasLeftBehindIsNotForgottenForASuccess) {
  const auto tenancy = *Uuid::parse(add_tenancy(1, {"postgresql://nobody@127.0.0.1:1/a"}));
  const auto known = [&] { return session_.number("SELECT count(*) FROM tributary.destination_state"); };
  with_connection([&](postgres::Connection& connection) -> asio::awaitable<void> {
    const auto ours = co_await claim(connection, tenancy.to_string());
    co_await queue::postpone(connection, tenancy, "d0", 1h, false, deadline());
    co_await queue::unpark(connection, ours, "d0", {""}, deadline());
    EXPECT_EQ(known(), 1);
    co_await queue::postpone(connection, tenancy, "d0", 0ms, false, deadline());
    co_await queue::unpark(connection, ours, "d0", {""}, deadline());
    EXPECT_EQ(known(), 0);
  });
}

// A worker whose lease ran out is overtaken by one who notes a failure and finishes the request: the note is all that remembers the destination. Found by a network
// that is bad for long: a deleted tenancy was never forgotten.
TEST_F(QueueTest, ASuccessOfAWorkerThatWasOvertakenForgetsNothing) {
  const auto tenancy = *Uuid::parse(add_tenancy(1, {"postgresql://nobody@127.0.0.1:1/a"}));
  const auto known = [&] { return session_.number("SELECT count(*) FROM tributary.destination_state"); };
  with_connection([&](postgres::Connection& connection) -> asio::awaitable<void> {
    const queue::Park park{.tenancy = tenancy, .destination = "d0", .attempts = 1, .error = "away"};
    co_await queue::park(connection, {&park, 1}, deadline());
    const auto overtaken = co_await claim(connection, tenancy.to_string(), 1ms);
    session_.run("SELECT pg_sleep(0.002)");
    enqueue(tenancy.to_string());
    const auto claims = [&](std::chrono::milliseconds lease) {
      return queue::claim(connection, queue::DestinationKind::postgres, Uuid::random(), lease, 1, deadline());
    };
    EXPECT_TRUE((co_await claims(10s)).empty()) << "its request is still in flight: who wakes up would take it for his own";
    EXPECT_EQ(co_await queue::revive(connection, queue::DestinationKind::postgres, 1h, 5000, {}, deadline()), 1U);
    const auto ours = (co_await claims(10s)).at(0);
    co_await queue::unpark(connection, overtaken, "d0", {""}, deadline());
    EXPECT_EQ(known(), 1);
    co_await queue::unpark(connection, ours, "d0", {""}, deadline());
    EXPECT_EQ(known(), 0);
  });
}

// It is claimed while a destination is removed, and at work when that is back and rows were refused there.
TEST_F(QueueTest, ADestinationThatIsConfiguredAgainIsNotForgotten) {
  const std::vector<std::string> configured{"postgresql://nobody@127.0.0.1:1/a"};
  const auto tenancy = *Uuid::parse(add_tenancy(1, configured));
  const auto refused = [&] { return session_.number("SELECT count(*) FROM tributary.quarantine"); };
  const auto added = [&] { return session_.number("SELECT count(*) FROM tributary.added_destination"); };
  with_connection([&](postgres::Connection& connection) -> asio::awaitable<void> {
    const auto refuse = [&] {
      return queue::quarantine(connection, tenancy, "d0", "users", {{.key = R"({"id": "1"})"}}, {1s, 1s}, deadline());
    };
    set_destinations(1, {});
    const auto ours = co_await claim(connection, tenancy.to_string());
    set_destinations(1, configured);
    co_await refuse();
    co_await queue::forget_destination(connection, ours, "d0", deadline());
    EXPECT_EQ(refused(), 1);
    EXPECT_EQ(added(), 1);

    set_destinations(1, {});
    co_await refuse();  // by one that is still at it
    auto overtaken = ours;
    overtaken.lease_token = Uuid::random();
    co_await queue::forget_destination(connection, overtaken, "d0", deadline());
    EXPECT_EQ(refused(), 1);
    co_await queue::forget_destination(connection, ours, "d0", deadline());
    EXPECT_EQ(refused(), 0);
    EXPECT_EQ(added(), 0);
  });
}

// Of a deleted tenancy, where its rows went to is what it left on record.
TEST_F(QueueTest, ADestinationOfADeletedTenancyIsNotForgotten) {
  const auto tenancy = *Uuid::parse(add_tenancy(1, {"postgresql://nobody@127.0.0.1:1/a"}));
  session_.run(R"(DELETE FROM "Project")");
  const auto known = [&] { return session_.number("SELECT count(*) FROM tributary.destination_state"); };
  with_connection([&](postgres::Connection& connection) -> asio::awaitable<void> {
    const auto ours = co_await claim(connection, tenancy.to_string());
    for (const auto* destination : {"d0", "d1"})
      co_await queue::postpone(connection, tenancy, destination, 1s, false, deadline());
    for (const auto* destination : {"d0", "d1"}) co_await queue::forget_destination(connection, ours, destination, deadline());
    EXPECT_EQ(known(), 1);
    EXPECT_EQ(session_.value("SELECT destination_id FROM tributary.destination_state"), "d0");
  });
}

// An application that holds its project for long holds up no tenancy, and what it is about to configure is not forgotten.
TEST_F(QueueTest, AProjectThatIsBeingChangedIsNotWaitedFor) {
  const auto tenancy = *Uuid::parse(add_tenancy(1, {}));
  const auto known = [&] { return session_.number("SELECT count(*) FROM tributary.added_destination"); };
  session_.run(fmt::format("INSERT INTO tributary.added_destination VALUES ('{}', 'd0')", tenancy.to_string()));
  auto application = source_.session();
  with_connection([&](postgres::Connection& connection) -> asio::awaitable<void> {
    const auto ours = co_await claim(connection, tenancy.to_string());
    application.run(
        R"(BEGIN; UPDATE "Project" SET "configOverride" = '{"dbSync.externalDatabases": {"d0": {"type": "postgres"}}}')");
    co_await queue::forget_destination(connection, ours, "d0", deadline());
    EXPECT_EQ(known(), 1);
    application.run("ROLLBACK");
    co_await queue::forget_destination(connection, ours, "d0", deadline());
    EXPECT_EQ(known(), 0);
  });
}

// It is no project's: the installation has it, or has it not.
TEST_F(QueueTest, TheSharedClickHouseIsNotForgottenWhileTheInstallationHasIt) {
  const auto tenancy = *Uuid::parse(add_tenancy(1, {}));
  const auto known = [&] { return session_.number("SELECT count(*) FROM tributary.destination_state"); };
  with_connection([&](postgres::Connection& connection) -> asio::awaitable<void> {
    const auto ours = co_await claim(connection, tenancy.to_string());
    co_await queue::postpone(connection, tenancy, "@clickhouse", 1h, false, deadline());
    session_.run("UPDATE tributary.installation SET clickhouse = true");
    co_await queue::forget_destination(connection, ours, "@clickhouse", deadline());
    EXPECT_EQ(known(), 1);
    session_.run("UPDATE tributary.installation SET clickhouse = false");
    co_await queue::forget_destination(connection, ours, "@clickhouse", deadline());
    EXPECT_EQ(known(), 0);
  });
}

// It is left behind, and the source loses its promise by a fail-over: a later turn of its tenancy, which leaves it out, would be the last that anybody heard of it.
TEST_F(QueueTest, ADestinationThatIsStillBusyIsPromisedAnew) {
  test::Database slow("customer");
  test::Database fast("customer");
  const auto tenancy = add_tenancy(1, {slow.uri(), fast.uri()});
  auto slow_session = slow.session();
  auto fast_session = fast.session();
  test::Service::Params params;
  params.sync.patience = 50ms;
  test::Service service(source_, params);
  wait_until_equal(session_, tenancy, slow_session);
  wait_until_equal(session_, tenancy, fast_session);
  const auto promises = [&] {
    return session_.number("SELECT count(*) FROM tributary.destination_state WHERE destination_id = 'd0'");
  };
  const auto is_idle = [&] { return session_.number(R"(SELECT count(*) FROM "OutgoingRequest")") == 0; };
  wait_until([&] { return is_idle() && session_.number("SELECT count(*) FROM tributary.destination_state") == 0; },
             "all is done");

  auto locker = slow.session();
  locker.run("BEGIN; LOCK TABLE public.users IN ACCESS EXCLUSIVE MODE");
  add_users(tenancy, 1, 1);
  wait_until([&] { return promises() == 1 && is_idle(); }, "it is left behind");
  session_.run("DELETE FROM tributary.destination_state");
  add_users(tenancy, 2, 1);
  wait_until_equal(session_, tenancy, fast_session);
  EXPECT_EQ(promises(), 1);
  locker.run("ROLLBACK");
  wait_until_equal(session_, tenancy, slow_session);
}

}  // namespace
}  // namespace tributary::sync
